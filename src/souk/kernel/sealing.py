"""`Vault`: seals what must be stored but not read where it lies (second factors, links in waiting mail).

Sealed with today's key; what an earlier key sealed still opens. Each value is bound to what it is for, so that one row's
cannot be put into another.
"""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: Final = 12


class Unopenable(ValueError):
    """Sealed with a key that is not known here, for something else, or damaged."""


class Vault:
    """AES-256-GCM under the keys of one market. `keys` are by id, 32 bytes each, today's first."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        self._keys = {name: AESGCM(key) for name, key in keys.items()}
        self._current = next(iter(keys))

    def seal(self, secret: bytes, purpose: str) -> bytes:
        """The secret as it may be stored. `purpose` says what it is, and whose: the same words open it."""
        nonce = os.urandom(NONCE_BYTES)
        name = self._current.encode()
        return bytes([len(name)]) + name + nonce + self._keys[self._current].encrypt(nonce, secret, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """The secret again."""
        length = sealed[0] if sealed else 0
        key = self._keys.get(sealed[1 : 1 + length].decode(errors="replace"))
        if key is None:
            raise Unopenable("sealed with a key that is not known here; is a secret missing from SOUK_SECRET_PREVIOUS?")
        start = 1 + length + NONCE_BYTES
        try:
            return key.decrypt(sealed[1 + length : start], sealed[start:], purpose.encode())
        except (InvalidTag, ValueError):
            raise Unopenable("damaged, or sealed for something else") from None
