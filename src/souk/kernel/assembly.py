"""What is put together: a `Module` is one capability, a `Market` is a name, a base path, roles and the modules it uses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol, TypeVar, runtime_checkable
from uuid import UUID

import msgspec

from souk.kernel.config import Settings
from souk.kernel.db import Law, Tx, laws_of
from souk.kernel.http.guards import Actor, Role
from souk.kernel.http.operation import Operation
from souk.kernel.live import Live
from souk.kernel.messages import Job, Periodic, Reaction

T = TypeVar("T")
Seed = Callable[[Tx, "Market"], Awaitable[None]]
Export = Callable[[Tx, UUID], Awaitable[object]]
Erase = Callable[[Tx, UUID], Awaitable[None]]
Resources = Callable[[Settings, "Market"], Mapping[type, object]]
ActorOfKey = Callable[[Tx, "Market", str], Awaitable[Actor | None]]


@runtime_checkable
class Closable(Protocol):
    """A resource that is closed when its market is: it holds connections to somewhere else."""

    async def aclose(self) -> None:
        """Close them. Whatever is asked now is not answered any more."""
        ...


class Module(msgspec.Struct, frozen=True):
    """One capability, collected from the files of its folder."""

    name: str
    folder: Path
    operations: tuple[Operation[..., Any], ...] = ()
    jobs: tuple[Job[Any], ...] = ()
    reactions: tuple[Reaction[Any], ...] = ()
    periodic: tuple[Periodic, ...] = ()
    development: tuple[Operation[..., Any], ...] = ()
    """Operations that only development mode has."""
    seed: Seed | None = None
    """Fills an empty market with demo data; what is there already stays."""
    export: Export | None = None
    """What it knows of a person, as they may take it with them."""
    erase: Erase | None = None
    """Forgets a person: what must stay, stays without a name."""
    resources: Resources | None = None
    """What its operations and jobs take as parameters of these types, in every process that opens the market."""
    actor_of_key: ActorOfKey | None = None
    """Whose API key this is. One module of a market at most knows."""
    examples: Mapping[type, Any] = {}
    """What its answers look like in the description of the API, by their types, as JSON has them."""

    @property
    def migrations(self) -> Path:
        return self.folder / "migrations"

    @property
    def laws(self) -> list[Law]:
        """What must always hold of its data."""
        return laws_of(self.name, self.folder / "laws.sql")


def module(name: str, *files: ModuleType, development: tuple[ModuleType, ...] = ()) -> Module:
    """A module made of its files: every operation, job, reaction and periodic job defined in them, in that order.

    Functions of these names in one of them are the module's: `seed(tx, market)`, `export(tx, person)`, `erase(tx, person)`,
    `resources(settings, market)` and `actor_of_key(tx, market, key)`; `EXAMPLES` in any of them are its examples. Operations in the
    files of `development` are served in development mode only.
    """
    first = files[0].__file__
    if first is None:
        raise TypeError(f"{files[0].__name__} has no file")
    return Module(
        name,
        Path(first).parent,
        operations=tuple(_defined(files, Operation)),
        jobs=tuple(_defined(files, Job)),
        reactions=tuple(_defined(files, Reaction)),
        periodic=tuple(_defined(files, Periodic)),
        development=tuple(_defined(development, Operation)),
        examples={kind: example for file in files for kind, example in vars(file).get("EXAMPLES", {}).items()},
        **{name: found for name in FUNCTIONS if (found := _function(files, name)) is not None},
    )


FUNCTIONS: Final = ("seed", "export", "erase", "resources", "actor_of_key")


def _function(files: tuple[ModuleType, ...], name: str) -> Any:
    """The function of that name which one of the files defines, not one that it imports."""
    return next((found for file in files if (found := vars(file).get(name)) and found.__module__ == file.__name__), None)


def _defined(files: tuple[ModuleType, ...], kind: type[T]) -> Iterator[T]:
    for file in files:
        for thing in vars(file).values():
            if isinstance(thing, kind) and getattr(thing, "home", file.__name__) == file.__name__:
                yield thing


class Market(msgspec.Struct, frozen=True):
    """One marketplace: a tenant with its own schema, database role, clock and addresses."""

    name: str
    base: str
    title: str
    roles: tuple[Role, ...]
    modules: tuple[Module, ...] = ()
    origins: tuple[str, ...] = ()
    """Web origins whose pages may call the API from a browser."""
    limit: str = "3000/1m"
    """How often one signed-in person may call."""
    rules: tuple[object, ...] = ()
    """What the market decides about its modules: one value for each module that asks, found by its type."""

    live: Live | None = None
    """What it says and hears live."""

    @property
    def resources(self) -> dict[type, object]:
        """What operations and jobs may take as a parameter of that type."""
        own: dict[type, object] = {Market: self} if self.live is None else {Market: self, Live: self.live}
        return {**own, **{type(rule): rule for rule in self.rules}}
