"""A body that may be left out: `body: X | None`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
import pytest
from msgspec import Meta

from souk.kernel.db import Database
from souk.kernel.http.guards import ANYONE
from souk.kernel.http.openapi import describe
from souk.kernel.http.operation import operation
from souk.kernel.record import Record
from tests.kernel.http.serving import ROLES, Served, code, site


class Reason(Record):
    """Why."""

    why: Annotated[str, Meta(min_length=1, max_length=20)]


@operation("POST", "/leave", who=ANYONE)
async def leave(body: Reason | None) -> str:
    """Leave, with a reason or without."""
    return body.why if body else "no reason"


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with Served(site(database), [leave]) as running, running.client() as client:
        yield client


async def test_an_absent_body_is_none_whatever_it_is_said_to_be(database: Database) -> None:
    async with opened(database) as client:
        for headers in ({}, {"content-type": "text/plain"}, {"content-type": "application/json"}, {"content-length": "0"}):
            answer = await client.post("/leave", headers=headers)
            assert (answer.status_code, answer.json()["data"]) == (200, "no reason"), headers


async def test_one_that_is_there_is_read(database: Database) -> None:
    async with opened(database) as client:
        assert (await client.post("/leave", json={"why": "tired"})).json()["data"] == "tired"
        assert (await client.post("/leave", json=None, content=b"null", headers={"content-type": "application/json"})).json()[
            "data"
        ] == "no reason"


@pytest.mark.parametrize(
    ("content", "kind", "status", "wrong"),
    [
        (b'{"why": ""}', "application/json", 422, "INVALID"),
        (b"{}", "application/json", 422, "INVALID"),
        (b'{"who": "me"}', "application/json", 422, "INVALID"),
        (b"{", "application/json", 400, "MALFORMED_BODY"),
        (b'{"why": "tired"}', "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
async def test_one_that_is_there_must_be_right(database: Database, content: bytes, kind: str, status: int, wrong: str) -> None:
    async with opened(database) as client:
        answer = await client.post("/leave", content=content, headers={"content-type": kind})
    assert (answer.status_code, code(answer)) == (status, wrong)


async def test_a_body_in_pieces_is_one_too(database: Database) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"why": '
        yield b'"tired"}'

    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    async with opened(database) as client:
        headers = {"content-type": "application/json"}
        assert (await client.post("/leave", content=pieces(), headers=headers)).json()["data"] == "tired"
        assert (await client.post("/leave", content=nothing(), headers=headers)).json()["data"] == "no reason"


def test_it_is_described_as_optional() -> None:
    body = describe("Test", "/test", [leave], ROLES)["paths"]["/leave"]["post"]["requestBody"]
    assert body.get("required", False) is False
