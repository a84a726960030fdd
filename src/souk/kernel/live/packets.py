"""Packets of Socket.IO: strict JSON, no attachments, nothing that a client may send fails in an unforeseen way."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from engineio.packet import MESSAGE  # type: ignore[import-untyped]
from engineio.packet import Packet as Frame
from socketio.packet import ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT  # type: ignore[import-untyped]
from socketio.packet import Packet as LibraryPacket

from souk.kernel.errors import Refusal
from souk.kernel.live.engine import Malformed

__all__ = ["ACK", "CONNECT", "DISCONNECT", "EVENT", "Packet", "acknowledged", "error_of", "event", "left", "parse", "turned_away"]


class Json:
    """What the library wants of a JSON module."""

    @staticmethod
    def dumps(value: object, **_options: object) -> str:
        """Compact JSON."""
        return ENCODE(value).decode()

    @staticmethod
    def loads(text: str) -> Any:
        """JSON as the standard has it."""
        return msgspec.json.decode(text)


ENCODE: Final = msgspec.json.Encoder().encode


class Packet(LibraryPacket):  # type: ignore[misc]
    """A packet of one of the text kinds."""

    uses_binary_events = False
    json = Json


def parse(text: str) -> Packet:
    """A packet that a client sent."""
    try:
        return Packet(encoded_packet=text)
    except (ValueError, TypeError, IndexError, RecursionError, msgspec.MsgspecError):
        raise Malformed from None


def event(namespace: str, *words: object) -> Frame:
    """An event and its arguments, encoded once for however many listen."""
    return _frame(EVENT, namespace, words)


def acknowledged(namespace: str, number: int, answer: object) -> Frame:
    """The answer to an event that asked for one."""
    return _frame(ACK, namespace, [answer], str(number))


def turned_away(namespace: str, refusal: Refusal) -> Frame:
    """Why somebody may not into a namespace; the client calls it `connect_error`."""
    return _frame(CONNECT_ERROR, namespace, {"message": refusal.code, "data": error_of(refusal)})


def left(namespace: str) -> Frame:
    """The end of a client's stay in a namespace."""
    return Frame(MESSAGE, data=f"{DISCONNECT}{_prefix(namespace)}")


def error_of(refusal: Refusal) -> dict[str, object]:
    """A refusal as HTTP's envelope has it: code, message, details."""
    error: dict[str, object] = {"code": refusal.code, "message": refusal.text()}
    return {**error, "details": refusal.details()} if refusal.fields else error


def _frame(kind: int, namespace: str, words: object, number: str = "") -> Frame:
    return Frame(MESSAGE, data=f"{kind}{_prefix(namespace)}{number}{ENCODE(words).decode()}")


def _prefix(namespace: str) -> str:
    return "" if namespace == "/" else f"{namespace},"
