"""`docs/identity.md`: its declaration is a market's, its requests work as they are written, and no rule is missing from it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
from pyotp.totp import TOTP

import souk
from souk.modules.identity import MODULE, Rules
from tests.modules.identity.conftest import Town

PAGE = (Path(str(souk.__file__)).parents[2] / "docs" / "identity.md").read_text()
BLOCKS = dict(re.findall(r'^```\w+ title="(.+?)"\n(.*?)^```$', PAGE, re.DOTALL | re.MULTILINE))


def test_the_declaration_of_the_page_is_a_markets() -> None:
    [(file, text)] = [(title, text) for title, text in BLOCKS.items() if title != "walkthrough"]
    assert text in (MODULE.folder / file).read_text()


def test_the_page_tells_of_every_rule() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    left_out = {field.name for field in msgspec.structs.fields(Rules)} - told
    assert left_out == set()


async def test_the_requests_of_the_page_work_in_their_order(town: Town) -> None:
    client = await town.client()
    known: dict[str, str] = {}
    for step in BLOCKS["walkthrough"].splitlines():
        if "<letter>" in step:
            known["letter"] = next(mail.links[0] for mail in await town.letters() if mail.links and "token=" in mail.links[0]).partition(
                "token="
            )[2]
        method, path, *rest = re.sub(r"<(\w+)>", lambda found: known[found[1]], step).split(" ", 2)
        answer = await client.request(method, path, json=json.loads(rest[0]) if rest else None)
        assert answer.is_success, f"{step}: {answer.text}"
        learn(known, answer.json().get("data"), town)
        client.headers["Authorization"] = f"Bearer {known['accessToken']}"


def learn(known: dict[str, str], data: Any, town: Town) -> None:
    """What later requests need of an answer."""
    if not isinstance(data, dict):
        return
    known.update({name: data[name] for name in ("accessToken", "refreshToken") if name in data})
    if "secret" in data:
        known["code"] = TOTP(data["secret"]).at(town.clock.now())
    if "recoveryCodes" in data:
        known["recoveryCode"] = data["recoveryCodes"][0]
