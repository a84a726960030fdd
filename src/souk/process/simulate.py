"""The model that a simulation walks: what may be done with an order, with which parameters, and where it should be afterwards.

Pure: the same seed chooses the same. `modules/orders` takes the steps on real code and a real database, and holds them against this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import inspect

from souk.process.language import Step
from souk.process.money import LEADS
from souk.process.paths import Place

Supply = Mapping[str, Callable[[], object]]
"""What parameters of some names are chosen from: who there is, what there is to divide."""

WORDS: Final = ["amber", "birch", "cedar", "dune", "ember", "fjord", "grove", "heath", "inlet", "jetty", "kelp", "ledge"]
LARGEST: Final = 50_000


def expected(place: Place, step: Step) -> Place:
    """Where an order should be after a step."""
    escrow = place.escrow
    for money in step.money:
        escrow = LEADS[money.verb][escrow]
    return Place(step.target_from(place.state), escrow)


def invent(kind: type[msgspec.Struct], random: Random, now: datetime, supply: Supply) -> Any:
    """Parameters of that type, which are well-formed and otherwise as they come."""
    info = inspect.type_info(kind)
    if not isinstance(info, inspect.StructType):
        raise TypeError(f"{kind} is no Struct")
    chosen = {field.name: supply[field.name]() if field.name in supply else _value(field.type, random, now) for field in info.fields}
    return kind(**chosen)


def _value(kind: inspect.Type, random: Random, now: datetime) -> Any:
    made = MAKERS.get(type(kind))
    if made is None:
        raise TypeError(f"nobody knows how to invent a {kind}: name it in the simulation's supply")
    return made(kind, random, now)


def _whole(kind: Any, random: Random, _now: datetime) -> int:
    least = kind.ge if kind.ge is not None else kind.gt + 1 if kind.gt is not None else 0
    most = kind.le if kind.le is not None else kind.lt - 1 if kind.lt is not None else LARGEST
    return random.randint(least, max(least, min(most, LARGEST)))


def _text(kind: Any, random: Random, _now: datetime) -> str:
    text = " ".join(random.choices(WORDS, k=random.randint(1, 6)))
    return text[: kind.max_length].ljust(kind.min_length or 0, "x")


def _one_of(kind: Any, random: Random, now: datetime) -> Any:
    return _value(random.choice([each for each in kind.types if not isinstance(each, inspect.NoneType)]), random, now)


def _several(kind: Any, random: Random, now: datetime) -> Any:
    least = kind.min_length or 0
    items = [_value(kind.item_type, random, now) for _ in range(random.randint(least, least + 2))]
    return tuple(items) if isinstance(kind, inspect.VarTupleType) else items


MAKERS: Final[Mapping[type[inspect.Type], Callable[[Any, Random, datetime], Any]]] = {
    inspect.IntType: _whole,
    inspect.StrType: _text,
    inspect.BoolType: lambda _kind, random, _now: random.random() < 0.5,
    inspect.FloatType: lambda _kind, random, _now: random.random(),
    inspect.UUIDType: lambda _kind, random, _now: UUID(int=random.getrandbits(128), version=4),
    inspect.DateTimeType: lambda _kind, random, now: now + timedelta(hours=random.uniform(1, 400)),
    inspect.TimeDeltaType: lambda _kind, random, _now: timedelta(minutes=random.randint(1, 600)),
    inspect.UnionType: _one_of,
    inspect.EnumType: lambda kind, random, _now: random.choice(list(kind.cls)),
    inspect.LiteralType: lambda kind, random, _now: random.choice(kind.values),
    inspect.ListType: _several,
    inspect.VarTupleType: _several,
    inspect.StructType: lambda kind, random, now: invent(kind.cls, random, now, {}),
}
"""How a value of each type is made up."""
