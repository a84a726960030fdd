"""A movement: what one journal does, as a value. It is built here, sent by `post`, and judged by the database."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec

from souk.kernel.ids import new_id
from souk.modules.ledger.accounts import NAMES, Account

VOIDED: Final = "voided"
CAPTURED: Final = "captured"
EXPIRED: Final = "expired"

encode: Final = msgspec.json.Encoder(enc_hook=str).encode
encode_in_order: Final = msgspec.json.Encoder(enc_hook=str, order="deterministic").encode
"""The names in `detail` come back from the database in another order than they went."""


class Movement(msgspec.Struct, kw_only=True):
    """What moves, and why. A key is used once for ever: whoever repeats it with the same content gets the same journal."""

    key: str
    kind: str
    reference: UUID | None = None
    """What it is about: an order, a payment."""
    actor: UUID | None = None
    legs: list[tuple[Account, int]] = []
    """Into an account, or (negative) out of it."""
    holds: list[tuple[UUID, Account, int, datetime | None]] = []
    resolves: list[tuple[UUID, int | None, str]] = []
    """Holds that end: how much of each is taken (None: all of it), and how."""
    grants: list[tuple[UUID, Account, int, datetime | None]] = []
    """Credits that come in as lots of their own."""
    lot: UUID | None = None
    """The one lot to draw from, expired or not."""
    reverses: UUID | None = None
    """The journal that this takes back: with legs a part of it, without all of it."""
    detail: dict[str, Any] | None = None

    def id_of(self, what: str, number: int = 0) -> UUID:
        """An id that follows from the key, so that a repetition speaks of the same hold or lot."""
        return uuid5(NAMES, f"{what} {number} of {self.key}")

    @property
    def hold_id(self) -> UUID:
        """The hold that it makes."""
        return self.holds[0][0]

    def digest(self) -> str:
        """What makes it this movement and no other. Times are left out: a repetition comes later."""
        content = (
            self.kind,
            self.reference,
            self.actor,
            sorted((str(account.id), amount) for account, amount in self.legs),
            [(account.id, amount) for _id, account, amount, _until in self.holds],
            self.resolves,
            [(account.id, amount) for _id, account, amount, _until in self.grants],
            self.lot,
            self.reverses,
            self.detail,
        )
        return hashlib.sha256(encode_in_order(content)).hexdigest()

    def accounts(self) -> dict[UUID, Account]:
        """All that it names."""
        named = [each[0] for each in self.legs] + [each[1] for each in self.holds] + [each[1] for each in self.grants]
        return {account.id: account for account in named}

    def written(self, now: datetime) -> str:
        """As the database reads it."""
        told: dict[str, Any] = {"id": new_id(), "key": self.key, "digest": self.digest(), "kind": self.kind, "at": now}
        told |= {
            name: value
            for name, value in (
                ("reference", self.reference),
                ("actor", self.actor),
                ("reverses", self.reverses),
                ("detail", self.detail),
                ("lot", self.lot),
                ("legs", [(account.id, amount) for account, amount in self.legs]),
                ("holds", [(each, account.id, amount, until) for each, account, amount, until in self.holds]),
                ("resolves", self.resolves),
                ("grants", [(each, account.id, amount, until) for each, account, amount, until in self.grants]),
                ("accounts", [account.opened() for account in self.accounts().values()]),
            )
            if value
        }
        return encode(told).decode()
