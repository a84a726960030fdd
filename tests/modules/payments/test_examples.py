"""The description of the API shows what answers about money look like: not made of types, but as they come."""

from __future__ import annotations

import json
from typing import Any

import pytest

from souk.app.application import operations_of
from souk.kernel.config import Settings
from souk.kernel.http.openapi import describe
from souk.markets import MARKETS

MADE_UP = json.dumps("text")
"""What is shown for a text of which nobody said what it looks like."""


def answers(market: str) -> dict[str, Any]:
    """The example of each answer about money, by operation."""
    chosen = MARKETS[market]
    examples = {kind: example for module in chosen.modules for kind, example in module.examples.items()}
    document = describe(chosen.title, chosen.base, operations_of(chosen, Settings.load({})), chosen.roles, examples=examples)
    return {
        f"{method} {path}": content["example"].get("data")
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "payments" in operation["tags"] or path.startswith("/sandbox")
        for status, response in operation["responses"].items()
        if status.startswith("2")
        for content in response.get("content", {}).values()
        if "example" in content
    }


@pytest.mark.parametrize("market", ["tulifo", "nimmit"])
def test_every_answer_about_money_is_shown_as_it_comes(market: str) -> None:
    shown = answers(market)
    assert [name for name, example in shown.items() if MADE_UP in json.dumps(example)] == []
    assert {"get /wallet", "post /payments/create-intent", "get /admin/payouts", "post /sandbox/disputes"} <= shown.keys()
    assert shown["post /payments/create-intent"]["netAmount"] == 11250
    assert ("get /admin/transactions" in shown) is (market == "nimmit")
