"""Rooms: who may be in one, asked in the same words by sockets that join and by clients that catch up."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.errors import Refusal
from souk.kernel.http.guards import ANYONE, MEMBER, Actor, Who
from souk.kernel.http.refusals import NotFound
from souk.kernel.live.declare import EVERYONE, Live, Namespace, RoomKind, user_room

ROLE: Final = "role"
"""The room of all who are connected to a namespace that needs more than membership."""


class RoomUnknown(Refusal, status=422, message="There is no kind of room for {room}. A room is called like {rooms}."):
    """Not a name of any room here, or of one in a namespace that is closed to whoever asks."""

    room: str
    rooms: str


def satisfies(by: Actor, wanted: Who) -> bool:
    """Whether somebody who is signed in may connect where this is wanted."""
    return not wanted.names.isdisjoint((ANYONE | MEMBER).names) or by.may(wanted)


def open_to(by: Actor, live: Live) -> tuple[Namespace, ...]:
    """The namespaces that somebody may connect to."""
    return tuple(namespace for namespace in live.namespaces if satisfies(by, namespace.who))


def rooms_from_the_start(by: Actor, namespace: Namespace) -> tuple[str, ...]:
    """The rooms in which one is by connecting."""
    own = (user_room(by.id), EVERYONE)
    return own if namespace.who.names & (ANYONE | MEMBER).names else (*own, ROLE)


async def check_room(tx: Tx, by: Actor, live: Live, name: str) -> None:
    """Let somebody into a room, or refuse as reading over HTTP what it is about would be refused."""
    namespaces = open_to(by, live)
    if any(name in rooms_from_the_start(by, namespace) for namespace in namespaces):
        return
    kind, about = _parse(name)
    if kind == "user" and about is not None:
        raise NotFound
    known = _kinds(namespaces)
    if kind not in known or about is None:
        raise RoomUnknown(room=name, rooms=", ".join(f"{each}:<id>" for each in ("user", *known)))
    await known[kind].access(tx, by, about)


def _parse(name: str) -> tuple[str, UUID | None]:
    kind, _, about = name.partition(":")
    try:
        # Only as `room` writes it: `UUID` takes many spellings, and two names of one room are two rooms.
        return kind, found if str(found := UUID(about)) == about else None
    except ValueError:
        return kind, None


def _kinds(namespaces: tuple[Namespace, ...]) -> dict[str, RoomKind]:
    kinds = (kind for namespace in namespaces for of in (namespace.joins, namespace.leaves, namespace.relays) for kind in of.values())
    return {kind.name: kind for kind in kinds}
