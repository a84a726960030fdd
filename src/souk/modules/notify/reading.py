"""Reading: a person's own list, and its bell; for staff, what became of everything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from souk.kernel.db import Tx
from souk.kernel.http import Actor, BothPage, BothPaging, CursorPage, CursorPaging, both_page, cursor_page
from souk.modules.notify import sql
from souk.modules.notify.errors import NotificationNotFound
from souk.modules.notify.model import AllRead, Card, Channel, Counted, Delivered, State, Unread


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """Where a list goes on."""

    at: datetime
    id: UUID


BEGINNING: Final = Mark(datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))


class NotificationsQuery(BothPaging, kw_only=True):
    """Which notifications are wanted."""

    unread: Annotated[bool, Meta(description="Only those that were not read yet.")] = False


class DeliveriesQuery(CursorPaging, kw_only=True):
    """Which deliveries are wanted."""

    person: UUID | None = None
    kind: Annotated[str, Meta(max_length=100)] | None = None
    channel: Channel | None = None
    state: State | None = None


async def notifications(tx: Tx, by: Actor, query: NotificationsQuery) -> BothPage[Card]:
    """The caller's list, what was told last first."""
    after = query.after(Mark) or BEGINNING
    asked = sql.UNREAD_ONES if query.unread else sql.NOTIFICATIONS
    rows = await tx.run(asked, by.id, after.at, after.id, query.limit + 1, query.offset)
    if rows:
        total = rows[0].total
    else:
        counted = await tx.run(sql.HOW_MANY, by.id) or Counted()
        total = counted.unread if query.unread else counted.listed
    return both_page([row.card for row in rows], total, query, lambda card: Mark(card.updated_at, card.id))


async def unread(tx: Tx, by: Actor) -> Unread:
    """What the caller's bell shows."""
    return await tx.run(sql.UNREAD, by.id) or Unread(0)


async def read(tx: Tx, by: Actor, notification_id: UUID) -> Unread:
    """Mark one as read. One that is read already stays so."""
    found = await tx.finish(sql.MARK_READ, notification_id, by.id, tx.now)
    if found is None:
        raise NotificationNotFound
    return found


async def read_all(tx: Tx, by: Actor) -> AllRead:
    """Mark everything as read that there is by now."""
    return await tx.finish(sql.MARK_ALL_READ, by.id, tx.now) or AllRead(0, 0)


async def deliveries(tx: Tx, query: DeliveriesQuery) -> CursorPage[Delivered]:
    """The log, newest first."""
    after = query.after(Mark)
    at, last = (after.at, after.id) if after is not None else (None, None)
    rows = await tx.run(sql.DELIVERIES, query.person, query.kind, query.channel, query.state, at, last, query.limit + 1)
    return cursor_page(rows, query, lambda row: Mark(row.created_at, row.id))
