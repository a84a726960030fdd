"""Whether, and when, a person is told of something on a channel: one rule, asked when it happens and again when it is due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from uuid import UUID

from souk.kernel.db import Tx
from souk.modules import identity
from souk.modules.notify.kinds import Kind
from souk.modules.notify.model import Channel, Choice, Urgency, Why
from souk.modules.notify.quiet import quiet_until
from souk.modules.notify.rules import Rules


def kind_scope(kind: str) -> str:
    """What a kind's own switches are kept under."""
    return f"kind:{kind}"


def scopes_of(kind: Kind) -> list[str]:
    """Where switches are that concern a kind; the first that is set counts."""
    return [kind_scope(kind.name), kind.category]


def is_on(kind: Kind, channel: Channel, choices: Iterable[Choice]) -> bool:
    """Whether a kind goes out on a channel: what is due always does, then what the person chose, then what the market says."""
    if channel in kind.always:
        return True
    chosen = {choice.scope: choice.wanted for choice in choices if choice.channel is channel}
    return next((chosen[scope] for scope in scopes_of(kind) if scope in chosen), channel in kind.channels)


def address_of(person: identity.Person, kind: Kind, channel: Channel) -> str | None:
    """Where a mail or an SMS goes. To one that was never verified only what is due always: it may be a stranger's."""
    if channel is Channel.MAIL:
        return person.email if person.email_verified_at is not None or channel in kind.always else None
    return person.phone if person.phone_verified_at is not None or channel in kind.always else None


def why_not(person: identity.Person, kind: Kind, channel: Channel, choices: Iterable[Choice], *, blocked: bool) -> Why | None:
    """Why a person is not told on this channel; None when they are, if there is a way to them."""
    by_law = kind.by_law and channel is Channel.MAIL and person.status is identity.PersonStatus.SUSPENDED
    if person.status is not identity.PersonStatus.ACTIVE and not by_law:
        return Why.NOT_ACTIVE
    if blocked:
        return Why.BLOCKED
    if not is_on(kind, channel, choices):
        return Why.SWITCHED_OFF
    written_to = channel in {Channel.MAIL, Channel.SMS}
    return Why.NO_ADDRESS if written_to and address_of(person, kind, channel) is None else None


def held_until(person: identity.Person, kind: Kind, now: datetime, starts: time | None, ends: time | None) -> datetime | None:
    """Until when it waits because its person is not to be disturbed; what is urgent does not."""
    if kind.urgency is Urgency.URGENT:
        return None
    return quiet_until(now, person.timezone, starts, ends)


async def is_blocked(tx: Tx, rules: Rules, person: UUID, actor: UUID | None) -> bool:
    """Whether who brought it about, and its person, want nothing of each other."""
    return actor is not None and actor != person and await rules.blocked(tx, person, actor)


async def person_or_none(tx: Tx, person_id: UUID) -> identity.Person | None:
    """A person; None when they are erased, or never were."""
    try:
        return await identity.any_person(tx, person_id)
    except identity.PersonNotFound:
        return None
