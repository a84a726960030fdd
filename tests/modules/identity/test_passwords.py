"""Passwords: what may be one, how it is kept, and that hashing disturbs nobody."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import threading
from pathlib import Path
from time import perf_counter

import pytest

from souk.kernel.config import ConfigError, Settings
from souk.kernel.http import Invalid
from souk.modules.identity import MIXED, Rules
from souk.modules.identity.breached import in_sorted_file
from souk.modules.identity.errors import HashingBusy
from souk.modules.identity.passwords import NICE, Hasher, PasswordSettings, hasher_of, prepared
from souk.modules.identity.seed import DEMO_HASH, DEMO_PASSWORD

RULES = Rules(sign_up=("client",))
PRODUCTION = Settings.load({"SOUK_ENV": "production", "SOUK_SECRET": "k3yqM0vSgN4b8Xz2Lr7TtWc5UdEaHfJp"})
STRONG = "a long and quiet evening"


async def problem(hasher: Hasher, password: str, rules: Rules = RULES, words: tuple[str, ...] = ()) -> str:
    try:
        await hasher.check(rules, password, words)
    except Invalid as wrong:
        (only,) = wrong.problems
        assert only.field == "password"
        return only.problem
    return ""


async def test_eight_to_a_hundred_and_twenty_eight_characters() -> None:
    hasher = Hasher(cost=4)
    assert "has 7 characters" in await problem(hasher, "qzx-vw1")
    assert await problem(hasher, "qzx-vw1!") == ""
    assert await problem(hasher, "qy" * 64) == ""
    assert "8 to 128" in await problem(hasher, "qy" * 64 + "z")
    assert await problem(hasher, "\ufb01nd \ufb02ow") == "", "counted as they are compared: nine letters, two of them written as ligatures"


@pytest.mark.parametrize("known", ["password123", "PassWord123", "qwertyuiop", "liverpool"])
async def test_what_everybody_tries_first_is_refused(known: str) -> None:
    assert "tried first" in await problem(Hasher(cost=4), known)


async def test_ones_own_name_is_no_password() -> None:
    assert "your own name" in await problem(Hasher(cost=4), "Ada.Byron", words=("ada.byron", ""))
    assert await problem(Hasher(cost=4), "Ada.Byron's engine", words=("ada.byron",)) == ""


async def test_the_market_may_ask_for_more() -> None:
    rules = Rules(sign_up=("client",), password=MIXED)
    assert await problem(Hasher(cost=4), STRONG, rules) == "needs a capital letter, a digit, a symbol too"
    assert await problem(Hasher(cost=4), "A long and quiet evening, 1842", rules) == ""
    assert await problem(Hasher(cost=4), DEMO_PASSWORD, rules) == ""


async def test_breached_ones_are_found_in_a_file_however_large(tmp_path: Path) -> None:
    passwords = [f"secret number {i}" for i in range(500)]
    digests = sorted(hashlib.sha1(each.encode(), usedforsecurity=False).hexdigest().upper() for each in passwords)
    file = tmp_path / "breached.txt"
    file.write_text("".join(f"{digest}:{i}\r\n" for i, digest in enumerate(digests)))
    assert [each for each in passwords if not in_sorted_file(file, each)] == []
    assert [i for i in range(500, 1000) if in_sorted_file(file, f"secret number {i}")] == []
    assert "tried first" in await problem(Hasher(cost=4, breached=file), passwords[0])
    file.write_text("")
    assert not in_sorted_file(file, passwords[0])


@pytest.mark.parametrize("scheme", ["bcrypt", "argon2id"])
async def test_a_password_is_verified_by_what_was_stored_of_it(scheme: str) -> None:
    hasher = Hasher("argon2id") if scheme == "argon2id" else Hasher(cost=4)
    stored = await hasher.hash(STRONG)
    assert STRONG not in stored
    assert await hasher.verify(STRONG, stored)
    assert not await hasher.verify(STRONG + ".", stored)
    assert not await hasher.verify(STRONG, None)
    assert not hasher.outdated(stored)
    assert stored != await hasher.hash(STRONG)


async def test_nothing_is_cut_off_and_width_of_letters_makes_no_difference() -> None:
    hasher = Hasher(cost=4)
    stored = await hasher.hash("x" * 72 + "left")
    assert not await hasher.verify("x" * 72 + "right", stored)
    assert not await hasher.verify("x" * 72, stored)
    assert await hasher.verify(
        "\uff51\uff55\uff49\uff45\uff54 \uff45\uff56\uff45\uff4e\uff49\uff4e\uff47", await hasher.hash("quiet evening")
    )
    assert not await hasher.verify("nul\0and more", await hasher.hash("nul\0and less"))


async def test_a_hash_made_in_another_way_is_known_and_called_outdated() -> None:
    cheap, dear, other = Hasher(cost=4), Hasher(cost=5), Hasher("argon2id")
    stored = await cheap.hash(STRONG)
    for hasher in (dear, other):
        assert hasher.outdated(stored)
        assert await hasher.verify(STRONG, stored)
    assert cheap.outdated(await other.hash(STRONG))
    assert await cheap.verify(STRONG, await other.hash(STRONG))


async def test_the_demo_hash_is_of_the_demo_password() -> None:
    hasher = Hasher()
    assert await hasher.verify(DEMO_PASSWORD, DEMO_HASH)
    assert not hasher.outdated(DEMO_HASH)


async def test_a_megabyte_is_refused_before_any_hashing() -> None:
    hasher = Hasher(cost=4, waiting=0)
    with pytest.raises(HashingBusy):
        await hasher.hash("anything that would be hashed")
    assert "has 1000000 characters" in await problem(hasher, "p" * 1_000_000)


def test_spelling_a_megabyte_of_accents_takes_no_time() -> None:
    accents = "a" + "\u0315\u0300\u0316\u0328" * 50_000
    begun = perf_counter()
    assert prepared(accents) != prepared(accents[:-1])
    assert perf_counter() - begun < 0.5, "in one spelling it would take a minute, and everybody would wait"


async def test_more_than_may_wait_are_turned_away_and_told_when_to_come_back() -> None:
    hasher = Hasher(cost=4, waiting=5)
    done = await asyncio.gather(*(hasher.hash(STRONG) for _ in range(8)), return_exceptions=True)
    refused = [each for each in done if isinstance(each, HashingBusy)]
    assert len(refused) == 3
    assert ("Retry-After", "2") in refused[0].headers()
    assert await hasher.hash(STRONG), "and let in again when there is room"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities of threads")
async def test_hashing_lets_everybody_else_go_first() -> None:
    hasher = Hasher(cost=4)

    def priority() -> tuple[str, int]:
        return threading.current_thread().name, os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    name, nice = await hasher._run(priority)
    assert name.startswith("hashing")
    assert nice >= NICE
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < nice


async def test_the_event_loop_goes_on_meanwhile() -> None:
    hasher = Hasher(cost=10)
    hashing = asyncio.gather(*(hasher.hash(STRONG) for _ in range(8)))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0.001)
        turns += 1
    await hashing
    assert turns > 20


async def test_the_demo_password_is_for_demonstrations() -> None:
    assert await problem(Hasher(cost=4), DEMO_PASSWORD) == ""
    assert "tried first" in await problem(hasher_of(PRODUCTION, PasswordSettings.load({})), DEMO_PASSWORD)


def test_production_does_not_hash_cheaply() -> None:
    with pytest.raises(ConfigError, match="SOUK_PASSWORD_COST is 10"):
        hasher_of(PRODUCTION, PasswordSettings.load({"SOUK_PASSWORD_COST": "10"}))
    assert hasher_of(PRODUCTION, PasswordSettings.load({})) is hasher_of(PRODUCTION, PasswordSettings.load({}))


def test_a_file_that_is_not_there_stops_the_start() -> None:
    with pytest.raises(ConfigError, match="SOUK_PASSWORD_BREACHED"):
        PasswordSettings.load({"SOUK_PASSWORD_BREACHED": "nowhere.txt"})
    with pytest.raises(ConfigError, match="SOUK_PASSWORD_HASH"):
        PasswordSettings.load({"SOUK_PASSWORD_HASH": "md5"})
    assert PasswordSettings.load({"SOUK_PASSWORD_BREACHED": __file__}).breached == Path(__file__)
