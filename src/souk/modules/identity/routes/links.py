"""Links that were sent by mail, over HTTP: for apps, and as plain pages where a market has none of its own.

A page changes nothing when it is opened: mail programs open links to look at them. It holds a form, and no script.
"""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import parse_qs

import msgspec
from msgspec import Meta

from souk.kernel.assembly import Market
from souk.kernel.db import Database, Tx
from souk.kernel.errors import Refusal
from souk.kernel.http import ANYONE, MEMBER, Actor, Content, Invalid, Reply, Tokens, invalid, operation
from souk.kernel.http.refusals import TooManyRequests
from souk.kernel.sealing import Vault
from souk.modules.identity import changing
from souk.modules.identity.attempts import Attempts
from souk.modules.identity.doorkeeper import Doorkeeper
from souk.modules.identity.errors import EmailTaken, HashingBusy, LinkInvalid, PersonNotFound
from souk.modules.identity.model import ByLink, Forgotten, Reset
from souk.modules.identity.pages import done_page, reset_page, verify_page
from souk.modules.identity.passwords import Hasher
from souk.modules.identity.people import access_self
from souk.modules.identity.proofs import Links

FORM_BYTES: Final = 8192
SAME_ANSWER: Final = "If there is an account of that address, a link is on its way to it."


class OfLink(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What a link brings along."""

    token: Annotated[str, Meta(max_length=100)] = ""


@operation("POST", "/auth/verify-email", who=ANYONE, idempotent=False, refusals=(LinkInvalid, EmailTaken))
async def verify_email(tx: Tx, body: ByLink) -> Reply[None]:
    """Verify an e-mail address by the token of the link that was sent there."""
    await changing.verify_email(tx, body.token)
    return Reply(None, "The address is verified.")


@operation("POST", "/auth/verify-email/resend", who=MEMBER, idempotent=False, limit="5/15m", refusals=(PersonNotFound,))
async def send_verification_again(tx: Tx, vault: Vault, links: Links, by: Actor) -> Reply[None]:
    """Send the link again that verifies your e-mail address, unless it is verified. Earlier ones are not good any more."""
    await changing.ask_to_verify(tx, vault, links, await access_self(tx, by))
    return Reply(None, "If the address is not verified yet, a link is on its way to it.")


@operation("POST", "/auth/forgot-password", who=ANYONE, idempotent=False, refusals=(TooManyRequests,))
async def forgot_password(tx: Tx, attempts: Attempts, body: Forgotten) -> Reply[None]:
    """Ask for a link that allows a new password. The answer is the same whether there is such an account or not."""
    await changing.forgot(tx, attempts, body.email)
    return Reply(None, SAME_ANSWER)


@operation("POST", "/auth/reset-password", who=ANYONE, idempotent=False, refusals=(LinkInvalid, PersonNotFound, HashingBusy))
async def reset_password(database: Database, tokens: Tokens, keeper: Doorkeeper, hasher: Hasher, vault: Vault, body: Reset) -> Reply[None]:  # noqa: PLR0913, PLR0917 - bound by type
    """Set a new password by the token of the link that was sent. Every session ends; sign in anew."""
    await changing.reset_password(database, (tokens, keeper, hasher, vault), body)
    return Reply(None, "The password is set. Sign in with it.")


# Pages


@operation("GET", "/auth/verify-email", who=ANYONE)
async def show_verify_page(market: Market, query: OfLink) -> Content:
    """The page that a link to verify an address leads to."""
    return verify_page(market, query.token)


@operation("POST", "/auth/verify-email/page", who=ANYONE, idempotent=False, kind="webhook", max_body=FORM_BYTES)
async def verify_by_page(database: Database, market: Market, raw: bytes) -> Content:
    """Verify an e-mail address by the page that a link leads to."""
    token = form_of(raw)["token"]
    try:
        await database.write(lambda tx: changing.verify_email(tx, token))
    except Refusal as refusal:
        return done_page(market, "Not verified", refusal.text())
    return done_page(market, "Verified", "Your e-mail address is verified. You can close this page.")


@operation("GET", "/auth/reset-password", who=ANYONE)
async def show_reset_page(market: Market, query: OfLink) -> Content:
    """The page that a link to a new password leads to."""
    return reset_page(market, query.token)


@operation("POST", "/auth/reset-password/page", who=ANYONE, idempotent=False, kind="webhook", max_body=FORM_BYTES)
async def reset_by_page(  # noqa: PLR0913, PLR0917 - bound by type
    database: Database, tokens: Tokens, keeper: Doorkeeper, hasher: Hasher, vault: Vault, market: Market, raw: bytes
) -> Content:
    """Set a new password by the page that a link leads to."""
    sent = form_of(raw)
    wanted = Reset(sent["token"], sent.get("password", ""))
    try:
        await changing.reset_password(database, (tokens, keeper, hasher, vault), wanted)
    except Invalid as wrong:
        return reset_page(market, wanted.token, f"This password {wrong.problems[0].problem}.")
    except Refusal as refusal:
        return done_page(market, "Nothing was changed", refusal.text())
    return done_page(market, "Done", "Your password is set, and every session was ended. Sign in with it.")


def form_of(raw: bytes) -> dict[str, str]:
    """A form's fields, as browsers send them."""
    try:
        sent = parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        sent = {}
    if "token" not in sent:
        raise invalid("token", "is missing; open the link again and use the form there")
    return {name: values[0] for name, values in sent.items()}
