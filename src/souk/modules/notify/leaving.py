"""Leaving: what notify knows of a person, to take along; and forgetting them, also in the lists of others."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.db import Tx
from souk.modules.notify import sql


async def export(tx: Tx, person: UUID) -> object:
    """What a person was told, how, and how they wanted it. What blocked people tried to tell them is not theirs."""
    chosen = await tx.run(sql.CHOSEN, person)
    return {
        "notifications": await tx.run(sql.NOTIFICATIONS_KNOWN, person),
        "deliveries": await tx.run(sql.DELIVERIES_KNOWN, person),
        "devices": await tx.run(sql.DEVICES, person),
        "choices": [{"scope": each.scope, "channel": each.channel, "wanted": each.wanted} for each in chosen.choices],
        "quietHours": None if chosen.starts is None else [f"{chosen.starts:%H:%M}", f"{chosen.ends:%H:%M}"],
    }


async def erase(tx: Tx, person: UUID) -> None:
    """Forget a person: what they were told, and what others were told because of them."""
    await tx.run(sql.FORGET_BROUGHT_ABOUT, person)
    await tx.run(sql.FORGET_NOTIFICATIONS, person)
    await tx.run(sql.FORGET_SETTINGS, person)
