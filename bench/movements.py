"""Movements as pgbench makes them: the very statement that Souk sends, with ids and keys that are new in every execution."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from bench.cases.http import NEW_ID
from bench.limit import Argument, Fresh, Statement
from bench.till import MARKET
from souk.kernel.clock import Clock
from souk.kernel.db import Pool, Tx
from souk.kernel.messages import Catalogue, Event, Outbox, emit
from souk.modules.ledger import Movement, sql

Step = Callable[[UUID], Movement]
"""A part of a story, after the journal of the part before."""

NOTHING_BEFORE: Final = UUID(int=0)


def outbox() -> tuple[Tx, Outbox]:
    """A transaction that will never be, to see what would be written at its end."""
    tx = Tx(Pool("postgres://nowhere/nothing"), Clock(), None)
    tx.outbox = waiting = Outbox(Catalogue(MARKET.modules), tx)
    return tx, waiting


async def sent(
    movements: Iterable[tuple[Movement, *tuple[Event, ...]]], made: dict[str, str] | None = None
) -> tuple[str, list[list[Argument]]]:
    """The statement as Souk sends it with its events on board, and what it sends with it.

    made: ids of things that are there, and what gives another one in each execution.
    """
    arguments: list[list[Argument]] = []
    statement = ""
    for movement, *events in movements:
        tx, waiting = outbox()
        await emit(tx, *events)
        unloaded = waiting.unload()
        statement = sql.POST.carrying(unloaded[0]).sql if unloaded else sql.POST.sql
        rider = [renewed(str(each)) for each in unloaded[1]] if unloaded else []
        arguments.append([fresh(movement.written(tx.now), made or {}), "true", *rider])
    return statement, arguments


def fresh(document: str, made: dict[str, str]) -> Fresh:
    """A movement with ids and key that are new in each execution."""
    told: dict[str, Any] = msgspec.json.decode(document)
    renewals = dict.fromkeys((told["id"], told["key"], *(hold[0] for hold in told.get("holds", ()))), NEW_ID) | made
    return replacing(document, renewals)


def renewed(document: str) -> Fresh:
    """Events or jobs with an id that is new in each execution."""
    return replacing(document, {msgspec.json.decode(document)[0]["id"]: NEW_ID})


def replacing(document: str, renewals: dict[str, str]) -> Fresh:
    """A text in which other texts stand in the place of these."""
    expression = "{}::text"
    for old, new in renewals.items():
        expression = f"replace({expression}, '{old}', ({new})::text)"
    return Fresh(expression, document)


def as_script(story: Sequence[Step], also: Iterable[UUID] = ()) -> list[Statement]:
    """A story as a script: all its ids, and `also` these, follow from the script's own number, so that its parts fit."""
    now, journal = Clock().now(), NOTHING_BEFORE
    written: list[str] = []
    ids = {str(each) for each in also}
    for step in story:
        movement = step(journal)
        written.append(movement.written(now))
        told: dict[str, Any] = msgspec.json.decode(written[-1])
        journal = UUID(told["id"])
        ids |= {told["id"], told["key"].split()[1], *(each[0] for each in (*told.get("holds", ()), *told.get("grants", ())))}
    renewals = {each: f"md5('{each}' || :n)::uuid" for each in sorted(ids)}
    return [(sql.POST.sql, [replacing(document, renewals), "true"]) for document in written]
