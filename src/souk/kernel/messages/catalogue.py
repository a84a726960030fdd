"""`Catalogue`: everything a market's modules can do later, by the names that stand in its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from souk.kernel.db import Database, Tx
from souk.kernel.messages.declare import Event, Job, Periodic, Reaction, Work
from souk.kernel.messages.upkeep import keeping_days
from souk.kernel.messages.waking import Bell


class Declares(Protocol):
    """A module, as far as messages care."""

    @property
    def jobs(self) -> Sequence[Job[Any]]: ...
    @property
    def reactions(self) -> Sequence[Reaction[Any]]: ...
    @property
    def periodic(self) -> Sequence[Periodic]: ...


class Saying(Protocol):
    """How an event is said live, as far as messages care (`kernel/live` declares it)."""

    @property
    def name(self) -> str: ...
    @property
    def to(self) -> Callable[[Any], Iterable[str]]: ...
    @property
    def what(self) -> Callable[[Any], object]: ...


Says = Mapping[type[Event], Sequence[tuple[str, Saying]]]
"""How events are said live, each in its namespace. Those that are not here cost nothing."""


class Bound:
    """Work that is ready to run: its argument's decoder and its resources are found."""

    __slots__ = ("decode", "function", "outside", "resources", "takes", "work")

    def __init__(self, work: Work[Any], resources: Mapping[type, object]) -> None:
        first, *rest = work.parameters() or [("", None)]
        if first[1] not in (Tx, Database):
            raise TypeError(f"{work!r} has to take a Tx (inside its transaction) or a Database (calling others) first")
        self.work = work
        self.function = work.function
        self.outside = first[1] is Database
        self.takes = bool(rest) and not isinstance(work, Periodic)
        args = rest.pop(0)[1] if self.takes else None
        if isinstance(work, Reaction) and args is not work.fact:
            raise TypeError(f"{work!r} reacts to {work.fact.__name__}, but takes {args}")
        self.decode = msgspec.json.Decoder(args).decode
        missing = [f"{name}: {kind}" for name, kind in rest if kind not in resources]
        if missing:
            raise TypeError(f"{work!r} wants what this market does not have: {', '.join(missing)}")
        self.resources = {name: resources[kind] for name, kind in rest}

    async def call(self, first: Tx | Database, payload: msgspec.Raw) -> Any:
        """Call the function with what it takes."""
        if self.takes:
            return await self.function(first, self.decode(payload), **self.resources)
        return await self.function(first, **self.resources)


class Catalogue:
    """A market's jobs, reactions and periodic work, and the bell that tells its workers of new ones.

    days: how long the log of events is kept. traceparent: the trace that a job is asked for in. says: what is said live of events.
    """

    def __init__(
        self, modules: Iterable[Declares], *, days: int = 90, traceparent: Callable[[], str] = str, says: Says | None = None
    ) -> None:
        modules = tuple(modules)
        self.bell = Bell()
        self.news = Bell()
        """Rings when something was committed that every process has to know."""
        self.traceparent = traceparent
        self.says: Says = says or {}
        self.periodic: tuple[Periodic, ...] = (keeping_days(days), *(each for module in modules for each in module.periodic))
        self.reactions: dict[type[Event], tuple[Reaction[Any], ...]] = {}
        self.work: dict[str, Work[Any]] = {}
        self._topics: dict[str, type[Event]] = {}
        for reaction in (each for module in modules for each in module.reactions):
            self._add_reaction(reaction)
        for work in (*self.periodic, *(each for module in modules for each in (*module.jobs, *module.reactions))):
            for name in (work.name, *work.was):
                if self.work.setdefault(name, work) is not work:
                    raise TypeError(f"the name {name} is taken twice: {self.work[name]!r} and {work!r}; give one a `name=`")

    def _add_reaction(self, reaction: Reaction[Any]) -> None:
        topic = reaction.fact.topic.name
        if self._topics.setdefault(topic, reaction.fact) is not reaction.fact:
            raise TypeError(f"two classes of events are called {topic}: {self._topics[topic]!r} and {reaction.fact!r}")
        self.reactions[reaction.fact] = (*self.reactions.get(reaction.fact, ()), reaction)

    def bind(self, resources: Mapping[type, object]) -> dict[str, Bound]:
        """Everything ready to run, or an error that names what is missing."""
        bound = {work: Bound(work, resources) for work in dict.fromkeys(self.work.values())}
        return {name: bound[work] for name, work in self.work.items()}
