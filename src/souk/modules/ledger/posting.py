"""`post`: the one way in which anything moves."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Tx, Violated
from souk.kernel.errors import Refusal
from souk.kernel.messages import Event, emit
from souk.kernel.messages.outbox import outbox_of
from souk.kernel.money import Asset
from souk.modules.ledger import sql
from souk.modules.ledger.errors import HoldEnded, IdempotencyConflict, InsufficientFunds, MoreThanHeld, MoreThanMoved, NoSuchMovement
from souk.modules.ledger.movement import Movement
from souk.modules.ledger.sql import Posted

REPLAYED: Final = "journals_replayed"


class Shortage(msgspec.Struct):
    """What the database tells when there is not enough."""

    account: UUID
    asset: str
    exponent: int
    available: int
    needed: int


async def post(tx: Tx, movement: Movement, *events: Event, last: bool = False) -> Posted:
    """Carry out a movement in one call and announce the events; unless it was carried out before: then it is only answered again.

    last: nothing follows in this transaction. Where nothing went before either, movement, events and jobs are one statement.
    """
    alone = last and tx.untouched and not tx.rehearsal and not outbox_of(tx).loaded
    try:
        if alone:
            return await _alone(tx, movement, events)
        posted = await tx.run(sql.POST, movement.written(tx.now), False)  # noqa: FBT003 - a parameter of SQL has no name
    except Violated as violated:
        raise refusal(violated) or violated from violated
    if not posted.replayed:
        await emit(tx, *events)
    return posted


async def _alone(tx: Tx, movement: Movement, events: tuple[Event, ...]) -> Posted:
    """The messages ride along, so a repetition must fail the statement, and they with it."""
    if events:
        await emit(tx, *events)
    try:
        return await tx.finish(sql.POST, movement.written(tx.now), bool(events))
    except Violated as violated:
        if violated.constraint != REPLAYED:
            raise
        return Posted(UUID(violated.detail), replayed=True)


def refusal(violated: Violated) -> Refusal | None:
    """What a rule of the ledger means to who asked."""
    if violated.constraint == "nothing_below_floor" and violated.detail.startswith("{"):
        short = msgspec.json.decode(violated.detail, type=Shortage)
        asset = Asset(short.asset, short.exponent)
        return InsufficientFunds(asset, available=short.available, needed=short.needed)
    meaning = MEANINGS.get(violated.constraint)
    return meaning() if meaning else None


MEANINGS: Final[dict[str, type[Refusal]]] = {
    "journals_key_reused": IdempotencyConflict,
    "hold_not_open": HoldEnded,
    "captured_within": MoreThanHeld,
    "reversed_within": MoreThanMoved,
    "journals_reverses_fkey": NoSuchMovement,
}
