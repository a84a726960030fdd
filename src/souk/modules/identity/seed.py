"""Demo logins: `admin@<market>.test` and one for each other role, with a password that everybody may know."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

from souk.kernel.assembly import Market
from souk.kernel.db import Tx
from souk.modules.identity.passwords import DEMO_PASSWORD
from souk.modules.identity.rules import rules_of
from souk.modules.identity.sql import people as sql

DEMO_HASH: Final = "$2b$12$kosMejtamW15C6EIuCCHrOY/heYKPYtJr2w1H4J0lAaKD.0l3Ibd2"
"""Hashed once for all, so that no start of a demonstration waits for it."""
DEMO_PEOPLE: Final = UUID("7c5e1f0e-93c2-4a51-8d64-2f0f6f1b5c11")


__all__ = ["DEMO_PASSWORD", "demo_logins", "seed"]


def demo_logins(market: Market) -> tuple[str, ...]:
    """The addresses of a market's demo logins, its admin first."""
    names = sorted((role.name for role in market.roles), key=lambda name: name != "admin")
    return tuple(f"{name}@{market.name}.test" for name in names)


async def seed(tx: Tx, market: Market) -> None:
    """Make the demo logins that are missing."""
    rules = rules_of(market)
    for email in demo_logins(market):
        role = email.partition("@")[0]
        if await tx.run(sql.PERSON_BY_EMAIL, email) is None:
            await tx.run(
                sql.ADD_PERSON,
                *(uuid5(DEMO_PEOPLE, email), email, email, None, tx.now, role.replace("_", " ").title(), "Demo", [role]),
                *(DEMO_HASH, rules.languages[0], "UTC", tx.now, None),
            )
