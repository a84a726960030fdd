"""What a market declares of chat stands in the description of its API."""

from __future__ import annotations

from typing import get_type_hints

import msgspec

from souk.kernel.http.openapi import describe
from tests.modules.chat.conftest import PARLOUR


def test_the_markets_own_words_stand_in_the_description() -> None:
    document = describe("Parlour", "/test", PARLOUR.modules[-1].operations, PARLOUR.roles)
    body = document["paths"]["/conversations"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "projectId" in document["components"]["schemas"][body["$ref"].rpartition("/")[2]]["properties"]
    assert {"get", "post"} <= set(document["paths"]["/jobs/{aboutId}/messages"])
    for each in PARLOUR.modules[-1].operations:
        if each.example is not None:
            msgspec.convert(each.example, get_type_hints(each.function)["body"])
