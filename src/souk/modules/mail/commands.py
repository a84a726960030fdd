"""What others ask of mail, and what staff do: `tx` first. Nothing here talks to a mail server."""

from __future__ import annotations

from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.kernel.http.paging import Page, Paging
from souk.kernel.ids import new_id
from souk.kernel.messages import enqueue
from souk.kernel.sealing import Vault
from souk.modules.mail import sql
from souk.modules.mail.addresses import address_key, usable_number
from souk.modules.mail.errors import AddressUnusable, NotBounced
from souk.modules.mail.html import addresses_in
from souk.modules.mail.jobs import UNWRITABLE, Delivery, deliver, purpose, render
from souk.modules.mail.model import BouncedAddress, Channel, Letter, Mail, MailState, Posted, SealedMail
from souk.modules.mail.post import Post
from souk.modules.mail.templates import Rendered


async def send(tx: Tx, vault: Vault, letter: Letter) -> None:
    """Send a letter by mail once this transaction is committed, and never when it is not."""
    await _ask(tx, vault, letter, Channel.EMAIL, address_key(letter.to))


async def text(tx: Tx, vault: Vault, letter: Letter) -> None:
    """Send a short text to a telephone once this transaction is committed."""
    await _ask(tx, vault, letter, Channel.SMS, usable_number(letter.to))


async def _ask(tx: Tx, vault: Vault, letter: Letter, channel: Channel, address: str) -> None:
    mail_id = new_id()
    sealed = vault.seal(msgspec.json.encode(letter.values), purpose(mail_id))
    await enqueue(tx, deliver, Delivery(mail_id))
    args = (channel, letter.to, address, letter.template, letter.language, letter.person_id, sealed, tx.now)
    await tx.run(sql.ADD_MAIL, mail_id, *args)


# Staff


async def mails(tx: Tx, to: str, state: MailState | None, paging: Paging) -> Page[Mail]:
    """What was sent, or was not, newest first; never what is written in it."""
    address = key_of(to)
    rows = await tx.run(sql.MAILS, address, state, paging.limit, paging.offset)
    return Page(rows, await tx.run(sql.HOW_MANY_MAILS, address, state), paging)


async def bounced(tx: Tx, paging: Paging) -> Page[BouncedAddress]:
    """The addresses that no letter is sent to."""
    rows = await tx.run(sql.BOUNCED, paging.limit, paging.offset)
    return Page(rows, await tx.run(sql.HOW_MANY_BOUNCED), paging)


async def clear_bounce(tx: Tx, address: str) -> None:
    """Let letters go to this address again."""
    if not await tx.run(sql.CLEAR_BOUNCE, key_of(address)):
        raise NotBounced


def key_of(text: str) -> str | None:
    """What an address or number is known by; None for all of them."""
    try:
        return address_key(text) if text else None
    except AddressUnusable:
        return text


# Development


async def mailbox(tx: Tx, vault: Vault, post: Post, to: str, limit: int) -> list[Posted]:
    """The latest letters, with what is written in them. Only development keeps that."""
    return [_posted(mail, post, vault) for mail in await tx.run(sql.LATEST_MAILS, key_of(to), limit)]


def _posted(mail: SealedMail, post: Post, vault: Vault) -> Posted:
    try:
        written = render(mail, post, vault) if mail.sealed is not None else Rendered("", "", "", mail.language)
    except UNWRITABLE as error:
        written = Rendered("", f"{type(error).__name__}: {error}", "", mail.language)
    html = written.html if mail.channel is Channel.EMAIL else ""
    links = addresses_in(written.text)
    return Posted(mail.id, mail.channel, mail.to, written.subject, written.text, html, links, mail.state, mail.created_at, mail.sent_at)


# People


async def export(tx: Tx, person_id: UUID) -> list[Mail]:
    """The letters that were written to a person."""
    return await tx.run(sql.MAILS_OF_PERSON, person_id)


async def erase(tx: Tx, person_id: UUID) -> None:
    """Forget where a person's letters went and what they said. Those that wait are not sent."""
    await tx.run(sql.FORGET_BOUNCES_OF_PERSON, person_id)
    await tx.run(sql.ERASE_MAILS_OF_PERSON, person_id)
