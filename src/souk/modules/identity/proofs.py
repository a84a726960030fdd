"""Proofs: links that were sent, and show by coming back that an address is its owner's. Only a digest of each is kept."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final, Literal
from urllib.parse import quote

import msgspec

from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.db import Tx
from souk.kernel.ids import new_id
from souk.modules.identity.doorkeeper import digest
from souk.modules.identity.errors import LinkInvalid
from souk.modules.identity.model import Person
from souk.modules.identity.rules import Rules
from souk.modules.identity.sql import proofs as sql

LinkKind = Literal["verify_email", "change_email", "reset_password"]

LIFE: Final[dict[LinkKind, timedelta]] = {
    "verify_email": timedelta(hours=24),
    "change_email": timedelta(hours=24),
    "reset_password": timedelta(hours=1),
}


class Links(msgspec.Struct, frozen=True):
    """Where the links in this market's mail lead: its own pages, or the plain ones of the API."""

    verify_email: str
    reset_password: str
    sessions: str

    def to(self, kind: LinkKind, token: str) -> str:
        """The link that carries this token."""
        page = self.reset_password if kind == "reset_password" else self.verify_email
        return f"{page}?token={quote(token)}"


def links_of(settings: Settings, market: Market, rules: Rules) -> Links:
    """The links of a market in this instance."""
    web = rules.web.rstrip("/")
    if web:
        return Links(f"{web}/verify-email", f"{web}/reset-password", f"{web}/sessions")
    api = settings.reached_at + market.base
    return Links(f"{api}/auth/verify-email", f"{api}/auth/reset-password", f"{api}/docs")


async def new_link(tx: Tx, links: Links, person: Person, kind: LinkKind, target: str) -> str:
    """A link for a person. An earlier one of its kind is not good any more."""
    token = secrets.token_urlsafe(32)
    await tx.run(sql.ADD_LINK, new_id(), kind, person.id, target, digest(token), tx.now, tx.now + LIFE[kind])
    return links.to(kind, token)


async def take_email_link(tx: Tx, token: str) -> sql.Proof:
    """Use up a link that proves an address."""
    return good(await tx.run(sql.TAKE_EMAIL_LINK, digest(token), tx.now))


async def take_reset_link(tx: Tx, token: str) -> sql.Proof:
    """Use up a link that allows a new password."""
    return good(await tx.run(sql.TAKE_RESET_LINK, digest(token), tx.now))


async def see_reset_link(tx: Tx, token: str) -> sql.Proof:
    """Whose link that is, without using it up."""
    return good(await tx.run(sql.SEE_RESET_LINK, digest(token), tx.now))


def good(proof: sql.Proof | None) -> sql.Proof:
    """The proof, if there is one."""
    if proof is None:
        raise LinkInvalid
    return proof
