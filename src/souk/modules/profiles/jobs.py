"""What follows from facts about people, and keeping the declaration of what is public where it is asked for."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.messages import emit, enqueue, job, on, periodic
from souk.kernel.record import Record
from souk.modules.identity import UserReinstated, UserSuspended
from souk.modules.profiles import sql
from souk.modules.profiles.events import ProfileChanged
from souk.modules.profiles.noting import touch
from souk.modules.profiles.rules import Rules

AT_ONCE: Final = 500
FIRST: Final = UUID(int=0)


class Announcing(Record):
    """Whose profiles are told of: those with a skill, or all; and after whom to go on."""

    skill: str | None = None
    field: str = "skills"
    after: UUID = FIRST


@job("profiles.announce")
async def announce(tx: Tx, told: Announcing) -> None:
    """Say of many profiles that what they show has changed, some hundred at a time."""
    page = await tx.run(sql.ANNOUNCE, told.skill, told.after, AT_ONCE)
    for each in page:
        await emit(tx, ProfileChanged(each.person_id, each.revision, (told.field,)))
    if len(page) == AT_ONCE:
        await enqueue(tx, announce, Announcing(told.skill, told.field, max(each.person_id for each in page)))


@periodic("* * * * *")
async def keep_declaration(tx: Tx, rules: Rules) -> None:
    """Keep what the market declares public where `cards` and `providers` find it; where it changed, say so of every profile."""
    if await tx.run(sql.DECLARE, rules.public):
        await enqueue(tx, announce, Announcing(field="privacy"), key="profiles.announce everybody")


@on(UserSuspended)
async def tell_of_suspension(tx: Tx, fact: UserSuspended) -> None:
    """Whoever shows people looks again: this one is not to be shown."""
    await touch(tx, fact.person_id, "status")


@on(UserReinstated)
async def tell_of_reinstatement(tx: Tx, fact: UserReinstated) -> None:
    """Whoever shows people looks again: this one is back."""
    await touch(tx, fact.person_id, "status")
