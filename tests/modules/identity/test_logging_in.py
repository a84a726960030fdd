"""Coming in: by the right password and nothing else, and who does not come in learns nothing of who could."""

from __future__ import annotations

import asyncio
import statistics
import time

import pytest

from souk.kernel.config import Settings
from souk.kernel.db import Database, Pool
from souk.kernel.http import Request
from souk.kernel.http.limits import Limiter
from souk.kernel.http.refusals import TooManyRequests
from souk.modules import identity
from souk.modules.identity.attempts import Attempts
from souk.modules.identity.doorkeeper import Doorkeeper
from souk.modules.identity.errors import LoginFailed
from souk.modules.identity.model import Credentials, Origin
from souk.modules.identity.signing import Door, log_in
from tests.kernel.http.serving import code
from tests.modules.identity.conftest import PASSWORD, SETTINGS, Town

WRONG = "quite another password"


def request_from(address: str) -> Request:
    return Request("POST", "/auth/login", b"", {}, (), address)


def door(town: Town, hasher: identity.Hasher, limiter: Limiter | None = None, address: str = "10.0.0.1") -> Door:
    attempts = Attempts("sample", limiter or Limiter(), SETTINGS, request_from(address))
    keeper = town.resources[Doorkeeper]
    return Door(town.tokens, keeper, hasher, town.vault, attempts, Origin(address, "a browser"))


async def test_the_right_password_opens_whatever_the_spelling_of_the_address(town: Town) -> None:
    joined = await town.join()
    for spelling in ("ada@example.com", "ADA@EXAMPLE.COM", " Ada@example.com "):
        answer = await town.log_in("", email=spelling)
        assert answer.status_code == 200
        assert answer.json()["data"]["user"]["id"] == str(joined.id)
        assert answer.json()["data"]["user"]["lastLoginAt"] is not None
        assert answer.headers["cache-control"].endswith("no-store")


async def test_a_number_opens_as_well(town: Town) -> None:
    joined = await town.join(phone="+33 6 12 34 56 78")
    answer = await town.log_in("", email=None, phone="0033 (6) 12-34-56-78")
    assert answer.json()["data"]["user"]["id"] == str(joined.id)


async def test_one_answer_for_who_is_not_known_and_for_a_wrong_password(town: Town) -> None:
    await town.join()
    wrong, unknown = await town.log_in(password=WRONG), await town.log_in("nobody", password=WRONG)
    without = await town.log_in("nobody")
    for answer in (wrong, unknown, without):
        assert (answer.status_code, code(answer)) == (401, "LOGIN_FAILED")
        assert answer.content == wrong.content
        assert set(answer.headers) == set(wrong.headers)


async def test_neither_can_be_told_by_the_time_it_takes(town: Town, database: Database) -> None:
    """Alternately, so that whatever else the machine does meets both alike; more tries where it is very busy."""
    hasher = identity.Hasher(cost=7)
    stored = await hasher.hash(PASSWORD)
    await town.join()
    await town.do("update people set password_hash = $1", stored)
    taken: dict[str, list[float]] = {"ada@example.com": [], "nobody@example.com": []}
    known = unknown = 0.0
    for tries in range(600):
        for email, times in taken.items():
            begun = time.perf_counter()
            with pytest.raises(LoginFailed):
                await log_in(database, door(town, hasher), Credentials(email=email, password=WRONG))
            times.append(time.perf_counter() - begun)
        known, unknown = (statistics.median(times) for times in taken.values())
        if tries >= 100 and abs(known - unknown) < 0.05 * known:
            break
    assert abs(known - unknown) < 0.05 * known, f"known takes {known * 1000:.2f} ms, unknown {unknown * 1000:.2f} ms"


async def test_after_five_failures_even_the_right_password_waits(town: Town) -> None:
    await town.join()
    for spelling in ("ada@example.com", "ADA@example.com", "Ada@Example.COM", "ada@EXAMPLE.com", " ada@example.com"):
        assert (await town.log_in("", email=spelling, password=WRONG)).status_code == 401
    answer = await town.log_in()
    assert (answer.status_code, code(answer)) == (429, "TOO_MANY_REQUESTS")
    assert 0 < int(answer.headers["retry-after"]) <= 900
    await town.join("bo")
    assert (await town.log_in("bo")).status_code == 200, "only that account waits"


