"""Operations from processes: each step is one, and so are reading, listing and the history of orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import NoneType
from typing import Any, Final
from uuid import UUID

import msgspec

from souk.kernel.db import Database, Tx
from souk.kernel.errors import Refusal
from souk.kernel.http.guards import ANYONE, Actor, Who, who
from souk.kernel.http.operation import Operation, operation
from souk.kernel.http.paging import CursorPage, CursorPaging
from souk.kernel.http.request import Request
from souk.kernel.record import Record
from souk.modules import payments
from souk.modules.orders.cards import begin_payment, owed
from souk.modules.orders.errors import MayNotBegin, NoSuchOrder, StepNotOpen, StepNotYours
from souk.modules.orders.kinds import Kind, Processes, Sold
from souk.modules.orders.model import Entry, Moved, OpenStep
from souk.modules.orders.reading import access, history, open_steps, orders
from souk.modules.orders.takers import person
from souk.modules.orders.taking import Desk, Taken, begin, take
from souk.process import START, Actors, Process, Step
from souk.process.draw import draw

HOME: Final = "souk.modules.orders.routes"

Refusals = tuple[type[Refusal], ...]


class OrdersQuery(CursorPaging, kw_only=True):
    """Which orders are wanted."""

    state: str | None = None


class Described(Record):
    """A process, for those who build pages for it."""

    name: str
    version: int
    collection: str
    states: list[str]
    ends: list[str]
    waits: dict[str, str]
    steps: list[DescribedStep]
    diagram: str
    """In Mermaid's words."""


class DescribedStep(Record):
    """One permitted move."""

    name: str
    path: str
    by: list[str]
    together: bool
    source: list[str]
    target: str | None
    parameters: str | None
    money: list[str]
    at: list[str]
    about: str


def describe(process: Process, collection: str) -> Described:
    """A process as clients read it."""
    waits = {str(state): str(waits.on) for state, waits in process.waits.items()}
    steps = [_step(step) for step in process.steps]
    states, ends = [str(state) for state in process.states], sorted(map(str, process.ends))
    return Described(process.name, process.version, collection, states, ends, waits, steps, draw(process))


def _step(step: Step) -> DescribedStep:
    return DescribedStep(
        name=step.name,
        path=step.public,
        by=[actor.name for actor in step.by.each],
        together=step.by.together,
        source=[str(source) for source in step.sources],
        target=str(step.target) if step.target is not None else None,
        parameters=step.takes.__name__ if step.takes is not None else None,
        money=[str(money.verb) for money in step.money],
        at=[str(time) for time in step.at],
        about=step.about,
    )


@operation("GET", "/processes", who=ANYONE)
async def processes(processes: Processes) -> list[Described]:
    """How orders go here: states, steps, who takes them, and what happens to the money."""
    return [describe(kind.process, kind.collection) for kind in processes.current.values()]


def operations(*sold: Sold) -> Iterator[Operation[..., Any]]:
    """All operations of these processes."""
    for each in sold:
        yield from _of(*(Kind(process, each.collection) for process in (each.process, *each.before)))


class View:
    """An order with what belongs to an answer, by the version that it is of."""

    def __init__(self, name: str, about: str, fields: list[tuple[str, Any]], kinds: tuple[Kind, ...]) -> None:
        self._views = {kind.process.version: _view_of(kind, name, about, fields) for kind in kinds}
        self.newest: Any = self._views[kinds[0].process.version]
        """What the API's description shows."""

    def __call__(self, order: Any, **more: Any) -> Any:
        return self._views[order.version](**{name: getattr(order, name) for name in order.__struct_fields__}, **more)


def _view_of(kind: Kind, name: str, about: str, fields: list[tuple[str, Any]]) -> Any:
    order, said = kind.process.order, {"__doc__": about.format(kind.name)}
    return msgspec.defstruct(f"{order.__name__}{name}", fields, bases=(order,), kw_only=True, frozen=True, namespace=said)


