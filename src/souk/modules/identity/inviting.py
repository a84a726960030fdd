"""People who are brought in rather than sign up: the first staff of a new instance, by the command line.

They get no password from anybody. A link lets them choose one; it proves their address too.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

import msgspec

from souk.kernel.assembly import Market
from souk.kernel.db import Tx, Violated
from souk.kernel.ids import new_id
from souk.kernel.messages import emit
from souk.modules import audit
from souk.modules.identity.addresses import email_address
from souk.modules.identity.doorkeeper import digest
from souk.modules.identity.errors import EmailTaken
from souk.modules.identity.events import UserRegistered
from souk.modules.identity.model import Person
from souk.modules.identity.proofs import Links
from souk.modules.identity.rules import rules_of
from souk.modules.identity.sql import people as sql
from souk.modules.identity.sql import proofs as proofs_sql
from souk.modules.identity.staff import check_roles

LIFE: Final = timedelta(hours=24)
"""How long the link is good that lets them choose a password."""


class Invited(msgspec.Struct, frozen=True):
    """Somebody to bring in."""

    email: str
    role: str
    first_name: str = ""
    last_name: str = ""


async def invite(tx: Tx, market: Market, links: Links, invited: Invited) -> str:
    """Make somebody's account, and say where they choose their password."""
    address = email_address(invited.email)
    roles = check_roles(market, rules_of(market), [invited.role])
    first = invited.first_name or address.written.partition("@")[0]
    last = invited.last_name or invited.role.replace("_", " ").title()
    try:
        person = await tx.run(
            sql.ADD_PERSON,
            *(new_id(), address.written, address.key, None, None, first, last, list(roles)),
            *(None, rules_of(market).languages[0], "UTC", tx.now, None),
        )
    except Violated as violated:
        raise EmailTaken from violated
    await emit(tx, UserRegistered(person.id, person.roles))
    await audit.record(tx, "user.invited", "user", person.id, by=None, after={"roles": roles})
    return await _link(tx, links, person)


async def _link(tx: Tx, links: Links, person: Person) -> str:
    token = secrets.token_urlsafe(32)
    proof = (new_id(), "reset_password", person.id, person.email, digest(token), tx.now, tx.now + LIFE)
    await tx.run(proofs_sql.ADD_LINK, *proof)
    return links.to("reset_password", token)
