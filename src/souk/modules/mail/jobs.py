"""Delivering: a letter is written and handed over outside of any transaction; what became of it is recorded with the job's end."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

import jinja2
import msgspec

from souk.kernel.db import Database, Tx
from souk.kernel.messages import Completion, enqueue, job, periodic
from souk.kernel.record import Record
from souk.kernel.sealing import Unopenable, Vault
from souk.kernel.telemetry import log
from souk.modules.mail import sql
from souk.modules.mail.addresses import address_key, usable
from souk.modules.mail.model import KEEP_TRYING, BounceKind, Channel, Fate, MailState, SealedMail, pause
from souk.modules.mail.post import Post
from souk.modules.mail.templates import Rendered, UnknownTemplate, WrongValues
from souk.modules.mail.transports import AddressRefused, LetterRefused, Parcel, TryLater

KEPT: Final = timedelta(days=180)
REPORTS_KEPT: Final = timedelta(days=1)
AT_ONCE: Final = 10_000
UNSUBSCRIBE: Final = "unsubscribe"
"""The value of a template that also goes into the header: the address where mail of its kind is ended."""
NO_PLACE: Final = Fate(MailState.WAITING, tried=False)
LONGEST_ERROR: Final = 500
ADDRESS: Final = re.compile(r"[^\s<>]+@[^\s<>]+")
"""Servers repeat whom a letter is for; the log need not know."""

UNWRITABLE: Final = (UnknownTemplate, WrongValues, Unopenable, jinja2.TemplateError)
"""What no second attempt can mend: the letter itself is wrong."""


class Delivery(Record):
    """Which letter is to be delivered."""

    mail_id: UUID


@job("mail.deliver", patience=120)
async def deliver(database: Database, order: Delivery, post: Post, vault: Vault) -> Completion | None:
    """Write a letter and hand it over. It may be handed over twice, as the same message, when a worker dies in between."""
    mail = await database.read(lambda tx: tx.run(sql.WAITING_MAIL, order.mail_id))
    if mail is None:
        return None
    parcel = None
    if mail.suppressed:
        fate = Fate(MailState.SUPPRESSED, "earlier letters to this address came back", tried=False)
    else:
        try:
            parcel = packed(mail, post, vault)
        except UNWRITABLE as error:
            log.error("a letter cannot be written", template=mail.template, mail_id=str(mail.id), error=str(error))
            fate = Fate(MailState.FAILED, f"{type(error).__name__}: {error}")
        else:
            fate = await handed_over(mail, parcel, post)
    return partial(record, mail=mail, fate=fate, message_id=parcel.message_id if parcel else "", keeps=post.keeps)


def packed(mail: SealedMail, post: Post, vault: Vault) -> Parcel:
    """The letter, written and addressed."""
    values = values_of(mail, vault)
    written = post.templates.render(mail.template, mail.language, values)
    if mail.channel is Channel.EMAIL and not written.subject:
        raise WrongValues(f"{mail.template} has no subject, so it can only be a short text")
    to = usable(mail.to) if mail.channel is Channel.EMAIL else mail.to
    return Parcel(mail.id, post.sender, to, written, mail.created_at, values.get(UNSUBSCRIBE, ""))


def render(mail: SealedMail, post: Post, vault: Vault) -> Rendered:
    """What is written in it."""
    return post.templates.render(mail.template, mail.language, values_of(mail, vault))


def values_of(mail: SealedMail, vault: Vault) -> dict[str, str]:
    """What is filled into it."""
    return msgspec.json.decode(vault.open(mail.sealed or b"", purpose(mail.id)), type=dict[str, str])


def purpose(mail_id: UUID) -> str:
    """What a letter's values are sealed for."""
    return f"mail {mail_id}"


async def handed_over(mail: SealedMail, parcel: Parcel, post: Post) -> Fate:
    """What came of handing it over."""
    if not await post.gate.enter():
        return NO_PLACE
    try:
        await post.transports[mail.channel].hand_over(parcel)
    except TryLater as reason:
        log.warning(
            "a letter could not be handed over", mail_id=str(mail.id), attempt=mail.attempts + 1, error=ADDRESS.sub("…", str(reason))
        )
        return Fate(MailState.WAITING, str(reason))
    except AddressRefused as reason:
        return Fate(MailState.BOUNCED, str(reason))
    except LetterRefused as reason:
        return Fate(MailState.FAILED, str(reason))
    finally:
        post.gate.leave()
    return Fate(MailState.SENT)


async def record(tx: Tx, *, mail: SealedMail, fate: Fate, message_id: str, keeps: bool) -> None:
    """Write down what became of it. While there is hope, it is tried again."""
    error = fate.error[:LONGEST_ERROR].replace("\0", "")
    tried = int(fate.tried)
    if fate.state is MailState.SENT:
        await tx.finish(sql.SENT, mail.id, message_id, tx.now, keeps)
        return
    if fate.state is MailState.WAITING:
        again = tx.now + pause(mail.id, mail.attempts + 1 if fate.tried else 1)
        if again <= mail.created_at + KEEP_TRYING:
            await enqueue(tx, deliver, Delivery(mail.id), run_at=again)
            await tx.finish(sql.POSTPONE, mail.id, tried, error or None)
            return
        fate = Fate(MailState.FAILED, error)
        error = f"given up after {KEEP_TRYING.days} days: {error or 'no place was ever free'}"
    if fate.state is MailState.BOUNCED:
        await tx.run(sql.SUPPRESS, address_key(mail.to), BounceKind.REFUSED, error, mail.id, tx.now)
    await tx.finish(sql.NOT_SENT, mail.id, fate.state, tried, error, keeps)


@periodic("41 3 * * *", name="mail.forget_old")
async def forget_old(tx: Tx) -> None:
    """Forget letters that were settled half a year ago, and reports that cannot come again any more."""
    await tx.run(sql.FORGET_REPORTS, tx.now - REPORTS_KEPT)
    await tx.finish(sql.FORGET_MAILS, tx.now - KEPT, AT_ONCE)
