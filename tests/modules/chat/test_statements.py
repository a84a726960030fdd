"""Every statement of chat fits the migrated schema, and is used."""

from __future__ import annotations

from pathlib import Path
from typing import get_type_hints

import msgspec

import souk
from souk.kernel.db import QUERIES
from souk.kernel.db.checks import check_statements
from souk.kernel.db.usage import check_usage
from souk.kernel.http.openapi import describe
from tests.modules.chat.conftest import PARLOUR

OWN = [query for query in QUERIES if query.home.startswith("souk.modules.chat.")]


async def test_every_statement_fits_the_schema(runtime_dsn: str) -> None:
    assert len(OWN) > 20
    assert await check_statements(runtime_dsn, OWN) == []


def test_every_statement_is_used() -> None:
    assert check_usage(Path(str(souk.__file__)).parent, OWN) == []


def test_the_markets_own_words_stand_in_the_description() -> None:
    document = describe("Parlour", "/test", PARLOUR.modules[-1].operations, PARLOUR.roles)
    body = document["paths"]["/conversations"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "projectId" in document["components"]["schemas"][body["$ref"].rpartition("/")[2]]["properties"]
    assert {"get", "post"} <= set(document["paths"]["/jobs/{aboutId}/messages"])
    for each in PARLOUR.modules[-1].operations:
        if each.example is not None:
            msgspec.convert(each.example, get_type_hints(each.function)["body"])
