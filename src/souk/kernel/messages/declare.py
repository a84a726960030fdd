"""What a module declares: facts it announces (`Event`), work it does later (`Job`), what it does when facts happen
(`Reaction`) and what it does by the clock (`Periodic`).

    @event("project.created")
    class ProjectCreated(Event):
        project_id: UUID
        revision: int

    @on(ProjectCreated)
    async def index_project(tx: Tx, fact: ProjectCreated) -> None: ...

    @job("send_mail", attempts=10)
    async def send_mail(mails: Database, mail: SendMail, mailer: Mailer) -> None: ...

    @periodic("*/5 * * * *")
    async def check_laws(tx: Tx) -> None: ...

A function whose first parameter is a `Tx` runs inside the transaction that also completes its job: its writes happen
exactly once. One whose first parameter is a `Database` calls others (a provider, a mail server) and so runs outside of any
transaction; it happens at least once, and what it returns, a function of a `Tx`, is run in the transaction that completes the job.
Further parameters are resources, found by their type. Declared functions stay plain functions that tests call directly.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from operator import attrgetter
from typing import Any, ClassVar, Concatenate, Final, Generic, ParamSpec, Protocol, TypeVar, get_type_hints, overload
from uuid import UUID

import msgspec

from souk.kernel.db import Database, Tx
from souk.kernel.messages.cron import Cron
from souk.kernel.record import Record

A = TypeVar("A")
E = TypeVar("E", bound="Event")
P = ParamSpec("P")
Completion = Callable[[Tx], Awaitable[None]]
"""What a function that called others still has to record."""

ATTEMPTS: Final = 10
PATIENCE: Final = 300.0
PRIORITIES: Final = range(-10, 11)


class Topic(msgspec.Struct, frozen=True):
    """What an event class says about itself: its public name, its version, and which thing it is about."""

    name: str
    version: int
    aggregate: Callable[[Any], UUID]
    revision: Callable[[Any], int]


class Event(Record, forbid_unknown_fields=False):
    """A fact, past tense. Fields may be added with a default; a change that old rows do not fit is a new topic."""

    topic: ClassVar[Topic]


def event(name: str, *, version: int = 1, aggregate: str = "") -> Callable[[type[E]], type[E]]:
    """Give a fact its public name. `aggregate` names the field with the id of what it is about; otherwise the first field is.

    A field called `revision` orders the facts about one thing; without it, the time of the announcement does.
    """

    def declare(kind: type[E]) -> type[E]:
        fields = kind.__struct_fields__
        about = aggregate or (fields[0] if fields else "")
        if about not in fields:
            raise TypeError(f"{kind.__name__} needs a field with the id of what it is about")
        revision = attrgetter("revision") if "revision" in fields else announced_at
        kind.topic = Topic(name, version, attrgetter(about), revision)
        return kind

    return declare


def announced_at(_fact: Event) -> int:
    """The order of facts that carry no revision: the machine's clock, not the movable one."""
    return time.time_ns()


class Work(Generic[A]):
    """A function that a worker runs, and how. Names are stored in rows, so a renamed one keeps its old names in `was`."""

    def __init__(  # noqa: PLR0913 - a declaration has as many words as there are things to declare
        self,
        function: Callable[..., Any],
        name: str,
        *,
        was: tuple[str, ...] = (),
        attempts: int = ATTEMPTS,
        priority: int = 0,
        patience: float = PATIENCE,
    ) -> None:
        if attempts < 1 or priority not in PRIORITIES:
            raise TypeError(f"{name}: attempts are at least 1, priorities from {PRIORITIES[0]} to {PRIORITIES[-1]}")
        self.function = function
        self.name = name
        self.was = was
        self.attempts = attempts
        self.priority = priority
        self.patience = patience
        self.home: str = function.__module__
        self.__name__: str = function.__name__
        self.__doc__ = function.__doc__

    def __call__(self, *args: Any, **resources: Any) -> Any:
        """Call the function itself, as tests do."""
        return self.function(*args, **resources)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self.home}.{self.__name__}>"

    def parameters(self) -> list[tuple[str, Any]]:
        """The function's parameters and their types."""
        hints = get_type_hints(self.function)
        code = self.function.__code__
        return [(name, hints[name]) for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]]


class Job(Work[A]):
    """Work that `enqueue` asks for."""


class Reaction(Work[A]):
    """Work that follows an event. The facts about one thing arrive one by one and in their order, unless `ordered` is off."""

    def __init__(self, function: Callable[..., Any], name: str, fact: type[A], *, ordered: bool, **how: Any) -> None:
        super().__init__(function, name, **how)
        self.fact = fact
        self.ordered = ordered


class Periodic(Work[None]):
    """Work that the clock asks for, once per cluster."""

    def __init__(self, function: Callable[..., Any], cron: str, name: str, **how: Any) -> None:
        super().__init__(function, name, **how)
        self.cron = Cron(cron)


class DeclareJob(Protocol):
    """The decorator of a job: what the function takes is what `enqueue` wants."""

    @overload
    def __call__(self, function: Callable[[Tx], Awaitable[None]]) -> Job[None]: ...
    @overload
    def __call__(self, function: Callable[[Database], Awaitable[Completion | None]]) -> Job[None]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[Tx, A, P], Awaitable[None]]) -> Job[A]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[Database, A, P], Awaitable[Completion | None]]) -> Job[A]: ...


def job(name: str, *, attempts: int = ATTEMPTS, priority: int = 0, patience: float = PATIENCE, was: tuple[str, ...] = ()) -> DeclareJob:
    """Declare work for later. Higher priorities go first, and age: nothing waits behind what became due 10 minutes after it.

    patience: how many seconds one attempt may take.
    """

    def declare(function: Callable[..., Any]) -> Job[Any]:
        return Job(function, name, was=was, attempts=attempts, priority=priority, patience=patience)

    return declare


def on(  # noqa: PLR0913 - see Work
    fact: type[E],
    *,
    name: str = "",
    ordered: bool = True,
    attempts: int = ATTEMPTS,
    priority: int = 0,
    patience: float = PATIENCE,
    was: tuple[str, ...] = (),
) -> Callable[[Callable[..., Awaitable[Completion | None]]], Reaction[E]]:
    """React to a fact. The reaction is called `<topic>:<function>` unless it is named."""

    def declare(function: Callable[..., Awaitable[Completion | None]]) -> Reaction[E]:
        full = name or f"{fact.topic.name}:{function.__name__}"
        return Reaction(function, full, fact, ordered=ordered, was=was, attempts=attempts, priority=priority, patience=patience)

    return declare


def periodic(
    cron: str, *, name: str = "", attempts: int = ATTEMPTS, priority: int = 0, patience: float = PATIENCE
) -> Callable[[Callable[..., Awaitable[Completion | None]]], Periodic]:
    """Run by the clock: minute, hour, day, month, weekday, in UTC. After a long pause it runs once, not once for each time missed."""

    def declare(function: Callable[..., Awaitable[Completion | None]]) -> Periodic:
        full = name or f"periodic:{function.__module__.rpartition('.')[0].rpartition('.')[2]}.{function.__name__}"
        return Periodic(function, cron, full, attempts=attempts, priority=priority, patience=patience)

    return declare
