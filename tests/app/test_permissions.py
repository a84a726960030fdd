"""Every operation of every market, asked for by everyone there is: the answer is as the declaration says, without exception."""

from __future__ import annotations

import httpx
import pytest

from souk.app.application import operations_of
from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.modules import sample
from tests.app.running import Souk, coming_from, every_market, tokens_of
from tests.kernel.http.serving import IN_THE_CLEAR
from tests.plugins.permissions import GUARDS, Attempt, attempts, verdict

MARKETS = {market.name: market for market in every_market()}
ISSUERS = {name: tokens_of(name) for name in MARKETS}


def all_attempts(market: Market) -> list[Attempt]:
    return list(attempts(market, operations_of(market, Settings.load({})), ISSUERS))


@pytest.mark.parametrize("name", MARKETS)
def test_each_answer_is_as_the_declaration_says(everything: Souk, name: str) -> None:
    wrong = []
    with httpx.Client(base_url=everything.address, headers=coming_from(name), timeout=30, **IN_THE_CLEAR) as client:
        for attempt in all_attempts(MARKETS[name]):
            found = ask(client, attempt)
            if found != (attempt.status, attempt.code if attempt.method != "HEAD" else ""):
                wrong.append(f"{attempt}: expected {attempt.status} {attempt.code}, got {found}")
    assert wrong == []


def ask(client: httpx.Client, attempt: Attempt) -> tuple[int, str]:
    """Status and code of the guard's refusal; nothing where it let the caller pass. The empty body changes nothing anywhere."""
    headers = {"Authorization": attempt.authorization} if attempt.authorization else {}
    body: dict[str, str] | None = None if attempt.method in {"GET", "HEAD", "DELETE"} else {}
    with client.stream(attempt.method, attempt.path, headers=headers, json=body) as answer:
        assert answer.status_code < 500, f"{attempt} answered {answer.status_code}"
        if answer.status_code not in {401, 403}:
            return 0, ""
        if attempt.method == "HEAD":
            return answer.status_code, ""
        answer.read()
        code = answer.json()["error"]["code"]
        return (answer.status_code, code) if code in GUARDS else (0, "")


def test_nothing_is_left_out() -> None:
    """Guards the test above against asking for nothing."""
    sent = all_attempts(MARKETS["sample"])
    asked = {(attempt.method, attempt.path.partition("/v1")[2].split("/")[1]) for attempt in sent}
    assert {("GET", "orders"), ("HEAD", "orders"), ("POST", "orders"), ("GET", "staff"), ("POST", "sign-in"), ("POST", "dev")} <= asked
    assert len(sent) == 18 * (1 + 3 + 1 + 5 + 4)
    assert {attempt.status for attempt in sent} == {0, 401, 403}


def test_the_declaration_is_read_as_it_is_meant() -> None:
    market = MARKETS["sample"]
    by_name = {operation.name: operation for operation in sample.MODULE.operations}
    assert verdict(market, by_name["sign_in"], None) == (0, "")
    assert verdict(market, by_name["place_order"], None) == (401, "SIGN_IN_NEEDED")
    assert verdict(market, by_name["place_order"], frozenset({"provider"})) == (403, "NOT_ALLOWED")
    assert verdict(market, by_name["place_order"], frozenset({"customer"})) == (0, "")
    assert verdict(market, by_name["read_any_order"], frozenset()) == (403, "NOT_ALLOWED")
