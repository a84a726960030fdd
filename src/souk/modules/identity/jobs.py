"""What follows from identity's facts, and what the clock does for it."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import Final

from souk.kernel.db import Tx
from souk.kernel.messages import on, periodic
from souk.kernel.sealing import Vault
from souk.modules.identity.changing import ask_to_verify
from souk.modules.identity.events import DeviceSeen, SessionReused, UserRegistered
from souk.modules.identity.letters import tell
from souk.modules.identity.people import any_person
from souk.modules.identity.proofs import Links
from souk.modules.identity.sql import people as people_sql
from souk.modules.identity.sql import proofs as proofs_sql
from souk.modules.identity.sql import sessions as sessions_sql

KEPT: Final = timedelta(days=30)
"""How long sessions stay on record after their end, for who asks what happened."""
AT_ONCE: Final = 5000


@on(UserRegistered)
async def welcome(tx: Tx, fact: UserRegistered, vault: Vault) -> None:
    """Greet whoever joined."""
    person = await tx.run(people_sql.PERSON, fact.person_id)
    if person is not None:
        await tell(tx, vault, person, "welcome")


@on(UserRegistered)
async def send_verification(tx: Tx, fact: UserRegistered, vault: Vault, links: Links) -> None:
    """Send the link that verifies a new address."""
    person = await tx.run(people_sql.PERSON, fact.person_id)
    if person is not None:
        await ask_to_verify(tx, vault, links, person)


@on(DeviceSeen)
async def tell_of_device(tx: Tx, fact: DeviceSeen, vault: Vault, links: Links) -> None:
    """Tell a person that somebody signed in as them from a device that was not known."""
    place = await tx.run(sessions_sql.PLACE_OF_SESSION, fact.session_id)
    if place is None:
        return
    person = await any_person(tx, fact.person_id)
    at = f"{place.created_at:%Y-%m-%d %H:%M} UTC"
    await tell(tx, vault, person, "new_device", agent=place.agent or "?", at=at, network=network_of(place.address), link=links.sessions)


@on(SessionReused)
async def tell_of_reuse(tx: Tx, fact: SessionReused, vault: Vault, links: Links) -> None:
    """Tell a person that somebody used a copy of their session, and that it was ended."""
    person = await tx.run(people_sql.PERSON, fact.person_id)
    if person is not None:
        await tell(tx, vault, person, "session_reused", link=links.sessions)


@periodic("17 * * * *")
async def clean_up(tx: Tx) -> None:
    """Forget sessions a month after their end, and proofs that are too old to be good."""
    await tx.run(sessions_sql.FORGET_SESSIONS, tx.now - KEPT, AT_ONCE)
    await tx.run(proofs_sql.FORGET_PROOFS, tx.now - timedelta(days=1), AT_ONCE)


def network_of(address: str) -> str:
    """The network an address belongs to: enough to know one's own, and no more than that in a mail."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "?"
    return str(ipaddress.ip_network(f"{parsed}/{24 if parsed.version == 4 else 48}", strict=False))
