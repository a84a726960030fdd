"""The live channel: Socket.IO for every market, declared by it, fed by the events it announces."""

from souk.kernel.live.declare import EVERYONE, Live, Namespace, RoomKind, Says, room, user_room

__all__ = ["EVERYONE", "Live", "Namespace", "RoomKind", "Says", "room", "user_room"]
