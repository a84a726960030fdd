"""Blocks: who wants nothing more to do with whom. What carries words from one person to another asks here first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from souk.kernel.assembly import Market
from souk.kernel.db import Tx
from souk.kernel.http import Actor, CursorPage, CursorPaging, cursor_page
from souk.kernel.http.guards import roles_allowed
from souk.kernel.record import Record
from souk.modules.profiles import sql
from souk.modules.profiles.errors import BlockNotFound, CannotBlock, ProfileNotFound, TooManyBlocks
from souk.modules.profiles.reading import STAFF, cards
from souk.modules.profiles.rules import Rules
from souk.modules.profiles.showing import Card


class Blocked(Record):
    """Somebody whom the caller blocked. Without a card where they were shut out."""

    person_id: UUID
    since: datetime
    person: Card | None


class Seen(msgspec.Struct, frozen=True):
    """Where in the list of blocks somebody is."""

    since: datetime
    person_id: UUID


async def blocked(tx: Tx, one: UUID, other: UUID) -> bool:
    """Whether one of the two blocked the other, whoever did."""
    return bool(await tx.run(sql.BLOCKED_AMONG, one, [other]))


async def blocked_among(tx: Tx, person_id: UUID, people: Sequence[UUID]) -> frozenset[UUID]:
    """Those of these people whom the person blocked, or who blocked the person: one statement for any number."""
    if not people:
        return frozenset()
    return frozenset(await tx.run(sql.BLOCKED_AMONG, person_id, list(people)))


async def block(tx: Tx, by: Actor, market: Market, rules: Rules, person_id: UUID) -> None:
    """Have nothing more to do with somebody. Doing it again changes nothing."""
    if person_id == by.id:
        raise CannotBlock(remedy="Nobody blocks themselves; name another person.")
    staff = sorted(roles_allowed(STAFF, market.roles))
    tried = await tx.finish(sql.BLOCK, by.id, person_id, staff, tx.now, rules.most_blocks)
    if tried is None or not tried.found:
        raise ProfileNotFound
    if tried.staff:
        raise CannotBlock(remedy="Staff have to be able to reach everybody; write to them if something is wrong.")
    if tried.held >= rules.most_blocks:
        raise TooManyBlocks(limit=rules.most_blocks)


async def unblock(tx: Tx, by: Actor, person_id: UUID) -> None:
    """Take a block back."""
    if not await tx.finish(sql.UNBLOCK, by.id, person_id):
        raise BlockNotFound


async def blocks_of(tx: Tx, by: Actor, paging: CursorPaging) -> CursorPage[Blocked]:
    """Whom the caller blocked, the latest first, with their cards."""
    after = paging.after(Seen)
    at = (after.since, after.person_id) if after is not None else (None, None)
    rows = await tx.run(sql.BLOCKS, by.id, *at, paging.limit + 1)
    shown = await cards(tx, [row.person_id for row in rows])
    listed = [Blocked(row.person_id, row.since, shown.get(row.person_id)) for row in rows]
    return cursor_page(listed, paging, lambda each: Seen(each.since, each.person_id))
