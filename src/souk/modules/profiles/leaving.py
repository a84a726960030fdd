"""Taking one's profile along, and having it forgotten."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.messages import emit
from souk.modules.profiles import sql
from souk.modules.profiles.events import ProfileChanged
from souk.modules.profiles.model import Field
from souk.modules.profiles.reading import kept_of
from souk.modules.profiles.showing import show


async def export(tx: Tx, person_id: UUID) -> object:
    """Everything that is kept of a person here, also what the market shows to staff alone: it is about them."""
    kept = (await kept_of(tx, person_id)).kept
    return {
        "profile": show(kept, frozenset(Field), tx.now, revision=True),
        "hidden": kept.hidden,
        "hiddenFromSearch": kept.unlisted,
        "preferences": kept.preferences,
        "blocks": await tx.run(sql.BLOCKS_KNOWN, person_id),
    }


async def erase(tx: Tx, person_id: UUID) -> None:
    """Forget what a person said of themselves, what was counted of them, and every block that they are in."""
    revision = await tx.run(sql.ERASE, person_id)
    await emit(tx, ProfileChanged(person_id, (revision or 0) + 1, ("erased",)))
