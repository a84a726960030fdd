"""Accounts by name: who has them, for what, in which asset. The name is the id, so nobody asks the database for one."""

from __future__ import annotations

from enum import StrEnum, auto
from functools import lru_cache
from typing import Final
from uuid import UUID, uuid5

import msgspec

from souk.kernel.money import Asset
from souk.modules.ledger.errors import UnknownAsset

NAMES: Final = UUID("6d1bb4d4-55d2-4d3c-9c1b-0f6c6c3f1d52")


USD: Final = Asset("USD", 2)
EUR: Final = Asset("EUR", 2)
CRD: Final = Asset("CRD", 0)
"""Credits, whole ones."""

USDC: Final = Asset("USDC", 7)
TFT: Final = Asset("TFT", 7)


class Owner(StrEnum):
    """Whose an account is."""

    PERSON = auto()
    PLATFORM = auto()
    PROVIDER = auto()
    EXTERNAL = auto()


class Purpose(msgspec.Struct, frozen=True):
    """What accounts of one kind are for, and what may happen to them.

    hot: many movements touch it at once, so they do not wait for it and it gates none. below_zero: it may owe. in_lots: what it
    holds are grants that expire.
    """

    name: str
    owner: Owner
    hot: bool = False
    below_zero: bool = False
    in_lots: bool = False

    def of(self, asset: Asset, owner_id: UUID | None = None) -> Account:
        """The account of that owner. The platform and the outside world need no id."""
        return account(self, asset, owner_id)


class Account(msgspec.Struct, frozen=True):
    """One account, whether or not anything ever moved on it."""

    id: UUID
    purpose: Purpose
    asset: Asset
    owner_id: UUID | None

    def opened(self) -> dict[str, object]:
        """What the ledger needs to open it when it is used for the first time."""
        purpose = self.purpose
        return {
            "id": self.id,
            "owner": purpose.owner,
            "owner_id": self.owner_id,
            "purpose": purpose.name,
            "asset": self.asset.code,
            "exponent": self.asset.exponent,
            "hot": purpose.hot,
            "below_zero": purpose.below_zero or purpose.hot,
            "in_lots": purpose.in_lots,
        }


@lru_cache(maxsize=10_000)
def account(purpose: Purpose, asset: Asset, owner_id: UUID | None) -> Account:
    """The account of that name."""
    if (owner_id is None) == (purpose.owner is Owner.PERSON):
        raise ValueError(f"{purpose.name} of {owner_id}: accounts of persons have an owner's id, others have none")
    return Account(uuid5(NAMES, f"{purpose.owner} {owner_id} {purpose.name} {asset.code}"), purpose, asset, owner_id)


WALLET: Final = Purpose("wallet", Owner.PERSON)
"""A person's money."""

CREDITS: Final = Purpose("credits", Owner.PERSON, in_lots=True)
"""A person's credits, grant by grant."""

FEES: Final = Purpose("fees", Owner.PLATFORM, hot=True)
"""What the platform earned."""

EXCHANGE: Final = Purpose("exchange", Owner.PLATFORM, hot=True)
"""Where one asset becomes another."""

ISSUED: Final = Purpose("issued", Owner.PLATFORM, hot=True)
"""Where credits come from: what was granted, as a debt of the platform."""

SPENT: Final = Purpose("spent", Owner.PLATFORM, hot=True)
"""Credits that were used."""

EXPIRED: Final = Purpose("expired", Owner.PLATFORM, hot=True)
"""Credits that nobody used in time."""


class Assets(msgspec.Struct, frozen=True):
    """What a market counts in; the first is what it means where nothing is said. A rule of a market."""

    known: tuple[Asset, ...]

    @property
    def main(self) -> Asset:
        return self.known[0]

    def named(self, code: str) -> Asset:
        """The asset of that code."""
        for asset in self.known:
            if asset.code == code:
                return asset
        raise UnknownAsset(currency=code, known=", ".join(asset.code for asset in self.known))
