"""What a market acted upon is written down as it was, and ranked again under other weights from that alone."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.kernel.http.paging import CursorPage, CursorPaging, cursor_page
from souk.kernel.ids import new_id
from souk.modules.matching import sql
from souk.modules.matching.errors import NoSuchRecord, WeightsDoNotFit
from souk.modules.matching.model import Match, Matches, RecordCard, Recorded
from souk.modules.matching.pairing import Pairing
from souk.modules.matching.parts import check_weights, weight_of
from souk.modules.matching.scoring import reordered

PLACES: Final = 1_000
"""Recorded matches in which somebody stood, that they may take with them: the newest."""


async def record(tx: Tx, pairing: Pairing, request_id: UUID, matches: Matches) -> UUID:
    """Write down what was found: places, parts, reasons, features, weights and model as they were."""
    if (matches.pairing, matches.request_id) != (pairing.name, request_id):
        raise ValueError(f"these are matches of {matches.request_id} by {matches.pairing}, not of {request_id} by {pairing.name}")
    record_id, weights = new_id(), msgspec.json.encode(matches.weights).decode()
    entries = msgspec.json.encode([_entry(match) for match in matches]).decode()
    await tx.run(sql.ADD_RECORD, record_id, pairing.name, matches.seeks, request_id, matches.model, weights, tx.now, entries)
    return record_id


def _entry(match: Match) -> dict[str, object]:
    return {
        "place": match.place,
        "candidate_id": match.id,
        "score": match.score,
        "parts": match.parts,
        "ties": match.ties,
        "features": match.features,
    }


async def read(tx: Tx, record_id: UUID) -> Recorded:
    """A match as it was recorded."""
    head = await tx.run(sql.RECORD, record_id)
    if head is None:
        raise NoSuchRecord
    return head.recorded([entry.match for entry in await tx.run(sql.ENTRIES, record_id)])


async def replay(tx: Tx, record_id: UUID, weights: Mapping[str, Decimal | str | float]) -> list[Match]:
    """The ranking of those that were recorded, as it would have been under other weights."""
    recorded = await read(tx, record_id)
    return reordered(recorded.matches, fitting(recorded.weights, weights))


def fitting(recorded: Mapping[str, float], weights: Mapping[str, Decimal | str | float]) -> dict[str, Decimal]:
    """Weights for exactly the parts that were recorded; a part that should not count at all has 0."""
    if set(weights) != set(recorded):
        raise WeightsDoNotFit(reason="These are not the parts of that match.", parts=", ".join(recorded))
    try:
        exact = {name: weight_of(weight) if Decimal(str(weight)) else Decimal() for name, weight in weights.items()}
        check_weights(exact)
    except (TypeError, ArithmeticError) as error:
        raise WeightsDoNotFit(reason=f"They do not fit: {error}.", parts=", ".join(recorded)) from error
    return exact


async def records(tx: Tx, pairing: str | None, request_id: UUID | None, paging: CursorPaging) -> CursorPage[RecordCard]:
    """Recorded matches, newest first."""
    rows = await tx.run(sql.RECORDS, pairing, request_id, paging.after(UUID), paging.limit + 1)
    return cursor_page(rows, paging, lambda row: row.id)


# Leaving


async def export(tx: Tx, person: UUID) -> object:
    """Where somebody stood in recorded matches, and for which public reasons."""
    return [
        {
            "pairing": each.pairing,
            "madeAt": each.made_at,
            "place": each.place,
            "reasons": [part.reason for part in each.parts if part.public and part.reason],
        }
        for each in await tx.run(sql.PLACES_OF, person, PLACES)
    ]
