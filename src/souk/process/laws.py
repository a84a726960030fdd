"""The laws that every process keeps, checked when it is declared: no order is stranded, and no money is lost in one.

What is wrong is said with the state, the way that leads there, and what would mend it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from inspect import signature
from types import NoneType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from souk.process.actors import PLATFORM, Actor, ActorKind, Actors
from souk.process.language import MIGRATED, START, Order, Process, Step, Waits, is_clock
from souk.process.money import LEADS, OVER, Escrow, Money, Param, Rest, Verb
from souk.process.paths import Walked, certain_fields, walk
from souk.process.times import Field, roots


class Fault(msgspec.Struct, frozen=True):
    """A law that is broken: which, and what to do."""

    law: str
    said: str


class Unlawful(Exception):
    """A process that is refused."""

    def __init__(self, name: str, faults: list[Fault]) -> None:
        super().__init__(f"the process {name} is refused:\n" + "\n".join(f"  {fault.law}: {fault.said}" for fault in faults))
        self.name = name
        self.faults = faults


Law = Callable[[Process, Walked], Iterator[str]]


def process(  # noqa: PLR0913 - what a process consists of
    name: str,
    *,
    order: type[Order],
    states: type[StrEnum],
    parties: Mapping[Actor, str],
    steps: tuple[Step, ...],
    waits: Mapping[StrEnum, Waits],
    ends: Collection[StrEnum],
    version: int = 1,
) -> Process:
    """Declare a process. One that breaks a law is refused here."""
    declared = Process(
        name=name, order=order, states=states, parties=parties, steps=steps, waits=waits, ends=frozenset(ends), version=version
    )
    if faults := check(declared):
        raise Unlawful(name, faults)
    return declared


def check(declared: Process) -> list[Fault]:
    """Every law that a process breaks."""
    walked = walk(declared)
    return [Fault(name, said) for name, law in LAWS.items() for said in law(declared, walked)]


# Steps


def _names(declared: Process, _walked: Walked) -> Iterator[str]:
    for name, count in Counter(step.name for step in declared.steps).items():
        if count > 1:
            yield f"{count} steps are called {name}. Give each its own name; `path=` may be shared."
        if name == MIGRATED:
            yield f"{name} is what the platform writes down when an order goes over to another version. Call the step otherwise."
        if not name.isidentifier():
            yield f"the step {name!r} cannot be a name. Write it like `ask_for_changes`."


def _paths_are_clear(declared: Process, _walked: Walked) -> Iterator[str]:
    """One public name, one state, one actor: one step."""
    taken: dict[tuple[str, object, Actor], str] = {}
    for step in declared.steps:
        for source in step.sources:
            for actor in step.by.each:
                if not actor.is_person:
                    continue
                other = taken.setdefault((step.public, source, actor), step.name)
                if other != step.name:
                    remedy = "Give one another path, source or actor."
                    yield f"in {source}, {actor.name} asking for {step.public} may mean {other} or {step.name}. {remedy}"


def _reachable(declared: Process, walked: Walked) -> Iterator[str]:
    reached = {place.state for place in walked.ways}
    misled = {misfit.step.name for misfit in walked.misfits}
    if not any(START in step.sources for step in declared.steps):
        yield "no step leads from START: no order could ever begin."
    for state in declared.states:
        if state not in reached and not misled:
            yield f"no order can come to {state}. Add a step with target={state!r}, or remove the state."
    for named in {source for step in declared.steps for source in step.sources} - {START} - set(declared.states):
        yield f"{named} is no state of {declared.states.__name__}."


def _ways_out(declared: Process, _walked: Walked) -> Iterator[str]:
    for state in declared.states:
        leaving = [step for step in declared.leaving(state) if step.target is not None and step.target != state]
        if state in declared.ends:
            for step in leaving:
                yield f"{state} is an end, and {step.name} leads out of it. Take it from ends=, or the state from the step's source."
        elif not leaving:
            yield f"nothing leads out of {state}. Add a step, or name it in ends=."


# Who


def _actors(declared: Process, _walked: Walked) -> Iterator[str]:
    for step in declared.steps:
        for actor in step.by.each:
            if actor.kind is ActorKind.PARTY and actor not in declared.parties:
                yield f"{step.name} is taken by {actor.name}, who is no party. Add them to parties=, with the field that names them."
            if actor == PLATFORM:
                yield f"{step.name} is taken by the platform, which takes no steps. Name a role, a machine or the clock."
        if not step.by.each:
            yield f"nobody takes {step.name}. Say by=."
        if step.by.together and (len(step.by.each) < 2 or any(not actor.is_person for actor in step.by.each)):
            yield f"{step.name} needs the agreement of {step.by}: only people agree, and it takes two."
    for actor, name in declared.parties.items():
        if name not in declared.order.__struct_fields__:
            yield f"the party {actor.name} is named by the field {name}, which {declared.order.__name__} has not."
        if not any(actor in step.by for step in declared.steps):
            yield f"the party {actor.name} has nothing to do. Give them a step, or take them from parties=."


def _facts(declared: Process, _walked: Walked) -> Iterator[str]:
    """Machines report facts, people and clocks do not; a process is taken along, and begins nothing by itself."""
    for step in declared.steps:
        machines = [actor for actor in step.by.each if actor.kind is ActorKind.MACHINE]
        for machine in machines:
            if not set(step.on) & set(machine.facts):
                known = " or ".join(machine.facts) or "nothing"
                yield f"{step.name} is taken by {machine.name}, and by no fact of theirs. Say on= with what they report: {known}."
        for fact in step.on:
            if not any(fact in machine.facts for machine in machines):
                yield f"{step.name} follows from {fact}, which nobody who takes it reports. Add the machine, or its fact to it."
        if any(actor.kind is ActorKind.PROCESS for actor in step.by.each) and (step.takes or step.at):
            yield f"{step.name} is taken along by another process: it can have neither parameters nor a time."


def _turns(declared: Process, _walked: Walked) -> Iterator[str]:
    """Each state says for whom it waits; they can do something about it, and if they do not, the clock does."""
    for state in declared.states:
        waits = declared.waits.get(state)
        if state in declared.ends:
            if waits is not None:
                yield f"{state} is an end and waits for nobody. Take it from waits=."
            continue
        if waits is None:
            yield f"nobody knows for whom {state} waits. Say waits={{{state!r}: waits_on(…)}}."
            continue
        leaving = [step for step in declared.leaving(state) if step.target not in {None, state}]
        for actor in waits.on.each:
            if not any(actor in step.by and _is_theirs(step, waits.on) for step in declared.leaving(state)):
                remedy = "Give them a step there that is theirs, or wait for somebody else."
                yield f"{state} waits for {actor.name}, who has nothing to do there. {remedy}"
        if not waits.because and not any(is_clock(step) and _fires_in(step, state, declared) for step in leaving):
            yield f"{state} waits for {waits.on} for ever. Add a clock step from there, or say why it may: waits_on(…, because=…)."


def _is_theirs(step: Step, waited_for: Actors) -> bool:
    """Whether a step is the business of those who are waited for, and not of everybody: a dispute leads nothing on."""
    persons = {actor for actor in step.by.each if actor.is_person}
    return persons <= set(waited_for.each)


def _order_of_turns(declared: Process, _walked: Walked) -> Iterator[str]:
    """Whoever moves while the order waits for somebody else does so on purpose."""
    for step in declared.steps:
        if START in step.sources:
            continue
        waited_for = {actor for source, waits in declared.waits.items() if source in step.sources for actor in waits.on.each}
        others = [actor.name for actor in step.by.each if actor.is_person and actor not in waited_for and not step.by.together]
        if others and not step.out_of_turn:
            remedy = "Say out_of_turn=True if that is meant, or let those take it for whom it waits."
            yield f"{step.name} is open to {' and '.join(others)}, for whom nothing waits there. {remedy}"
        if step.out_of_turn and not others:
            yield f"{step.name} is out of turn for nobody. Remove out_of_turn=, or look at whom its states wait for."


def _fires_in(step: Step, state: StrEnum, declared: Process) -> bool:
    """Whether the clock certainly takes it: its time counts from the state itself or from a moment of the order."""
    certain = {entered.since for time in step.at for entered in roots(time)}
    return any(since == state or isinstance(since, Field) for since in certain) and state in declared.states


# Time


def _times(declared: Process, _walked: Walked) -> Iterator[str]:
    hints = get_type_hints(declared.order)
    certain = certain_fields(declared)
    names = {step.name for step in declared.steps}
    for step in declared.steps:
        if is_clock(step) and not step.at:
            yield f"{step.name} is taken by the clock, at no time. Say at=."
        if step.at and not is_clock(step):
            yield f"{step.name} has a time, and no clock takes it. Add CLOCK to by=."
        if is_clock(step) and step.takes is not None and not _has_defaults(step.takes):
            yield f"{step.name} needs parameters, which the clock does not know. Give them defaults."
        for moment in (root.since for time in step.at for root in roots(time)):
            yield from _moment(declared, step, moment, hints, certain, names)


def _moment(  # noqa: PLR0913, PLR0917 - what is known of the process
    declared: Process, step: Step, moment: object, hints: dict[str, Any], certain: Mapping[Any, frozenset[str]], names: set[str]
) -> Iterator[str]:
    if isinstance(moment, Field):
        if moment.name not in hints:
            yield f"{step.name} counts from the field {moment.name}, which {declared.order.__name__} has not."
        elif datetime not in _types(hints[moment.name]):
            yield f"{step.name} counts from {moment.name}, which is no moment."
        elif NoneType in _types(hints[moment.name]):
            for source in step.sources:
                if moment.name not in certain.get(source, frozenset()):
                    remedy = f"Say sets=({moment.name!r},) on every way there."
                    yield f"{step.name} counts from {moment.name}, which may be empty in {source}. {remedy}"
    elif isinstance(moment, StrEnum):
        if moment not in step.sources:
            yield f"{step.name} counts from {moment}, and cannot be taken there. Add it to the step's source, or count from another state."
    elif moment not in names:
        yield f"{step.name} counts from the step {moment}, which does not exist."


def _has_defaults(takes: type[msgspec.Struct]) -> bool:
    return all(not field.required for field in msgspec.structs.fields(takes))


def _types(hint: Any) -> tuple[Any, ...]:
    found = get_args(hint) if get_origin(hint) is Union or type(hint).__name__ == "UnionType" else (hint,)
    return tuple(get_args(each)[0] if hasattr(each, "__metadata__") else each for each in found)


# Money


def _conserved(declared: Process, walked: Walked) -> Iterator[str]:
    for misfit in walked.misfits:
        way = walked.spoken(misfit.place)
        fits = " or ".join(LEADS[misfit.money.verb])
        yield (
            f"{misfit.step.name} does {misfit.money.verb} in {misfit.place.state}, where money is {misfit.place.escrow} "
            f"({way}); it needs {fits}. Take it from the step, or lead there with the money so."
        )
    for state in declared.states:
        places = walked.places(state)
        if state in declared.ends:
            for place in places:
                if place.escrow not in OVER:
                    remedy = "Release, refund, split or void it on the way."
                    yield f"{state} is an end, and money would be {place.escrow} there for ever ({walked.spoken(place)}). {remedy}"
        elif len(places) > 1:
            ways = "; ".join(f"{place.escrow} by {walked.spoken(place)}" for place in places)
            yield f"in {state} the money may stand differently: {ways}. Make two states of it, or the same money on each way."


def _nobody_pays_themselves(declared: Process, _walked: Walked) -> Iterator[str]:
    """Who gets the money does not decide so alone."""
    for step in declared.steps:
        for money in step.money:
            for actor in _gainers(declared, money):
                if actor in step.by and not step.by.together and not money.why:
                    remedy = "Let somebody else take it, both(…), or say why=."
                    yield f"{step.name} lets {actor.name} have the money by their own word. {remedy}"


def _gainers(declared: Process, money: Money) -> Iterator[Actor]:
    if money.verb in {Verb.RELEASE, Verb.SPLIT, Verb.PAY}:
        yield from (actor for actor, _amount in money.to if actor.is_person)
    if money.verb is Verb.REFUND:
        yield from {held.payer for step in declared.steps for held in step.money if held.payer is not None and held.verb is not Verb.PAY}


def _amounts(declared: Process, _walked: Walked) -> Iterator[str]:
    for step in declared.steps:
        for money in step.money:
            for actor, amount in (*money.to, *(((money.payer, money.amount),) if money.payer else ())):
                if actor.kind is ActorKind.PARTY and actor not in declared.parties:
                    yield f"{step.name} moves money of {actor.name}, who is no party."
                if (said := _amount_fault(declared, step, amount)) is not None:
                    yield said
            for other in (money.fee, money.asset, money.fee_waived):
                if isinstance(other, Field | Param) and (said := _field_fault(declared, step, other)) is not None:
                    yield said
            if sum(isinstance(amount, Rest) for _actor, amount in money.to) > 1:
                yield f"{step.name} gives the rest to several. Only one can have what is left."


def _amount_fault(declared: Process, step: Step, amount: object) -> str | None:
    if isinstance(amount, Field | Param):
        if (said := _field_fault(declared, step, amount)) is not None:
            return said
        owner = declared.order if isinstance(amount, Field) else step.takes
        if owner is not None and int not in _types(get_type_hints(owner)[amount.name]):
            return f"{step.name} moves {amount.name}, which is no whole number of minor units."
    return None


def _field_fault(declared: Process, step: Step, wanted: Field | Param) -> str | None:
    owner = declared.order if isinstance(wanted, Field) else step.takes
    if owner is None or wanted.name not in owner.__struct_fields__:
        where = declared.order.__name__ if isinstance(wanted, Field) else f"what {step.name} takes"
        return f"{step.name} needs {wanted.name}, which {where} has not."
    return None


def _reserved_is_awaited(declared: Process, walked: Walked) -> Iterator[str]:
    """What a bank keeps for us it lets go of after some days: nothing may wait on it for ever."""
    for place in walked.ways:
        waits = declared.waits.get(place.state) if isinstance(place.state, StrEnum) else None
        if place.escrow is Escrow.RESERVED and waits is not None and waits.because:
            remedy = "Add a clock step that voids or captures it."
            yield f"{place.state} waits for ever on money that is only reserved ({walked.spoken(place)}). {remedy}"


# Functions


def _beginnings(declared: Process, _walked: Walked) -> Iterator[str]:
    """An order begins by one who becomes a party of it, and with all that it needs."""
    own = msgspec.structs.fields(declared.order)[len(Order.__struct_fields__) :]
    for step in declared.leaving(START):
        if step.target is None:
            yield f"{step.name} begins an order, and leads nowhere. Say target=."
        for actor in step.by.each:
            if actor.kind is ActorKind.ROLE:
                yield f"{step.name} begins an order by the role {actor.name}. Let a party begin it: party({actor.name!r})."
        given = set(step.takes.__struct_fields__ if step.takes else ()) | set(declared.parties.values()) | set(step.sets)
        for each in own:
            if each.required and each.name not in given and step.do is None:
                yield f"{step.name} begins an order without {each.name}. Take it, give it a default, or let a do= function set it."


def _functions(declared: Process, _walked: Walked) -> Iterator[str]:
    for step in declared.steps:
        if step.do is not None and not callable(step.do):
            yield f"{step.name} does {step.do!r}, which is no function."
        for guard in step.when:
            wants = len([name for name in signature(guard.rule).parameters if name not in {"tx", "order"}])
            if wants and step.takes is None:
                yield f"the guard {guard.name} of {step.name} judges parameters, and the step takes none."
        for name in step.sets:
            if name not in declared.order.__struct_fields__:
                yield f"{step.name} sets {name}, which {declared.order.__name__} has not."
            elif step.do is None and (step.takes is None or name not in step.takes.__struct_fields__):
                yield f"{step.name} sets {name}, and nobody says to what. Take it as a parameter, or let a do= function set it."
        if step.becomes is not None and (step.becomes not in declared.parties or not all(actor.is_person for actor in step.by.each)):
            yield f"who takes {step.name} becomes {step.becomes.name}: only people become parties, and only those of parties=."


LAWS: Final[Mapping[str, Law]] = {
    "steps have names of their own": _names,
    "a path means one step": _paths_are_clear,
    "every state is reached": _reachable,
    "every state that is no end has a way out": _ways_out,
    "every actor is known": _actors,
    "machines report facts": _facts,
    "nothing waits for ever without a reason": _turns,
    "who moves out of turn says so": _order_of_turns,
    "the clock knows when": _times,
    "money is conserved on every path": _conserved,
    "nobody pays themselves": _nobody_pays_themselves,
    "amounts exist": _amounts,
    "reserved money is awaited": _reserved_is_awaited,
    "orders begin whole": _beginnings,
    "functions fit": _functions,
}
