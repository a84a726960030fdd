"""Telling: one call, many channels.

    await notify.tell(tx, person, MESSAGE, {"name": name, "text": text}, about=talk, actor=sender, group=f"conversation {talk}")

It goes out when the transaction commits, or not at all. Each person is told by a job of their own: what fails for one is tried again
for that one, and nobody waits for anybody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.kernel.ids import new_id
from souk.kernel.messages import GiveUp, emit, enqueue, job
from souk.kernel.record import Record
from souk.modules import identity
from souk.modules.notify import sql
from souk.modules.notify.deciding import held_until, is_blocked, is_on, person_or_none, scopes_of, why_not
from souk.modules.notify.delivering import push_one, write_one
from souk.modules.notify.digesting import DigestOrder, digest_key, write_digest
from souk.modules.notify.events import NotificationGiven
from souk.modules.notify.kinds import Kind, WrongParameters
from souk.modules.notify.model import Card, Channel, Order, Reach, Service, State, Urgency, Value, Values, Why
from souk.modules.notify.rules import Notices, values_of
from souk.modules.notify.templates import Said

AT_ONCE: Final = 5
"""The priority of what is urgent."""
encode = msgspec.json.encode


class Telling(Record):
    """What one person is told."""

    person_id: UUID
    kind: str
    parameters: dict[str, Value]
    about: UUID | None = None
    actor: UUID | None = None
    group: str | None = None


class Planned(msgspec.Struct, frozen=True):
    """A delivery to be: sent, waiting until it is due, or suppressed."""

    id: UUID
    channel: Channel
    state: State
    due_at: datetime
    done_at: datetime | None = None
    why: Why | None = None
    digest: str | None = None
    device_id: UUID | None = None
    service: Service | None = None


async def tell(  # noqa: PLR0913 - one call for everything there is to say
    tx: Tx,
    people: UUID | Iterable[UUID],
    kind: Kind | str,
    parameters: Mapping[str, Value] | None = None,
    *,
    about: UUID | None = None,
    actor: UUID | None = None,
    group: str | None = None,
) -> None:
    """Tell one person, or several, once this transaction is committed.

    about: the id of what it is about, `about` in its texts and link. actor: who brought it about; whoever has blocked them, or is
    blocked by them, hears nothing. group: what makes several of them one, while they are unread.
    """
    values: Values = dict(parameters or {})
    if isinstance(kind, Kind):
        kind.check_values(frozenset(values))
    name = kind.name if isinstance(kind, Kind) else kind
    priority = AT_ONCE if isinstance(kind, Kind) and kind.urgency is Urgency.URGENT else 0
    for person in dict.fromkeys([people] if isinstance(people, UUID) else people):
        await enqueue(tx, tell_one, Telling(person, name, values, about, actor, group), priority=priority)


@job("notify.tell")
async def tell_one(tx: Tx, telling: Telling, notices: Notices) -> None:
    """Tell one person."""
    kind = notices.kinds.get(telling.kind)
    if kind is None:
        raise GiveUp(f"no kind of notification is called {telling.kind!r}; there are: {', '.join(notices.kinds) or 'none'}")
    try:
        kind.check_values(frozenset(telling.parameters))
    except WrongParameters as wrong:
        raise GiveUp(str(wrong)) from wrong
    await give(tx, notices, kind, telling)


class Case(msgspec.Struct, frozen=True):
    """One notification for one person."""

    notices: Notices
    kind: Kind
    telling: Telling
    person: identity.Person
    reach: Reach

    def said(self, count: int) -> tuple[Said, str | None]:
        """What the list says, and where it leads, when it stands for so many things."""
        values = values_of(self.telling.parameters, count, self.telling.about)
        return self.notices.say(self.kind, Channel.IN_APP, self.person.language, values), self.notices.link(self.kind, values)


async def give(tx: Tx, notices: Notices, kind: Kind, telling: Telling) -> None:
    """Decide how a person is told, and write it down with everything that follows."""
    person = await person_or_none(tx, telling.person_id)
    if person is None:
        return
    blocked = not kind.always and await is_blocked(tx, notices.rules, person.id, telling.actor)
    if telling.group is not None:
        await tx.run(sql.ONE_BY_ONE, f"notify {person.id} {telling.group}")
    reach = await tx.run(sql.REACH, person.id, scopes_of(kind), telling.group, kind.digest.name if kind.digest else None)
    case = Case(notices, kind, telling, person, reach)
    plan = list(planned(tx.now, person, kind, reach, blocked=blocked))
    shown = any(each.channel is Channel.IN_APP and each.state is State.SENT for each in plan)
    if shown and reach.grouped is not None and await _joined(tx, case):
        return
    if plan:
        await _added(tx, case, plan, shown=shown)


def planned(now: datetime, person: identity.Person, kind: Kind, reach: Reach, *, blocked: bool) -> Iterable[Planned]:
    """Every delivery of one notification. A channel that neither market nor person wants has none."""
    held = held_until(person, kind, now, reach.quiet_from, reach.quiet_until)
    for channel in Channel:
        if channel not in kind.channels and not is_on(kind, channel, reach.choices):
            continue
        why = why_not(person, kind, channel, reach.choices, blocked=blocked)
        if why is None and channel is Channel.PUSH and not reach.devices:
            why = Why.NO_ADDRESS
        if why is not None:
            yield Planned(new_id(), channel, State.SUPPRESSED, now, done_at=now, why=why)
        elif channel is Channel.IN_APP:
            yield Planned(new_id(), channel, State.SENT, now, done_at=now)
        elif channel is Channel.PUSH:
            yield from (
                Planned(new_id(), channel, State.WAITING, held or now, device_id=each.id, service=each.service) for each in reach.devices
            )
        elif channel is Channel.MAIL and kind.digest is not None:
            yield Planned(new_id(), channel, State.WAITING, reach.digest_at or now + kind.digest.after, digest=kind.digest.name)
        else:
            yield Planned(new_id(), channel, State.WAITING, held or now)


async def _joined(tx: Tx, case: Case) -> bool:
    """Let an unread notification stand for this as well. What waits of it will say so; what was sent is not sent again."""
    said, link = case.said(case.reach.count + 1)
    parameters = encode(case.telling.parameters).decode()
    card = await tx.run(sql.JOIN, case.reach.grouped, said.title, said.body, link, parameters, case.telling.actor, tx.now)
    if card is None:
        return False
    await emit(tx, NotificationGiven(case.person.id, card.id, card))
    return True


async def _added(tx: Tx, case: Case, plan: list[Planned], *, shown: bool) -> None:
    """A new notification. What reaches nobody keeps no words."""
    kind, telling, person, name, now = case.kind, case.telling, case.person, new_id(), tx.now
    said, link, parameters = Said("", ""), None, {}
    if any(each.state is not State.SUPPRESSED for each in plan):
        (said, link), parameters = case.said(1), telling.parameters
    group = telling.group if shown else None
    if shown:
        card = Card(name, kind.name, kind.category, said.title, said.body, link, telling.about, 1, parameters, now, now, None)
        await emit(tx, NotificationGiven(person.id, name, card))
    for each in plan:
        if each.state is State.WAITING:
            await _ask(tx, kind, person.id, each)
    mine: tuple[Any, ...] = (name, person.id, kind.name, kind.category, shown, said.title, said.body, link, telling.about, telling.actor)
    await tx.finish(sql.ADD, *mine, encode(parameters).decode(), group, now, encode(plan).decode())


async def _ask(tx: Tx, kind: Kind, person: UUID, planned: Planned) -> None:
    """The job that makes a delivery when it is due."""
    if planned.digest is not None:
        wanted = DigestOrder(person, planned.digest)
        await enqueue(tx, write_digest, wanted, run_at=planned.due_at, key=digest_key(wanted))
        return
    priority = AT_ONCE if kind.urgency is Urgency.URGENT else 0
    work = push_one if planned.channel is Channel.PUSH else write_one
    await enqueue(tx, work, Order(planned.id), run_at=planned.due_at, priority=priority)