SEEN: Final = ("View", "A {}, and what its reader may do now.", [("steps", list[OpenStep])])
MOVED: Final = (
    "Moved",
    "A {} after a step, and the money that it moved. Where others have to agree yet, nothing has.",
    [("money", list[Moved]), ("agreed", bool)],
)
"""What stands in an answer beside the order: whoever reads it gets the steps, whoever moves it what became of the money."""


def _answer(view: View, taken: Taken) -> Any:
    return view(taken.order, money=taken.moved, agreed=taken.agreed)


def _of(kind: Kind, *before: Kind) -> Iterator[Operation[..., Any]]:
    """What can be done with orders of a process, whatever version they are of; they begin by the newest."""
    kinds, path = (kind, *before), f"/{kind.collection}/{{order_id}}"
    view, moved = View(*SEEN, kinds), View(*MOVED, kinds)
    parties = (Actors((party,)) for each in kinds for party in each.process.parties)
    everybody = _allowed(*(step.by for each in kinds for step in each.process.steps), *parties)
    yield from _reading(kind, path, view, everybody)
    yield from _paying(kind, path)
    for public in dict.fromkeys(public for each in kinds for public in each.by_path):
        found = [(each, step) for each in kinds for step in each.by_path.get(public, ())]
        first = [(each, step) for each, step in found if START in step.sources and each is kind]
        later = [(each, step) for each, step in found if set(step.sources) != {START}]
        yield from _made(_beginning, kind, public, first, moved)
        yield from _made(_taking, kind, public, later, moved)


def _made(
    make: Callable[..., Operation[..., Any]], kind: Kind, public: str, found: list[tuple[Kind, Step]], moved: View
) -> Iterator[Operation[..., Any]]:
    steps = tuple(step for _kind, step in found)
    allowed = _allowed(*(step.by for step in steps))
    if allowed is not None:
        takes = next((step.takes for step in steps if step.takes is not None), None)
        yield make(kind, public, steps, allowed, takes, moved, _refusals(found))


def _allowed(*by: Actors) -> Who | None:
    names = frozenset(name for actors in by for actor in actors.each for name in actor.roles)
    return Who(names) if names else None


def _reading(kind: Kind, path: str, view: View, everybody: Who | None) -> Iterator[Operation[..., Any]]:
    allowed, name = everybody or who("nobody"), kind.name

    async def read(tx: Tx, by: Actor, order_id: UUID, processes: Processes) -> Any:
        stored, order = await access(tx, processes, kind, order_id, person(by))
        current = processes.named(name, stored.version)
        return view(order, steps=await open_steps(tx, current, stored, order, person(by)))

    async def list_of(tx: Tx, by: Actor, query: OrdersQuery, processes: Processes) -> CursorPage[Any]:
        return await orders(tx, processes, kind, person(by), query, query.state)

    async def history_of(tx: Tx, by: Actor, order_id: UUID, processes: Processes) -> list[Entry]:
        return await history(tx, processes, kind, order_id, person(by))

    yield _operation(read, "GET", path, f"read_{name}", f"Read a {name} of yours.", view.newest, who=allowed, refusals=(NoSuchOrder,))
    answers = CursorPage[kind.process.order]  # type: ignore[name-defined]
    yield _operation(
        list_of,
        "GET",
        f"/{kind.collection}",
        f"list_{kind.collection.replace('-', '_')}",
        f"Your {name}s, newest first.",
        answers,
        who=allowed,
    )
    about = f"What happened to a {name}, step by step."
    yield _operation(history_of, "GET", f"{path}/history", f"{name}_history", about, list[Entry], who=allowed, refusals=(NoSuchOrder,))


