"""What other modules count of a person's work: kept here, and shown with them."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.messages import emit
from souk.modules.profiles import sql
from souk.modules.profiles.events import ProfileChanged
from souk.modules.profiles.model import Field


async def note_rating(tx: Tx, person_id: UUID, average: float | None, count: int) -> None:
    """Keep how somebody is rated, on average over so many reviews. None over none takes it away. Noting it again changes nothing."""
    revision = await tx.run(sql.NOTE_RATING, person_id, average, count, tx.now)
    await _tell(tx, person_id, revision, Field.RATING)


async def note_completed(tx: Tx, person_id: UUID, completed: int) -> None:
    """Keep how many orders somebody has completed, in all. Noting it again changes nothing."""
    revision = await tx.run(sql.NOTE_COMPLETED, person_id, completed, tx.now)
    await _tell(tx, person_id, revision, Field.COMPLETED)


async def touch(tx: Tx, person_id: UUID, *fields: str) -> None:
    """Say that something of a person changed which stands elsewhere, so that whoever shows them looks again."""
    revision = await tx.run(sql.TOUCH, person_id, tx.now)
    await _tell(tx, person_id, revision, *fields)


async def _tell(tx: Tx, person_id: UUID, revision: int | None, *fields: str) -> None:
    if revision is not None:
        await emit(tx, ProfileChanged(person_id, revision, tuple(str(field) for field in fields)))
