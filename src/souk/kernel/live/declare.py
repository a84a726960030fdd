"""What a market says and hears live, declared under its own names.

    ORDER = RoomKind("order", access_order)

    LIVE = Live(
        (
            Namespace(
                path="/",
                joins={"join_order": ORDER},
                leaves={"leave_order": ORDER},
                relays={"typing": ORDER},
                says=(Says("new_message", MessagePosted, to=lambda fact: [room("order", fact.order_id)], what=lambda fact: fact.message),),
            ),
            Namespace(path="/admin", who=STAFF),
        ),
    )

Whoever connects is in the rooms `user:<their id>` and, in a namespace that needs more than membership, `role`. Other rooms are
joined by asking; `access`, the same function that guards reading over HTTP, says whether one may.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.kernel.http.guards import MEMBER, Actor, Who
from souk.kernel.messages import Event

Access = Callable[[Tx, Actor, UUID], Awaitable[object]]
"""Loads what a room is about with the caller's permission, or raises a refusal."""

EVERYONE: Final = "everyone"
"""The room of all who are connected to a namespace."""


class RoomKind(msgspec.Struct, frozen=True):
    """Rooms about things of one kind, and who may be in them."""

    name: str
    access: Access


class Says(msgspec.Struct, frozen=True):
    """An event that is said live: under which name, in which rooms, and what of it."""

    name: str
    fact: type[Event]
    to: Callable[[Any], Iterable[str]]
    what: Callable[[Any], object]


class Namespace(msgspec.Struct, frozen=True, kw_only=True):
    """One Socket.IO namespace of a market."""

    path: str
    who: Who = MEMBER
    joins: Mapping[str, RoomKind] = {}
    """What a client emits, with the thing's id, to hear about it."""
    leaves: Mapping[str, RoomKind] = {}
    relays: Mapping[str, RoomKind] = {}
    """What a client emits to the others in a room that it is in: passed on with who it was, kept nowhere."""
    says: tuple[Says, ...] = ()


class Live(msgspec.Struct, frozen=True):
    """Everything a market says and hears live."""

    namespaces: tuple[Namespace, ...]

    @property
    def facts(self) -> frozenset[type[Event]]:
        return frozenset(self.by_fact)

    @property
    def by_fact(self) -> dict[type[Event], tuple[tuple[str, Says], ...]]:
        """How each event is said, and in which namespace: for the outbox."""
        found: dict[type[Event], tuple[tuple[str, Says], ...]] = {}
        for namespace in self.namespaces:
            for says in namespace.says:
                found[says.fact] = (*found.get(says.fact, ()), (namespace.path, says))
        return found


def room(kind: str, about: UUID) -> str:
    """The name of the room about one thing."""
    return f"{kind}:{about}"


def user_room(person: UUID) -> str:
    """The room of one person: every socket of theirs is in it."""
    return room("user", person)