def _paying(kind: Kind, path: str) -> Iterator[Operation[..., Any]]:
    payers = _allowed(*(Actors((each.money.payer,)) for each in owed(kind.process) if each.money.payer is not None))
    if payers is None:
        return

    async def pay(  # noqa: PLR0913, PLR0917 - bound by name
        database: Database,
        request: Request,
        by: Actor,
        order_id: UUID,
        body: payments.Confirming | None,
        processes: Processes,
        till: payments.Till,
    ) -> payments.Begun:
        key, method = payments.key_of(request, by, "order"), body.method if body is not None else None
        return await begin_payment(database, till, processes, kind, order_id, person(by), method=method, key=key)

    about = f"Begin to pay for a {kind.name} by card: as much as it costs. Honours `Idempotency-Key`."
    name, refusals = f"pay_for_{kind.name}_by_card", (NoSuchOrder, StepNotOpen)
    how = {"status": 201, "limit": "30/10m", "refusals": refusals}
    yield _operation(pay, "POST", f"{path}/payment", name, about, payments.Begun, who=payers, **how)


def _beginning(  # noqa: PLR0913, PLR0917 - what an operation is made of
    kind: Kind, public: str, steps: tuple[Step, ...], allowed: Who, takes: Any, view: View, refusals: Refusals
) -> Operation[..., Any]:
    async def with_body(tx: Tx, by: Actor, body: Any, processes: Processes, till: payments.Till) -> Any:
        taken = await begin(tx, Desk(processes, till), processes.named(kind.name), public, person(by), body)
        return _answer(view, taken)

    async def without(tx: Tx, by: Actor, processes: Processes, till: payments.Till) -> Any:
        taken = await begin(tx, Desk(processes, till), processes.named(kind.name), public, person(by), None)
        return _answer(view, taken)

    function = without if takes is None else with_body
    about, name = _about(kind, steps), f"{public.replace('-', '_')}_{kind.name}"
    how = {"status": 201, "idempotent": True, "dry_run": True, "refusals": (MayNotBegin, *refusals)}
    firsts = list(dict.fromkeys(step.public for step in kind.process.leaving(START)))
    path = f"/{kind.collection}" if public == firsts[0] else f"/{kind.collection}/{public}"
    return _operation(function, "POST", path, name, about, view.newest, body=takes, who=allowed, **how)


def _taking(  # noqa: PLR0913, PLR0917 - as above
    kind: Kind, public: str, steps: tuple[Step, ...], allowed: Who, takes: Any, view: View, refusals: Refusals
) -> Operation[..., Any]:
    async def with_body(tx: Tx, by: Actor, order_id: UUID, body: Any, processes: Processes, till: payments.Till) -> Any:  # noqa: PLR0913, PLR0917 - as above
        taken = await take(tx, Desk(processes, till), kind, order_id, public, person(by), body)
        return _answer(view, taken)

    async def without(tx: Tx, by: Actor, order_id: UUID, processes: Processes, till: payments.Till) -> Any:
        taken = await take(tx, Desk(processes, till), kind, order_id, public, person(by), None)
        return _answer(view, taken)

    optional = takes is not None and any(step.takes is None for step in steps)
    body: Any = takes | NoneType if optional and takes is not None else takes
    how = {"idempotent": True, "dry_run": True, "refusals": (NoSuchOrder, StepNotOpen, StepNotYours, *refusals)}
    path, name = f"/{kind.collection}/{{order_id}}/{public}", f"{public.replace('-', '_')}_{kind.name}"
    function, about = without if takes is None else with_body, _about(kind, steps)
    return _operation(function, "POST", path, name, about, view.newest, body=body, who=allowed, **how)


def _about(kind: Kind, steps: tuple[Step, ...]) -> str:
    return next((step.about for step in steps if step.about), f"{steps[0].public.replace('-', ' ').capitalize()} a {kind.name}.")


def _refusals(steps: list[tuple[Kind, Step]]) -> Refusals:
    return tuple(dict.fromkeys(guard.refusal for kind, step in steps for guard in kind.guards[step.name]))


def _operation(  # noqa: PLR0913, PLR0917 - as above
    function: Any, method: str, path: str, name: str, about: str, answers: Any, *, body: Any = None, who: Who, **how: Any
) -> Operation[..., Any]:
    """Declare one, under its own name."""
    function.__annotations__ = {**function.__annotations__, "return": answers, **({"body": body} if body is not None else {})}
    function.__name__, function.__qualname__, function.__doc__, function.__module__ = name, name, about, HOME
    return operation(method, path, who=who, **how)(function)
