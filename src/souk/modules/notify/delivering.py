"""Delivering: mails and short texts go to `mail` in the transaction that says so, pushes are claimed, called and recorded.

A push happens once at most. It is claimed in a transaction of its own before the call; whoever finds one that is claimed already knows
that a worker died in between, and does not call again. A push that may have arrived is not worth a second one.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Database, Tx
from souk.kernel.messages import Completion, enqueue, job, periodic
from souk.kernel.sealing import Vault
from souk.kernel.telemetry import log
from souk.modules import identity, mail
from souk.modules.notify import sql
from souk.modules.notify.deciding import address_of, held_until, is_blocked, person_or_none, why_not
from souk.modules.notify.kinds import Kind
from souk.modules.notify.model import KEEP_TRYING, Channel, Device, Errand, Order, State, Why, pause
from souk.modules.notify.pushing import Carriers, Gone, Later, Push, Refused, Unknown
from souk.modules.notify.rules import Notices, values_of
from souk.modules.notify.unsubscribing import link_for

KEPT: Final = timedelta(days=180)
FORGOTTEN_AT_ONCE: Final = 10_000
LONGEST_ERROR: Final = 500
DIED: Final = "a worker ended between the call and its answer; it may have arrived"


class Claimed(msgspec.Struct, frozen=True):
    """A push that is ours to make."""

    errand: Errand
    device: Device
    push: Push


class Lost(msgspec.Struct, frozen=True):
    """A push that somebody claimed before, and was never heard of again."""

    errand: Errand


# Mails and short texts


@job("notify.write")
async def write_one(tx: Tx, order: Order, notices: Notices, vault: Vault) -> None:
    """Hand a mail or a short text to `mail`, in the same transaction: once, or not at all."""
    errand = await tx.run(sql.ERRAND, order.delivery_id)
    kind = notices.kinds.get(errand.kind) if errand is not None else None
    if errand is None:
        return
    if kind is None:
        await tx.finish(sql.CANNOT_BE_WRITTEN, [errand.id], f"there is no kind {errand.kind} any more", tx.now)
        return
    person = await person_or_none(tx, errand.person_id)
    why = await still(tx, notices, kind, errand, person)
    if why is not None or person is None:
        await tx.finish(sql.SUPPRESS, [errand.id], why or Why.NOT_ACTIVE, tx.now)
    elif not await held(tx, kind, errand, person):
        await write(tx, notices, vault, kind, errand, person)


async def still(tx: Tx, notices: Notices, kind: Kind, errand: Errand, person: identity.Person | None) -> Why | None:
    """Why a delivery that was planned is not made after all."""
    if person is None:
        return Why.NOT_ACTIVE
    due_always = errand.channel in kind.always
    blocked = not kind.always and await is_blocked(tx, notices.rules, person.id, errand.actor_id)
    why = why_not(person, kind, errand.channel, errand.choices, blocked=blocked)
    if why is None and errand.is_read and not due_always:
        return Why.READ
    if why is None and errand.channel is Channel.PUSH and errand.device is None:
        return Why.DEVICE_GONE
    return why


async def held(tx: Tx, kind: Kind, errand: Errand, person: identity.Person) -> bool:
    """Whether it has to wait on: its person has moved, or wants quiet at other times, since it was planned."""
    until = held_until(person, kind, tx.now, errand.quiet_from, errand.quiet_until)
    if until is None:
        return False
    work = push_one if errand.channel is Channel.PUSH else write_one
    await enqueue(tx, work, Order(errand.id), run_at=until)
    await tx.run(sql.POSTPONE, [errand.id], until)
    return True


async def write(tx: Tx, notices: Notices, vault: Vault, kind: Kind, errand: Errand, person: identity.Person) -> None:  # noqa: PLR0913, PLR0917 - what, to whom
    """Hand it over, in the person's language."""
    values = values_of(errand.parameters, errand.count, errand.about)
    said = notices.say(kind, errand.channel, person.language, values)
    to = str(address_of(person, kind, errand.channel))
    try:
        if errand.channel is Channel.MAIL:
            told = {"subject": said.title, "body": said.body, "link": notices.address(notices.link(kind, values))}
            template = "notify/notice"
            if Channel.MAIL not in kind.always:
                template = "notify/letter"
                told["unsubscribe"] = link_for(notices, vault, person.id, [kind.category], person.language)
            await mail.send(tx, vault, mail.Letter(to, template, person.language, told, person.id))
        else:
            await mail.text(tx, vault, mail.Letter(to, "notify/text", person.language, {"body": said.body}, person.id))
    except (mail.AddressUnusable, mail.NumberUnusable) as refused:
        await tx.finish(sql.CANNOT_BE_WRITTEN, [errand.id], refused.text(), tx.now)
        return
    await tx.finish(sql.HANDED_OVER, [errand.id], tx.now)


