"""Socket.IO above one market's connections: the library's server, with answers that never fail and nothing that it need not keep."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import socketio  # type: ignore[import-untyped]
from socketio.exceptions import ConnectionRefusedError as Refused  # type: ignore[import-untyped]

from souk.kernel.errors import Refusal
from souk.kernel.http.refusals import InternalError
from souk.kernel.live import packets
from souk.kernel.live.engine import LARGEST, Engine, Malformed, Pace, Socket
from souk.kernel.live.hall import Guest, Hall
from souk.kernel.live.refusals import NamespaceUnknown
from souk.kernel.telemetry import log

Enter = Callable[[str, Socket, str, object], Awaitable[None]]
"""Lets a client into a namespace, or raises why not: its id there, its connection, the namespace, what it sent along."""
Hear = Callable[[Guest, str, object], Awaitable[object]]
"""Answers an event, or raises why not."""

LIBRARY: Final = logging.getLogger("souk.live")
LIBRARY.setLevel(logging.CRITICAL)
"""The library logs what clients do wrong, with what they sent."""


class Roster(socketio.AsyncManager):  # type: ignore[misc]
    """Who is connected, for the library. Rooms are the hall's: here is only the one of everybody, so leaving is cheap."""

    def basic_enter_room(self, sid: str, namespace: str, room: str | None, eio_sid: str | None = None) -> None:
        """Only the room of everybody."""
        if room is None:
            super().basic_enter_room(sid, namespace, room, eio_sid)

    def basic_disconnect(self, sid: str, namespace: str, **_options: object) -> None:
        """Leave it."""
        self.basic_leave_room(sid, namespace, None)
        for waiting in (self.pending_connect, self.pending_disconnect):
            if sid in waiting.get(namespace, ()):
                waiting[namespace].remove(sid)


class Sockets(socketio.AsyncServer):  # type: ignore[misc]
    """The protocol of one market: who connects, what they say, what they are answered."""

    eio: Engine

    def __init__(self, namespaces: list[str], hall: Hall, enter: Enter, hear: Hear, pace: Pace) -> None:
        super().__init__(
            client_manager=Roster(),
            serializer=packets.Packet,
            logger=LIBRARY,  # pyright: ignore[reportArgumentType]
            engineio_logger=LIBRARY,
            async_mode="asgi",
            async_handlers=False,
            namespaces=namespaces,
            max_http_buffer_size=LARGEST,
            http_compression=False,
            cors_allowed_origins=[],
            monitor_clients=False,
        )
        self.eio.pace = pace
        self.refusals = 0
        self.heard = 0
        self._hall = hall
        self._enter = enter
        self._hear = hear

    def _engineio_server_class(self) -> type[Engine]:
        return Engine

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        """A connection; what its request said is not needed any more."""
        del environ
        await super()._handle_eio_connect(eio_sid, {})

    async def _handle_eio_message(self, eio_sid: str, data: str) -> None:
        packet = packets.parse(data)
        kind, namespace = packet.packet_type, packet.namespace or "/"
        if kind == packets.EVENT:
            await self._handle_event(eio_sid, namespace, packet.id, packet.data)
        elif kind == packets.CONNECT:
            await self._handle_connect(eio_sid, namespace, packet.data)
        elif kind == packets.DISCONNECT:
            await self._handle_disconnect(eio_sid, namespace)
        elif kind != packets.ACK:  # nothing here asks for one, so it means nothing
            raise Malformed

    async def _handle_connect(self, eio_sid: str, namespace: str, data: object) -> None:
        """Somebody wants into a namespace."""
        if namespace not in self.namespaces:
            self._refuse(eio_sid, namespace, NamespaceUnknown(namespace=namespace[:100], known=", ".join(self.namespaces)))
        elif self._hall.find(eio_sid, namespace) is None:
            await super()._handle_connect(eio_sid, namespace, data)

    async def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        """What the library asks of its application: only about who comes and goes."""
        sid, *rest = args
        eio_sid = str(self.manager.eio_sid_from_sid(sid, namespace))
        if event == "disconnect":
            guest = self._hall.find(eio_sid, namespace)
            if guest is not None:
                self._hall.dismiss(guest)
            return None
        try:
            await self._enter(sid, self.eio.sockets[eio_sid], namespace, rest[-1])
        except Refusal as refusal:
            self.refusals += 1
            raise Refused(refusal.code, packets.error_of(refusal)) from None
        except Exception:  # noqa: BLE001 - the edge of the live channel, as HTTP has one
            log.exception("connecting failed", namespace=namespace)
            broken = InternalError(request_id=eio_sid)
            raise Refused(broken.code, packets.error_of(broken)) from None
        return True

    async def _handle_event(self, eio_sid: str, namespace: str, id: int | None, data: object) -> None:  # noqa: A002 - the library's name
        """Somebody says something. Whoever asked for an answer gets one; others hear only of errors."""
        if not isinstance(data, list) or not data or not isinstance(data[0], str):
            raise Malformed
        guest = self._hall.find(eio_sid, namespace)
        if guest is None:
            return
        self.heard += 1
        error: dict[str, object] | None = None
        answer: object = None
        try:
            answer = await self._hear(guest, data[0], data[1] if len(data) > 1 else None)
        except Refusal as refusal:
            self.refusals += 1
            error = packets.error_of(refusal)
        except Exception:  # noqa: BLE001 - as above
            log.exception("an event failed", namespace=namespace, said=data[0][:100])
            error = packets.error_of(InternalError(request_id=eio_sid))
        if id is not None:
            guest.socket.offer(packets.acknowledged(namespace, id, answer if error is None else {"ok": False, "error": error}))
        elif error is not None:
            guest.socket.offer(packets.event(namespace, "error", error))

    def _refuse(self, eio_sid: str, namespace: str, refusal: Refusal) -> None:
        self.refusals += 1
        self.eio.sockets[eio_sid].offer(packets.turned_away(namespace, refusal))

    def dismiss(self, guest: Guest, refusal: Refusal) -> None:
        """Say why, and end somebody's stay in a namespace; with the last one, the connection."""
        path = guest.namespace.path
        guest.socket.offer(packets.event(path, "error", packets.error_of(refusal)))
        guest.socket.offer(packets.left(path))
        self._hall.dismiss(guest)
        self.eio.go_on(self._handle_disconnect(guest.socket.sid, path))
        if not self._hall.by(guest.socket.sid):
            self.eio.end(guest.socket, "ended")
