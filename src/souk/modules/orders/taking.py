"""Taking a step: the one way in which an order moves, whoever asks.

The order of its parts is fixed here, and nowhere else: lock, who asks, is it open, parameters, guards, money, what the market does,
the new state with its history, timers, facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from souk.kernel.db import Query, Tx, Violated
from souk.kernel.http import invalid
from souk.kernel.ids import new_id
from souk.kernel.messages import emit, enqueue, job
from souk.modules import ledger, payments
from souk.modules.orders import sql
from souk.modules.orders.errors import MayNotBegin, NoSuchOrder, StepNotOpen, StepNotYours
from souk.modules.orders.kinds import Kind, Processes
from souk.modules.orders.model import Moved, Stored, Timer
from souk.modules.orders.purses import Matter, carry_out
from souk.modules.orders.sending import call_provider, send_refund
from souk.modules.orders.takers import THE_CLOCK, Taker, as_whom, may_begin, parts_of
from souk.modules.orders.timing import Armed, Begins, Moments, armed, beginning, due, may_move, moments
from souk.process import START, Actor, Beginning, Order, Step

encode: Final = msgspec.json.encode


class Desk(msgspec.Struct, frozen=True):
    """What taking a step needs of its market."""

    processes: Processes
    till: payments.Till


class Taken(msgspec.Struct, frozen=True):
    """What became of it."""

    kind: Kind
    order: Any
    step: Step
    moved: list[Moved] = []
    """What became of the money."""
    agreed: bool = True
    """False where others have to agree yet: then nothing has moved."""


async def begin(tx: Tx, desk: Desk, kind: Kind, public: str, taker: Taker, params: Any) -> Taken:  # noqa: PLR0913, PLR0917 - who begins what, with what
    """Begin an order."""
    step, party = _beginning(kind, public, taker)
    order_id, given = new_id(), _given(kind, params)
    fields: dict[str, Any] = {name: value for name, value in given.items() if name in kind.own}
    if party in kind.process.parties:
        fields[kind.process.parties[party]] = taker.person
    if step.do is not None:
        fields |= await step.do(tx, Beginning(order_id, tx.now, taker.person), params) or {}
    state = step.target_from(START)
    order = kind.process.order(
        **fields, id=order_id, state=str(state), revision=1, version=kind.process.version, created_at=tx.now, updated_at=tx.now
    )
    await _check_guards(tx, kind, step, order, params)
    matter = Matter(kind, step, order, params, taker, desk.till, None)
    await carry_out(tx, matter)
    await _moved_along(tx, desk, matter)
    note = _note(matter, str(START), party, params)
    known = Moments(kind.state(order.state), tx.now, {step.name: tx.now})
    begins = beginning(kind, kind.state(order.state), step=step.name, is_entry=True, changed=frozenset(fields))
    await _follow(tx, matter, START, party, armed(kind, order, begins, known, 1))
    await _write(tx, matter, sql.BEGIN, order_id, kind.name, kind.process.version, order.state, kind.content(fields), tx.now, *note)
    return Taken(kind, order, step, matter.moved)


def _beginning(kind: Kind, public: str, taker: Taker) -> tuple[Step, Actor]:
    steps = kind.beginnings(public)
    for step in steps:
        if (party := may_begin(taker, step)) is not None:
            return step, party
    allowed = {name for step in steps for actor in step.by.each for name in actor.roles}
    raise MayNotBegin(allowed=" or ".join(sorted(allowed)))


async def take(tx: Tx, desk: Desk, kind: Kind, order_id: UUID, public: str, taker: Taker, params: Any = None) -> Taken:  # noqa: PLR0913, PLR0917 - who asks whom for what
    """Take a step of an order that is there, by its public name."""
    if public in kind.quick and tx.untouched and not tx.rehearsal:
        stored = await tx.glance(sql.ORDER, order_id, kind.name)
        here = stored is not None and stored.version == kind.process.version
        if stored is not None and here and (public in kind.moneyless or stored.purse is None or stored.purse.payment_id is None):
            return await _decide(tx, desk, kind, stored, public, taker, params)
    return await _decide(tx, desk, kind, await _locked(tx, kind, order_id), public, taker, params)


async def _decide(tx: Tx, desk: Desk, kind: Kind, stored: Stored, public: str, taker: Taker, params: Any) -> Taken:  # noqa: PLR0913, PLR0917 - as above
    """Take the step that is meant. Whether the order is still what was read is looked at again when it is written down."""
    kind = desk.processes.named(kind.name, stored.version)
    order = kind.order(stored)
    step, actor = _step(kind, public, taker, stored, order)
    params = _fitting(step, params)
    await _check_guards(tx, kind, step, order, params)
    if step.by.together and not await _all_agree(tx, kind, step, actor, stored, order, taker, params):
        return Taken(kind, order, step, agreed=False)
    return await _do(tx, desk, kind, step, actor, stored, order, taker, params)


async def _locked(tx: Tx, kind: Kind, order_id: UUID) -> Stored:
    stored = await tx.run(sql.LOCKED, order_id, kind.name)
    if stored is None:
        raise NoSuchOrder(kind=kind.name)
    return stored


def _step(kind: Kind, public: str, taker: Taker, stored: Stored, order: Any) -> tuple[Step, Actor]:
    """Which step is meant, and as whom; or why none."""
    state = kind.state(stored.state)
    named = kind.by_path.get(public, ())
    theirs = [(step, actor) for step in named for actor in as_whom(taker, step, kind, order)]
    for step, actor in theirs:
        if state in step.sources:
            return step, actor
    parts = parts_of(taker, kind, order)
    if taker.person is not None and not parts and not theirs:
        raise NoSuchOrder(kind=kind.name)
    if named and not theirs:
        raise StepNotYours(step=public, allowed=" or ".join(dict.fromkeys(str(step.by) for step in named)))
    raise not_open(kind, public, state, parts)


def not_open(kind: Kind, public: str, state: Any, parts: list[Actor]) -> StepNotOpen:
    """What to say to somebody who may take a step, but not now."""
    open_steps = [each.public for each in kind.process.leaving(state) if any(actor in each.by for actor in parts)]
    instead = f"Open to you now: {', '.join(open_steps)}." if open_steps else "Nothing is open to you now."
    return StepNotOpen(kind=kind.name, step=public, state=str(state), instead=instead, open=open_steps)


def _fitting(step: Step, params: Any) -> Any:
    """What was sent, if it is what this very step takes: several may share a path."""
    if step.takes is None:
        if params is not None:
            raise invalid("body", "is not taken by this step as it stands: send none")
        return None
    if params is not None:
        return params
    if any(each.required for each in msgspec.structs.fields(step.takes)):
        raise invalid("body", f"is missing: send {step.takes.__name__}")
    return step.takes()


async def _all_agree(  # noqa: PLR0913, PLR0917 - who agrees to what
    tx: Tx, kind: Kind, step: Step, actor: Actor, stored: Stored, order: Any, taker: Taker, params: Any
) -> bool:
    """Whether all have agreed to the same by now. What was agreed before in this state counts while nobody wants something else."""
    wanted = encode(params)
    known = {each.actor: each for each in await tx.run(sql.CONSENTS, order.id, step.name, stored.entered)}
    others = [each for each in step.by.each if each != actor]
    same = [other for other in others if (said := known.get(other.name)) and _same(said.params, wanted)]
    if len(same) == len(others):
        await tx.run(sql.AGREED, order.id, step.name)
        return True
    await tx.run(sql.CONSENT, order.id, step.name, actor.name, taker.person, stored.entered, wanted.decode(), tx.now)
    await emit(tx, kind.asks[step.name](**_fact(kind, order, step, actor, taker, order.state, tx)))
    return False


def _same(one: msgspec.Raw | None, other: bytes) -> bool:
    return bool(msgspec.json.decode(one or b"null") == msgspec.json.decode(other))


async def _do(  # noqa: PLR0913, PLR0917 - all that a step is
    tx: Tx, desk: Desk, kind: Kind, step: Step, actor: Actor, stored: Stored, order: Any, taker: Taker, params: Any
) -> Taken:
    source = kind.state(stored.state)
    target = step.target_from(source)
    matter = Matter(kind, step, order, params, taker, desk.till, stored.purse, renames=step.name in kind.renaming)
    await carry_out(tx, matter)
    fields = await _changes(tx, kind, step, order, taker, params)
    is_entry = step.target is not None
    matter.order = replace(order, **fields, state=str(target), revision=order.revision + 1, updated_at=tx.now)
    await _moved_along(tx, desk, matter)
    note = _note(matter, str(source), actor, params)
    state = kind.state(str(target))
    begins = beginning(kind, state, step=step.name, is_entry=is_entry, changed=frozenset(fields))
    if is_entry:
        known, entered = Moments(state, tx.now, {step.name: tx.now}), stored.revision + 1
    else:
        known, entered = await _known(tx, stored, state, step, begins), stored.entered
    await _follow(tx, matter, source, actor, armed(kind, matter.order, begins, known, entered))
    content = kind.content(fields) if fields else None
    await _write(tx, matter, sql.MOVE, order.id, stored.revision, str(target), is_entry, content, tx.now, *note)
    return Taken(kind, matter.order, step, matter.moved)


async def _known(tx: Tx, stored: Stored, state: Any, step: Step, begins: list[Begins]) -> Moments:
    """When the order came into the state in which it stays, and what was done in it: asked only where some time counts from that."""
    if not any(each.looks_back(step.name) for each in begins):
        return Moments(None, tx.now, {step.name: tx.now})
    known = moments(state, stored.entered, await tx.run(sql.WHEN_TAKEN, [stored.id]))
    return replace(known, taken={**known.taken, step.name: tx.now})


async def _write(tx: Tx, matter: Matter, query: Query[int], *args: object) -> None:
    """Write the step down, with what it announces and what the ledger moves for it: one round trip, however much that is."""
    for movement in matter.movements[:-1]:
        await ledger.post(tx, movement)
    last = matter.movements[-1].written(tx.now) if matter.movements else None
    try:
        await tx.finish(query, *args, last)
    except Violated as violated:
        raise ledger.refusal(violated) or violated from violated


async def _check_guards(tx: Tx, kind: Kind, step: Step, order: Any, params: Any) -> None:
    for guard in kind.guards[step.name]:
        if not await guard.holds(tx, order, params):
            raise guard.refusal


def _given(kind: Kind, params: Any) -> dict[str, Any]:
    """Parameters that are fields of the order."""
    return {name: getattr(params, name) for name in params.__struct_fields__ if name in kind.own} if params is not None else {}


async def _changes(tx: Tx, kind: Kind, step: Step, order: Any, taker: Taker, params: Any) -> dict[str, Any]:  # noqa: PLR0913, PLR0917 - what a market's function gets
    """Fields that have another value now."""
    given = _given(kind, params)
    fields = {name: given[name] for name in step.sets if name in given}
    if step.becomes is not None:
        fields[kind.process.parties[step.becomes]] = taker.person
    if step.do is not None:
        fields |= await step.do(tx, order, params) or {}
    return fields


async def _moved_along(tx: Tx, desk: Desk, matter: Matter) -> None:
    """Take along what moves with it."""
    for taken in matter.step.along:
        kind = desk.processes.named(taken.process)
        theirs = getattr(matter.order, taken.through)
        if theirs is None:
            raise NoSuchOrder(kind=kind.name)
        stored = await _locked(tx, kind, theirs)
        kind = desk.processes.named(kind.name, stored.version)
        order = kind.order(stored)
        if not _same_parties(matter, kind, order):
            raise NoSuchOrder(kind=kind.name)
        step = kind.process.step(taken.step)
        taker = Taker(process=matter.kind.name, person=matter.taker.person)
        actor = next(each for each in step.by.each if each.name == matter.kind.name)
        if kind.state(stored.state) not in step.sources:
            raise not_open(kind, step.public, kind.state(stored.state), [])
        await _check_guards(tx, kind, step, order, None)
        await _do(tx, desk, kind, step, actor, stored, order, taker, None)


def _same_parties(matter: Matter, kind: Kind, order: Any) -> bool:
    """Whether parties of both orders are the same people: nobody takes along what is not theirs."""
    ours = matter.kind.parties(matter.order)
    return all(ours.get(name, person) == person for name, person in kind.parties(order).items())


def _note(matter: Matter, source: str, actor: Actor, params: Any) -> tuple[object, ...]:
    """The rest of what is written down with a step: its history, its money, its parties."""
    purse = encode(matter.purse).decode() if matter.purse is not None else None
    parties = list(matter.kind.parties(matter.order).values()) if matter.renames else None
    moved = encode(matter.moved).decode() if matter.moved else None
    given = encode(params).decode() if params is not None else None
    return matter.step.name, actor.name, matter.taker.person, source, given, moved, purse, parties


async def _follow(tx: Tx, matter: Matter, source: object, actor: Actor, timers: Iterable[Armed]) -> None:
    """What a step sets going: timers, facts, and the calls that have to wait for the commit."""
    kind, step, order = matter.kind, matter.step, matter.order
    for each in timers:
        await enqueue(tx, fire, each.timer, run_at=each.at, key=each.key)
    told = _fact(kind, order, step, actor, matter.taker, str(source), tx)
    await emit(tx, *(fact(**told) for fact in kind.facts[step.name]))
    for refund in matter.refunds:
        await enqueue(tx, send_refund, refund)
    for payment in matter.calls:
        await enqueue(tx, call_provider, payment)


def _fact(kind: Kind, order: Order, step: Step, actor: Actor, taker: Taker, source: str, tx: Tx) -> Mapping[str, Any]:  # noqa: PLR0913, PLR0917 - what is told
    return {
        "order_id": order.id,
        "revision": order.revision,
        "process": kind.name,
        "step": step.name,
        "source": source,
        "state": order.state,
        "actor": actor.name,
        "person_id": taker.person,
        "parties": kind.parties(order),
        "at": tx.now,
    }


# For the clock and for machines


async def take_if_open(tx: Tx, desk: Desk, kind: Kind, stored: Stored, step_name: str, taker: Taker) -> Taken | None:  # noqa: PLR0913, PLR0917 - who asks whom for what
    """Take a step of a locked order; None where the order has gone on, or a guard says no: nobody is there to be told."""
    order = kind.order(stored)
    step = next((each for each in kind.process.steps if each.name == step_name), None)
    actor = next(as_whom(taker, step, kind, order), None) if step is not None else None
    if step is None or actor is None or kind.state(stored.state) not in step.sources:
        return None
    params = _reported(step, taker.event)
    for guard in kind.guards[step.name]:
        if not await guard.holds(tx, order, params):
            return None
    return await _do(tx, desk, kind, step, actor, stored, order, taker, params)


def _reported(step: Step, event: object) -> Any:
    """Parameters as a machine's fact has them, by their names; the clock knows only defaults."""
    if step.takes is None:
        return None
    return msgspec.convert(event, type=step.takes, from_attributes=True) if event is not None else step.takes()


@job("orders.fire")
async def fire(tx: Tx, timer: Timer, processes: Processes, till: payments.Till) -> None:
    """Take a step for the clock, if the order is where it was when the timer was armed."""
    stored = await tx.run(sql.LOCKED, timer.order_id, timer.process)
    if stored is None or stored.entered != timer.entered:
        return
    kind = processes.named(stored.process, stored.version)
    step = next((each for each in kind.process.steps if each.name == timer.step), None)
    if step is None or timer.number >= len(step.at):
        return
    time = step.at[timer.number]
    if may_move(time):
        known = moments(kind.state(stored.state), stored.entered, await tx.run(sql.WHEN_TAKEN, [stored.id]))
        when = due(time, kind.order(stored), known)
        if when is None or when > tx.now:
            if when is not None:
                await enqueue(tx, fire, timer, run_at=when, key=Armed(timer, when).key)
            return
    await take_if_open(tx, Desk(processes, till), kind, stored, step.name, THE_CLOCK)
