"""What the live channel refuses. A client sees these as a failed connection (`connect_error`), as an answer, or as the event `error`."""

from __future__ import annotations

from souk.kernel.errors import Refusal


class OriginNotAllowed(Refusal, status=403, message="Pages of {origin} may not connect to this market."):
    """A browser says where a page comes from; only the market's own web origins may open its live channel."""

    origin: str


class TooManySockets(Refusal, status=429, retry_after=10, message="At most {most} live connections may be open at once."):
    """Counted for each person, and for each address."""

    most: int


class NamespaceUnknown(Refusal, status=404, message="There is no namespace {namespace}. This market has: {known}."):
    """The market did not declare it."""

    namespace: str
    known: str


class EventUnknown(Refusal, status=404, message="Nothing here hears {event}. This namespace hears: {known}."):
    """The market did not declare it for this namespace."""

    event: str
    known: str


class NotInRoom(Refusal, status=403, message="Join {room} first: only those who are in a room may speak in it."):
    """What is relayed goes to a room, from one who is in it."""

    room: str


class TooManyRooms(Refusal, status=429, message="One connection may be in at most {most} rooms. Leave some."):
    """Rooms cost memory for as long as somebody is in them."""

    most: int


class TooManyEvents(Refusal, status=429, message="Too many events at once: at most {most} a second. Going on ends the connection."):
    """What came beyond the rate was thrown away."""

    most: int


class ConnectionEnded(Refusal, status=403, message="This connection was ended: {reason}."):
    """By the server, for a reason that stays true if the client connects again as it is."""

    reason: str


class NotYourToken(Refusal, status=403, message="Refresh with a token of the same person and session, or connect anew."):
    """A connection never changes whose it is."""
