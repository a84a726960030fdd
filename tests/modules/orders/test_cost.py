"""What a step asks of the database: one look, and one call that writes all of it down."""

from __future__ import annotations

from typing import Any

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Tx
from souk.kernel.messages import Catalogue, Outbox
from tests.modules.orders.street import Street, market, street

__all__ = ["market", "street"]


class Statements(list[str]):
    """What was asked of the database."""


@pytest.fixture
def statements() -> Statements:
    return Statements()


@pytest.fixture
def database(pool: Pool, clock: Clock, catalogue: Catalogue, statements: Statements) -> Database:
    class Counting(Tx):
        __slots__ = ()

        async def run(self, query: Any, *args: object) -> Any:
            statements.append(repr(query))
            return await super().run(query, *args)

        async def glance(self, query: Any, *args: object) -> Any:
            statements.append(repr(query))
            return await super().glance(query, *args)

        async def finish(self, query: Any, *args: object) -> Any:
            statements.append(repr(query))
            return await super().finish(query, *args)

    return Database(pool, clock, lambda tx: Outbox(catalogue, tx), kind=Counting)


async def test_a_step_is_one_look_and_one_call(street: Street, statements: Statements) -> None:
    cleo, will = await street.pair()
    visit = await street.finished(cleo, will)
    chore = await street.taken(cleo, will)
    statements.clear()
    await street.asks(cleo, f"/visits/{visit['id']}/dispute", reason="It leans.")
    assert len(statements) == 2, statements
    statements.clear()
    await street.asks(will, f"/chores/{chore['id']}/submit", note="Done.")
    assert len(statements) == 2, statements
    statements.clear()
    await street.chore(cleo, credits=20)
    assert len(statements) == 1, statements