async def test_an_account_that_does_not_exist_is_counted_alike(town: Town) -> None:
    statuses = [(await town.log_in("nobody", password=WRONG)).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


async def test_guesses_sent_at_once_are_counted_before_they_are_judged(town: Town) -> None:
    await town.join()
    answers = await asyncio.gather(*(town.log_in(password=f"{WRONG} {i}") for i in range(20)))
    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 15


async def test_a_success_forgets_the_failures_before_it(town: Town) -> None:
    await town.join()
    for _ in range(3):
        for _ in range(4):
            assert (await town.log_in(password=WRONG)).status_code == 401
        assert (await town.log_in()).status_code == 200


def test_an_account_may_be_tried_fifty_times_an_hour_from_everywhere() -> None:
    now = 0.0
    limiter = Limiter(now=lambda: now)

    def tried(address: str) -> bool:
        try:
            Attempts("sample", limiter, SETTINGS, request_from(address)).count("password", "ada@example.com")
        except TooManyRequests:
            return False
        return True

    assert [tried(f"10.0.{i}.1") for i in range(60)] == [True] * 50 + [False] * 10
    assert not tried("10.9.9.9")
    now = 3601.0
    assert tried("10.9.9.9")


def test_addresses_of_one_network_customer_are_one() -> None:
    limiter = Limiter()
    tries = [f"2001:db8:0:1::{i}" for i in range(5)]
    for address in tries:
        Attempts("sample", limiter, SETTINGS, request_from(address)).count("password", "ada@example.com")
    with pytest.raises(TooManyRequests):
        Attempts("sample", limiter, SETTINGS, request_from("2001:db8:0:1:ffff::1")).count("password", "ada@example.com")
    Attempts("sample", limiter, SETTINGS, request_from("2001:db8:0:2::1")).count("password", "ada@example.com")


def test_sign_ups_of_one_address_are_limited_and_development_is_generous() -> None:
    production = Settings.load({"SOUK_ENV": "production", "SOUK_SECRET": "k3yqM0vSgN4b8Xz2Lr7TtWc5UdEaHfJp"})
    for settings, many in ((production, 20), (SETTINGS, 2000)):
        attempts = Attempts("sample", Limiter(), settings, request_from("10.0.0.1"))
        for _ in range(many):
            attempts.count_sign_up()
        with pytest.raises(TooManyRequests):
            attempts.count_sign_up()


async def test_who_is_suspended_is_told_so_only_with_the_right_password(town: Town) -> None:
    await town.join()
    await town.do("update people set status = 'suspended'")
    assert code(await town.log_in(password=WRONG)) == "LOGIN_FAILED"
    answer = await town.log_in()
    assert (answer.status_code, code(answer)) == (403, "ACCOUNT_SUSPENDED")
    assert await town.rows("select count(*) from sessions") == [(1,)]


async def test_a_password_that_was_changed_meanwhile_opens_nothing(town: Town, database: Database) -> None:
    await town.join()

    class Slow(identity.Hasher):
        async def verify(self, password: str, stored: str | None) -> bool:
            right = await super().verify(password, stored)
            await town.do("update people set password_hash = 'another'")
            return right

    with pytest.raises(LoginFailed):
        await log_in(database, door(town, Slow(cost=4)), Credentials(email="ada@example.com", password=PASSWORD))
    assert await town.rows("select count(*) from sessions") == [(1,)]


async def test_a_hash_of_yesterday_is_made_anew_when_its_owner_comes(town: Town, database: Database) -> None:
    await town.join()
    given = Credentials(email="ada@example.com", password=PASSWORD)
    await log_in(database, door(town, identity.Hasher(cost=5)), given)
    assert await town.rows("select left(password_hash, 7) from people") == [("$2b$05$",)]
    await log_in(database, door(town, identity.Hasher("argon2id")), given)
    assert await town.rows("select left(password_hash, 9) from people") == [("$argon2id",)]
    await log_in(database, door(town, identity.Hasher(cost=4)), given)


async def test_nobody_holds_a_connection_while_passwords_are_hashed(town: Town, database: Database, pool: Pool) -> None:
    await town.join()
    dear = identity.Hasher(cost=11)
    await town.do("update people set password_hash = $1", await dear.hash(PASSWORD))
    given = Credentials(email="ada@example.com", password=WRONG)
    trying = [asyncio.create_task(log_in(database, door(town, dear), given)) for _ in range(12)]
    seen = []
    while not all(task.done() for task in trying):
        await asyncio.sleep(0.02)
        seen.append(pool.busy)
    assert [type(task.exception()) for task in trying] == [LoginFailed] * 12
    assert len(seen) > 10
    assert statistics.median(seen) == 0


async def test_a_new_device_is_told_to_its_owner_and_a_known_one_is_not(town: Town) -> None:
    await town.join()
    client = await town.client(**{"User-Agent": "Another browser"})
    for _ in range(2):
        answer = await client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
        assert answer.status_code == 200
    await town.sign_in()
    (letter,) = [each for each in await town.letters() if "new device" in each.subject]
    for said in ("Another browser", "127.0.0.0/24", "UTC"):
        assert said in letter.text
    assert await town.rows("select count(*) from devices") == [(2,)]


@pytest.mark.parametrize("given", [{}, {"password": PASSWORD}, {"email": "ada", "password": PASSWORD}, {"email": "a@b.cd", "password": 1}])
async def test_what_is_no_attempt_is_refused(town: Town, given: dict[str, object]) -> None:
    answer = await (await town.client()).post("/auth/login", json=given)
    assert (answer.status_code, code(answer)) == (422, "INVALID")


async def test_a_megabyte_of_password_is_not_hashed(town: Town) -> None:
    await town.join()
    begun = time.perf_counter()
    answer = await town.log_in(password="p" * 1_000_000)
    assert answer.status_code in {401, 422}
    assert time.perf_counter() - begun < 1