# Pushes


@job("notify.push", patience=60)
async def push_one(database: Database, order: Order, notices: Notices, carriers: Carriers) -> Completion | None:
    """Claim, call, record."""
    claimed = await database.write(lambda tx: claim(tx, order.delivery_id, notices))
    if claimed is None:
        return None
    if isinstance(claimed, Lost):
        return partial(settled, errand=claimed.errand, state=State.UNKNOWN, error=DIED)
    return await called(claimed, carriers)


async def called(claimed: Claimed, carriers: Carriers) -> Completion:
    """Call the service, once, and say what is to be recorded."""
    try:
        await carriers.of(claimed.device.service).push(claimed.device, claimed.push)
    except Gone as gone:
        return partial(removed, claimed=claimed, error=str(gone))
    except Later as later:
        log.warning("a push could not be handed over", delivery_id=str(claimed.errand.id), error=str(later))
        return partial(postponed, errand=claimed.errand, error=str(later), seconds=later.seconds)
    except Refused as refused:
        return partial(settled, errand=claimed.errand, state=State.FAILED, error=str(refused))
    except Unknown as unknown:
        return partial(settled, errand=claimed.errand, state=State.UNKNOWN, error=str(unknown))
    return partial(pushed, errand=claimed.errand)


async def claim(tx: Tx, delivery_id: UUID, notices: Notices) -> Claimed | Lost | None:
    """Make a push ours, or find out that it is not to be made."""
    errand = await tx.run(sql.ERRAND, delivery_id)
    if errand is None:
        return None
    kind = notices.kinds.get(errand.kind)
    if errand.state is State.CLAIMED:
        return Lost(errand)
    if kind is None:
        await tx.run(sql.CANNOT_BE_WRITTEN, [errand.id], f"there is no kind {errand.kind} any more", tx.now)
        return None
    person = await person_or_none(tx, errand.person_id)
    why = await still(tx, notices, kind, errand, person)
    if why is not None or person is None or errand.device is None:
        await tx.run(sql.SUPPRESS, [errand.id], why or Why.NOT_ACTIVE, tx.now)
        return None
    if await held(tx, kind, errand, person):
        return None
    await tx.run(sql.CLAIM, errand.id)
    values = values_of(errand.parameters, errand.count, errand.about)
    said = notices.say(kind, Channel.PUSH, person.language, values)
    link = notices.address(notices.link(kind, values))
    return Claimed(errand, errand.device, Push(errand.notification_id, kind.name, said.title, said.body, link, kind.urgency, tx.now))


async def pushed(tx: Tx, *, errand: Errand) -> None:
    """The service took it."""
    await tx.finish(sql.PUSHED, errand.id, tx.now)


async def settled(tx: Tx, *, errand: Errand, state: State, error: str) -> None:
    """It was not taken, or nobody knows, and that is the end of it."""
    await tx.finish(sql.NOT_PUSHED, errand.id, state, _short(error), tx.now)


async def removed(tx: Tx, *, claimed: Claimed, error: str) -> None:
    """The device is not there any more: nothing is sent to it again."""
    await tx.run(sql.REMOVE_DEAD, claimed.device.id, claimed.device.endpoint)
    await tx.finish(sql.NOT_PUSHED, claimed.errand.id, State.FAILED, _short(error), tx.now)


async def postponed(tx: Tx, *, errand: Errand, error: str, seconds: float) -> None:
    """It was certainly not taken: try again, unless it has been tried for too long."""
    again = tx.now + max(pause(errand.id, errand.attempts + 1), timedelta(seconds=seconds))
    if again > errand.created_at + KEEP_TRYING:
        hours = int(KEEP_TRYING.total_seconds() // 3600)
        await settled(tx, errand=errand, state=State.FAILED, error=f"given up after {hours} hours: {error}")
        return
    await enqueue(tx, push_one, Order(errand.id), run_at=again)
    await tx.finish(sql.PUSH_LATER, errand.id, _short(error), again)


def _short(error: str) -> str:
    return error.replace("\0", "")[:LONGEST_ERROR]


@periodic("23 4 * * *", name="notify.forget_old")
async def forget_old(tx: Tx) -> None:
    """Forget what was told half a year ago, with what became of it."""
    await tx.finish(sql.FORGET_OLD, tx.now - KEPT, FORGOTTEN_AT_ONCE)
