"""The hall: who is connected to this process, and which rooms they are in."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, TypeVar
from uuid import UUID

from souk.kernel.http.guards import Actor
from souk.kernel.http.tokens import Known
from souk.kernel.live.declare import Namespace
from souk.kernel.live.engine import Socket
from souk.kernel.live.presence import Presence

K = TypeVar("K")
NOBODY: Final[frozenset[Guest]] = frozenset()


class Guest:
    """One client in one namespace."""

    __slots__ = ("key", "known", "namespace", "rooms", "sid", "socket", "warned")

    def __init__(self, sid: str, socket: Socket, namespace: Namespace, known: Known, key: bytes) -> None:
        self.sid = sid
        self.socket = socket
        self.namespace = namespace
        self.known = known
        self.key = key
        """The API key that it came with, to ask again whether it still holds; empty for a person."""
        self.rooms: set[str] = set()
        self.warned = False
        """Whether it was told that its token has expired."""

    @property
    def actor(self) -> Actor:
        return self.known.actor


class Hall:
    """Everybody who is connected to one market here."""

    def __init__(self, presence: Presence) -> None:
        self._presence = presence
        self._guests: dict[str, dict[str, Guest]] = {}
        self._rooms: dict[tuple[str, str], set[Guest]] = {}
        self._sessions: dict[UUID, set[Guest]] = {}

    def __len__(self) -> int:
        return len(self._guests)

    def __iter__(self) -> Iterator[Guest]:
        """All of them, as they are now."""
        return iter([guest for guests in self._guests.values() for guest in guests.values()])

    def find(self, eio_sid: str, namespace: str) -> Guest | None:
        """Who is connected to a namespace by this connection."""
        return self._guests.get(eio_sid, {}).get(namespace)

    def by(self, eio_sid: str) -> Collection[Guest]:
        """Who is connected by this connection: one for each namespace."""
        return list(self._guests.get(eio_sid, {}).values())

    def admit(self, guest: Guest) -> None:
        """Somebody connected."""
        self._guests.setdefault(guest.socket.sid, {})[guest.namespace.path] = guest
        self._sessions.setdefault(guest.actor.session, set()).add(guest)
        self._presence.came(guest.actor.id)

    def dismiss(self, guest: Guest) -> None:
        """Somebody left: they are in no room any more."""
        if self.find(guest.socket.sid, guest.namespace.path) is not guest:
            return
        for name in list(guest.rooms):
            self.leave(guest, name)
        _drop(self._sessions, guest.actor.session, guest)
        guests = self._guests[guest.socket.sid]
        del guests[guest.namespace.path]
        if not guests:
            del self._guests[guest.socket.sid]
        self._presence.left(guest.actor.id)

    def enter(self, guest: Guest, name: str) -> None:
        """Somebody who is connected is in a room from now on."""
        if self.find(guest.socket.sid, guest.namespace.path) is guest:
            guest.rooms.add(name)
            self._rooms.setdefault((guest.namespace.path, name), set()).add(guest)

    def leave(self, guest: Guest, name: str) -> None:
        """Somebody is not in that room any more."""
        guest.rooms.discard(name)
        _drop(self._rooms, (guest.namespace.path, name), guest)

    def inside(self, namespace: str, *rooms: str) -> Collection[Guest]:
        """Everybody who is in one of these rooms, each of them once."""
        found = [self._rooms.get((namespace, name), NOBODY) for name in rooms]
        return found[0] if len(found) == 1 else NOBODY.union(*found)

    def of_session(self, session: UUID) -> Collection[Guest]:
        """Everybody who came with a token of this session."""
        return list(self._sessions.get(session, NOBODY))


def _drop(index: dict[K, set[Guest]], key: K, guest: Guest) -> None:
    """Take somebody out of an index, and the entry with the last of them."""
    guests = index.get(key)
    if guests is not None:
        guests.discard(guest)
        if not guests:
            del index[key]
