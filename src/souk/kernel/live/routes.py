"""Catching up: what was said live can be fetched as well, by clients that were away and by those without sockets."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from souk.kernel.db import Tx
from souk.kernel.errors import Refusal
from souk.kernel.http import MEMBER, Actor, CursorPage, CursorPaging, NotFound, operation
from souk.kernel.http.paging import cursor
from souk.kernel.live.declare import Live
from souk.kernel.live.log import MISSED, NOW, Line, Place, seen
from souk.kernel.live.rooms import RoomUnknown, check_room, open_to, rooms_from_the_start
from souk.kernel.record import Record

MOST_ROOMS: Final = 50
MOST_OPEN: Final = 64
"""How many open transactions a cursor names, so that it fits into an address. Of more, the latest may be read twice."""

CURSOR_LENGTH: Final = 4_096


class CursorTooOld(
    Refusal,
    status=410,
    message="What followed this cursor is no longer kept. Begin again without a cursor, then load what you show.",
):
    """Some of what was said since has been dropped, or the database was restored to a time before."""


class MissedQuery(CursorPaging, kw_only=True):
    """From where on, and in which rooms."""

    cursor: Annotated[str, Meta(max_length=CURSOR_LENGTH, description="`nextCursor` of the answer before; none to begin now.")] = ""
    room: Annotated[
        tuple[Annotated[str, Meta(max_length=200)], ...],
        Meta(max_length=MOST_ROOMS, description="Rooms such as `order:<id>`; those that one is in by connecting if none is named."),
    ] = ()


class LiveEvent(Record):
    """What was said live."""

    id: UUID
    """As on the socket. What was said in several of these rooms comes once for each."""
    event: str
    namespace: str
    room: str
    data: msgspec.Raw
    at: datetime


@operation("GET", "/live/events", who=MEMBER, tags=("live",), refusals=(CursorTooOld, RoomUnknown, NotFound))
async def read_live_events(tx: Tx, by: Actor, query: MissedQuery, live: Live) -> CursorPage[LiveEvent]:
    """What was said live since the cursor, without a gap, in the rooms that are yours or that are asked for.

    Begin without a cursor, then load what you show: everything that happens after is found from there. Each answer has the next
    cursor, one for all rooms; with fewer events than the limit it has come to the present, and is to be used the next time.
    """
    place = query.after(Place)
    for name in query.room:
        await check_room(tx, by, live, name)
    if place is None:
        return CursorPage((), cursor(Place(seen(await tx.run(NOW))).cut(MOST_OPEN)), query)
    namespaces = open_to(by, live)
    rooms = list(dict.fromkeys(query.room or (name for namespace in namespaces for name in rooms_from_the_start(by, namespace))))
    paths = [namespace.path for namespace in namespaces]
    stretch = await tx.run(MISSED, place.since.snapshot, place.till_snapshot, place.txid, place.seq, query.limit, rooms, paths)
    if stretch.dropped >= max(place.since.begin, place.txid) or place.since.end > seen(stretch.now).end:
        raise CursorTooOld
    ordered = sorted(stretch.lines, key=lambda line: line.seq)
    return CursorPage([event(line) for line in ordered], cursor(place.moved_by(stretch, query.limit).cut(MOST_OPEN)), query)


def event(line: Line) -> LiveEvent:
    """A line of the log as clients see it."""
    return LiveEvent(line.id, line.name, line.namespace, line.room, line.payload, line.at)


OPERATIONS: Final = (read_live_events,)
