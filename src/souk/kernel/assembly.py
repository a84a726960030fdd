"""What is put together: a `Module` is one capability, a `Market` is a name, a base path, roles and the modules it uses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import msgspec

from souk.kernel.db import Tx
from souk.kernel.http.guards import Role
from souk.kernel.http.operation import Operation
from souk.kernel.messages import Job, Periodic, Reaction

T = TypeVar("T")
Seed = Callable[[Tx], Awaitable[None]]


class Module(msgspec.Struct, frozen=True):
    """One capability, collected from the files of its folder."""

    name: str
    folder: Path
    operations: tuple[Operation[..., Any], ...] = ()
    jobs: tuple[Job[Any], ...] = ()
    reactions: tuple[Reaction[Any], ...] = ()
    periodic: tuple[Periodic, ...] = ()
    seed: Seed | None = None
    """Fills an empty market with demo data; what is there already stays."""

    @property
    def migrations(self) -> Path:
        return self.folder / "migrations"

    @property
    def laws(self) -> Path:
        return self.folder / "laws.sql"


def module(name: str, *files: ModuleType) -> Module:
    """A module made of its files: every operation, job, reaction and periodic job defined in them, in that order.

    A function `seed(tx)` in one of them fills it with demo data.
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
        seed=next((file.seed for file in files if hasattr(file, "seed")), None),
    )


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
