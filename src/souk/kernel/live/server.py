"""`LiveServer`: one market's live channel in this process. Who may connect, which rooms they are in, and what they hear.

Whoever connects brings a token of the market, as over HTTP. One that expires is renewed by the event `refresh`; one that is revoked
ends the connection. Rooms are joined with the permission that reading over HTTP needs. What is relayed goes to the others in a room
that one is in, in every process; what the log of the channel brings (`Said`) goes to everybody here who is in its rooms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Final
from uuid import UUID

import msgspec

from souk.kernel.db import Database
from souk.kernel.errors import Refusal, camel
from souk.kernel.http.guards import Actor, NotAllowed, OutOfScope, Role, SignInNeeded, roles_allowed
from souk.kernel.http.limits import Limit, Limiter, address_key
from souk.kernel.http.refusals import TooManyRequests, invalid
from souk.kernel.http.tokens import LIFE_SECONDS, KeyUnknown, Known, TokenExpired, TokenInvalid, TokenRevoked, Tokens
from souk.kernel.live import packets
from souk.kernel.live.channel import Channel
from souk.kernel.live.declare import Live, Namespace, RoomKind, room, user_room
from souk.kernel.live.engine import RATE, Pace, Socket
from souk.kernel.live.hall import Guest, Hall
from souk.kernel.live.hints import Whispered
from souk.kernel.live.log import Said
from souk.kernel.live.refusals import EventUnknown, NotInRoom, NotYourToken, TooManyEvents, TooManyRooms, TooManySockets
from souk.kernel.live.rooms import check_room, rooms_from_the_start, satisfies
from souk.kernel.live.sockets import Sockets
from souk.kernel.telemetry import log

REFRESH: Final = "refresh"
"""What a client emits, with a fresh token, before the old one has expired."""
PACE: Final = Pace()
MOST_OF_A_PERSON: Final = 20
MOST_ROOMS: Final = 200
LONGEST_TOKEN: Final = 8 * 1024
LONGEST_RELAY: Final = 4 * 1024
HEAR: Final = "live:read"
SPEAK: Final = "live:write"
"""The scopes that an API key needs to connect, and to relay."""


class LiveServer:
    """What a market's sockets may do. It is the `Hearer` of the market's `Channel`."""

    def __init__(  # noqa: PLR0913 - what it is made of, once for each market
        self,
        live: Live,
        channel: Channel,
        *,
        database: Database,
        tokens: Tokens,
        roles: tuple[Role, ...],
        limiter: Limiter,
        guesses: Limit,
        pace: Pace = PACE,
    ) -> None:
        self.hall = Hall(channel.presence)
        self.sent = 0
        self._live = live
        self._whispers = channel.whispers
        self._namespaces = {namespace.path: namespace for namespace in live.namespaces}
        self._database = database
        self._tokens = tokens
        self._roles = roles
        self._limiter = limiter
        self._guesses = guesses
        self.sockets = Sockets(list(self._namespaces), self.hall, self._enter, self._hear, pace)
        self.engine = self.sockets.eio
        self.engine.flooded = self._flooded
        channel.heard_by(self)
        tokens.on_ended.append(self._ended)
        tokens.on_changed.append(self._changed)
        for namespace in live.namespaces:
            if REFRESH in {*namespace.joins, *namespace.leaves, *namespace.relays}:
                raise TypeError(f"the namespace {namespace.path} cannot hear {REFRESH}: every namespace does already")

    # Coming

    async def _enter(self, sid: str, socket: Socket, path: str, sent: object) -> None:
        """Let somebody into a namespace, or say why not."""
        namespace = self._namespaces[path]
        known, key = await self._verify(sent, socket.address)
        actor = known.actor
        self._check_may(actor, namespace)
        if len(self.hall.inside(path, user_room(actor.id))) >= MOST_OF_A_PERSON:
            raise TooManySockets(most=MOST_OF_A_PERSON)
        if socket.closing:
            raise SignInNeeded  # it left while we asked: nobody hears this
        guest = Guest(sid, socket, namespace, known, key)
        self.hall.admit(guest)
        for name in rooms_from_the_start(actor, namespace):
            self.hall.enter(guest, name)

    async def _verify(self, sent: object, address: str) -> tuple[Known, bytes]:
        """Whose token was sent, and the token where it is an API key. Guesses are counted as over HTTP."""
        token = sent.get("token") if isinstance(sent, dict) else None
        if not token:
            raise SignInNeeded
        try:
            authorization = _as_header(token)
            try:
                return self._tokens.known(authorization), b""
            except KeyUnknown as unknown:
                self._count_guess(address)
                await self._tokens.meet(unknown)
                known = self._tokens.known(authorization)
        except TokenInvalid:
            self._count_guess(address)
            raise
        return known, authorization

    def _count_guess(self, address: str) -> None:
        verdict = self._limiter.hit(address_key(address), self._guesses)
        if not verdict.allowed:
            raise TooManyRequests(verdict=verdict)

    def _check_may(self, actor: Actor, namespace: Namespace) -> None:
        if not satisfies(actor, namespace.who):
            raise NotAllowed(needed=" or ".join(sorted(roles_allowed(namespace.who, self._roles))))
        if actor.scopes is not None and HEAR not in actor.scopes:
            raise OutOfScope(scope=HEAR)

    # Saying something

    async def _hear(self, guest: Guest, event: str, sent: object) -> object:
        """Answer an event as the market declared it."""
        namespace = guest.namespace
        if event == REFRESH:
            return await self._refresh(guest, sent)
        if (kind := namespace.joins.get(event)) is not None:
            return await self._join(guest, kind, sent)
        if (kind := namespace.leaves.get(event)) is not None:
            name = room(kind.name, _about(kind, sent))
            self.hall.leave(guest, name)
            return {"ok": True, "room": name}
        if (kind := namespace.relays.get(event)) is not None:
            return self._relay(guest, event, kind, sent)
        known = ", ".join((*namespace.joins, *namespace.leaves, *namespace.relays, REFRESH))
        raise EventUnknown(event=event[:100], known=known)

    async def _join(self, guest: Guest, kind: RoomKind, sent: object) -> object:
        name = room(kind.name, _about(kind, sent))
        if name not in guest.rooms:
            if len(guest.rooms) >= MOST_ROOMS:
                raise TooManyRooms(most=MOST_ROOMS)
            await self._check_room(guest, name)
            self.hall.enter(guest, name)
        return {"ok": True, "room": name}

    async def _check_room(self, guest: Guest, name: str) -> None:
        await self._database.read(lambda tx: check_room(tx, guest.actor, self._live, name))

    def _relay(self, guest: Guest, event: str, kind: RoomKind, sent: object) -> object:
        about = _about(kind, sent)
        name = room(kind.name, about)
        if guest.actor.scopes is not None and SPEAK not in guest.actor.scopes:
            raise OutOfScope(scope=SPEAK)
        if name not in guest.rooms:
            raise NotInRoom(room=name)
        words = sent if isinstance(sent, dict) else {f"{camel(kind.name)}Id": str(about)}
        payload = {**words, "userId": str(guest.actor.id)}
        if len(packets.ENCODE(payload)) > LONGEST_RELAY:
            raise invalid(event, f"at most {LONGEST_RELAY} bytes of JSON")
        self._tell(guest.namespace.path, (name,), guest.sid, event, payload)
        self._whispers.send(name, guest.namespace.path, event, payload, skip=guest.sid)
        return {"ok": True}

    async def _refresh(self, guest: Guest, sent: object) -> object:
        """A fresh token for a connection: of the same person and session, and for all its namespaces."""
        known, key = await self._verify(sent, guest.socket.address)
        for each in self.hall.by(guest.socket.sid):
            if (known.actor.id, known.actor.session) != (each.actor.id, each.actor.session):
                if each is guest:
                    raise NotYourToken
                continue
            each.known, each.key, each.warned = known, key, False
            await self._look_again(each)
        return {"ok": True}

    async def _look_again(self, guest: Guest) -> None:
        """Whether somebody may still be where they are: roles and orders change."""
        try:
            self._check_may(guest.actor, guest.namespace)
        except Refusal as refusal:
            self.sockets.dismiss(guest, refusal)
            return
        for name in guest.rooms.difference(rooms_from_the_start(guest.actor, guest.namespace)):
            try:
                await self._check_room(guest, name)
            except Refusal as refusal:
                if refusal.status < 500:
                    self.hall.leave(guest, name)
                    error = {**packets.error_of(refusal), "room": name}
                    guest.socket.offer(packets.event(guest.namespace.path, "error", error))

    # Hearing something

    async def say(self, said: Said) -> None:
        """Tell everybody here who is in one of its rooms. The second argument lets a client know what it has already."""
        self._tell(said.namespace, said.rooms, "", said.name, said.payload, {"id": said.id, "at": said.at})

    async def whisper(self, whispered: Whispered) -> None:
        """Pass on what another process relays."""
        self._tell(whispered.namespace, (whispered.room,), whispered.skip, whispered.name, whispered.payload)

    def _tell(self, namespace: str, rooms: tuple[str, ...], skip: str, *words: object) -> None:
        guests = self.hall.inside(namespace, *rooms)
        if guests:
            frame = packets.event(namespace, *words)
            for guest in guests:
                if guest.sid != skip:
                    guest.socket.offer(frame)
            self.sent += len(guests)

    # Leaving

    def _ended(self, session: UUID) -> None:
        """A session ended somewhere: so does every connection that it has here."""
        for guest in self.hall.of_session(session):
            self.sockets.dismiss(guest, TokenRevoked())

    def _changed(self, session: UUID, before: float) -> None:
        """The roles of a session changed: a connection that has the old ones ends, and may connect with a fresh token."""
        for guest in self.hall.of_session(session):
            if guest.known.issued < before:
                self.sockets.dismiss(guest, TokenExpired())

    def _flooded(self, socket: Socket) -> None:
        """Warn, once, somebody who sends too much."""
        if socket.refused == 1:
            error = packets.error_of(TooManyEvents(most=int(RATE)))
            for guest in self.hall.by(socket.sid):
                socket.offer(packets.event(guest.namespace.path, "error", error))

    # Time

    async def run(self, stopping: asyncio.Event) -> None:
        """Ping, close and warn, once a second; close everything when the server stops."""
        while not stopping.is_set():
            try:
                self.engine.sweep()
                self._sweep(self._tokens.time())
            except Exception:  # noqa: BLE001 - the next second must be looked at too
                log.exception("the live connections could not be looked at")
            try:
                async with asyncio.timeout(1):
                    await stopping.wait()
            except TimeoutError:
                continue
        await self.close()

    async def close(self) -> None:
        """End every connection: a client connects again, to another process or the next one."""
        for socket in list(self.engine.sockets.values()):
            await socket.close(wait=False, reason="stopping")

    def _sweep(self, now: float) -> None:
        for guest in self.hall:
            if guest.known.expires <= now:
                self._expired(guest, now)
        lonely = monotonic() - self.engine.pace.lonely
        for socket in list(self.engine.sockets.values()):
            if socket.since < lonely and not self.hall.by(socket.sid):
                self.engine.end(socket, "in no namespace")

    def _expired(self, guest: Guest, now: float) -> None:
        """An API key is asked about again; a person is told to refresh, and given a minute."""
        if guest.key:
            guest.known = msgspec.structs.replace(guest.known, expires=now + LIFE_SECONDS)
            self.engine.go_on(self._renew(guest))
        elif now > guest.known.expires + self.engine.pace.grace:
            self.sockets.dismiss(guest, TokenExpired())
        elif not guest.warned:
            guest.warned = True
            guest.socket.offer(packets.event(guest.namespace.path, "error", packets.error_of(TokenExpired())))

    async def _renew(self, guest: Guest) -> None:
        try:
            await self._tokens.meet(KeyUnknown(guest.key))
            await self._look_again(guest)
        except Refusal as refusal:
            if refusal.status < 500:
                self.sockets.dismiss(guest, refusal)

    def counts(self) -> Mapping[str, tuple[str, Callable[[], float]]]:
        """What is counted here, for `/metrics`."""
        return {
            "souk_live_events_in": ("Events that live clients sent.", lambda: self.sockets.heard),
            "souk_live_events_out": ("Events that live clients were sent.", lambda: self.sent),
            "souk_live_refusals": ("Live connections and events that were refused.", lambda: self.sockets.refusals),
            "souk_live_dropped": ("Live connections that were cut: they did not read, or sent what is malformed.", lambda: self.engine.cut),
        }


def _as_header(token: object) -> bytes:
    """A token as it would stand in `Authorization`, however it was sent."""
    if not isinstance(token, str) or len(token) > LONGEST_TOKEN or not token.isascii():
        raise TokenInvalid
    scheme, _, rest = token.partition(" ")
    return b"Bearer " + (rest.strip() if scheme.lower() == "bearer" else token).encode()


def _about(kind: RoomKind, sent: Any) -> UUID:
    """Which thing an event is about: its id, or an object with `id` or, for an order, `orderId`."""
    field = f"{camel(kind.name)}Id"
    given = sent.get(field, sent.get("id")) if isinstance(sent, dict) else sent
    try:
        return UUID(given)
    except (ValueError, TypeError, AttributeError):
        raise invalid(field, "the id as a UUID") from None
