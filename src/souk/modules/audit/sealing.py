"""Sealing: entries get their place in the chain once no open transaction can put another one before them."""

from __future__ import annotations

import hmac
from typing import Final

from souk.kernel.db import Tx
from souk.modules.audit import sql
from souk.modules.audit.model import GENESIS, Entry, Head, seal_of

BATCH: Final = 500


class Sealer:
    """The keys of one market's chain, by their id, today's first. Earlier ones are needed for as long as their seals are verified."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        self._keys = keys
        self.current: Final = next(iter(keys))

    def seal(self, previous: bytes, entry: Entry, position: int) -> bytes:
        """A new seal, by today's key."""
        return seal_of(self._keys[self.current], previous, entry, position)

    def knows(self, key_id: str) -> bool:
        """Whether what that key sealed can be verified."""
        return key_id in self._keys

    def proves(self, key_id: str, seal: bytes, previous: bytes, entry: Entry, position: int) -> bool:
        """Whether the seal is what that key makes of the entry at that position."""
        return hmac.compare_digest(seal_of(self._keys[key_id], previous, entry, position), seal)


async def seal(tx: Tx, sealer: Sealer, most: int = BATCH) -> int:
    """Seal the next entries, and say how many. None while another process is at it: a chain has one end."""
    if not await tx.run(sql.LOCK_CHAIN):
        return 0
    head = await tx.run(sql.HEAD_OF_CHAIN) or Head(0, GENESIS)
    entries = await tx.run(sql.UNSEALED, most)
    if not entries:
        return 0
    positions = range(head.position + 1, head.position + 1 + len(entries))
    hashes = []
    previous = head.hash
    for position, entry in zip(positions, entries, strict=True):
        previous = sealer.seal(previous, entry, position)
        hashes.append(previous)
    await tx.finish(sql.ADD_SEALS, list(positions), [entry.id for entry in entries], hashes, sealer.current)
    return len(entries)
