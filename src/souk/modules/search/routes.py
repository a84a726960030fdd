"""Operations from indexes: each is a search with the parameters that its market named, and perhaps suggestions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import isfinite
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from souk.kernel.db import Tx
from souk.kernel.http.operation import Operation, operation
from souk.kernel.http.paging import CursorPaging, cursor
from souk.kernel.http.refusals import Invalid, Problem
from souk.kernel.record import Record
from souk.modules.search import lexemes
from souk.modules.search.declaring import DISTANCE, Choice, Index
from souk.modules.search.keeping import Indexes
from souk.modules.search.places import Latitude, Longitude, Place
from souk.modules.search.wanted import After, Around, Found, Wanted

HOME: Final = "souk.modules.search.routes"
LONGEST: Final = 300
MOST_VALUES: Final = 50

Words = Annotated[str, Meta(max_length=LONGEST, description="What is looked for, in any of the index's languages; typos are forgiven.")]
Value = Annotated[str, Meta(max_length=200)]
Number = Annotated[float, Meta(ge=-1e15, le=1e15)]


class Total(Record):
    """How many were found."""

    count: int
    exact: bool
    """False where very many match: then it is estimated."""


class FacetValue(Record):
    """A value, and how many of what was found have it."""

    value: str
    count: int


class Suggest(Record):
    """What was typed so far."""

    q: Annotated[str, Meta(max_length=100, description="What was typed so far.")] = ""
    limit: Annotated[int, Meta(ge=1, le=20, description="How many at most.")] = 8


def operations(*indexes: Index) -> Iterator[Operation[..., Any]]:
    """All operations of these indexes."""
    for index in indexes:
        yield _searching(index)
        if index.suggests:
            yield _suggesting(index)


def _searching(index: Index) -> Operation[..., Any]:
    name = index.name.replace("-", "_")
    results, read = results_of(index), Reader(index)

    async def search(tx: Tx, query: Any, indexes: Indexes) -> Any:
        wanted = read(query)
        return answer(index, results, await indexes.engine.find(tx, index, wanted))

    about = index.about or f"Search {index.name.replace('_', ' ')}."
    search.__annotations__ = {**search.__annotations__, "query": query_of(index), "return": results}
    search.__name__, search.__qualname__, search.__doc__, search.__module__ = f"search_{name}", f"search_{name}", about, HOME
    return operation("GET", index.path, who=index.who, shared=True)(search)


def _suggesting(index: Index) -> Operation[..., Any]:
    name = f"suggest_{index.name.replace('-', '_')}"

    async def suggest(tx: Tx, query: Suggest, indexes: Indexes) -> list[str]:
        return await indexes.engine.begins(tx, index, query.q, query.limit)

    suggest.__name__, suggest.__qualname__, suggest.__module__ = name, name, HOME
    suggest.__doc__ = f"Titles of {index.name.replace('_', ' ')} that begin with what was typed."
    return operation("GET", index.suggests, who=index.who, shared=True)(suggest)


# What is taken


@cache
def query_of(index: Index) -> type[msgspec.Struct]:
    """The parameters of a search, each with its type and description."""
    fields: list[tuple[str, Any, Any]] = [("q", Words, "")]
    fields += [
        (choice.parameter or choice.name, Annotated[tuple[Value, ...], Meta(description=_about(choice))], ())
        for choice in index.choices.values()
    ]
    for flag in index.flags.values():
        meaning = flag.about or f"Only those with {flag.name}, or only those without."
        fields.append((flag.parameter or flag.name, Annotated[bool | None, Meta(description=meaning)], None))
    for span in index.ranges.values():
        for parameter, word in ((span.least, "at least"), (span.most, "at most")):
            if parameter:
                fields.append((parameter, Annotated[Number | None, Meta(description=span.about or f"{span.name} of {word} this.")], None))
    if index.near is not None:
        near, km = index.near, Meta(gt=0, le=index.near.farthest)
        usual = f"Kilometres from there; {near.usual:g} where nothing is said."
        fields.append((near.lat, Annotated[Latitude | None, Meta(description="Where to look around: latitude.")], None))
        fields.append((near.lng, Annotated[Longitude | None, Meta(description="Where to look around: longitude.")], None))
        fields.append((near.radius, Annotated[Annotated[float, km] | None, Meta(description=usual)], None))
    orders = Literal[tuple(index.orders)]  # type: ignore[valid-type]  # known when it runs
    fields.append(("sort", Annotated[orders, Meta(description="In which order.")], next(iter(index.orders))))
    name = f"Search{_title(index)}Query"
    said = {"__doc__": f"What is looked for among {index.name}.", "__module__": HOME}
    return msgspec.defstruct(name, fields, bases=(CursorPaging,), kw_only=True, frozen=True, namespace=said)


def _about(choice: Choice) -> str:
    how = "all" if choice.all else "any"
    return choice.about or f"Only those with {how} of these: `a,b`, or the parameter repeated."


def _title(index: Index) -> str:
    return "".join(part.title() for part in index.name.replace("-", "_").split("_"))


class Reader:
    """Reads a query as what is wanted."""

    def __init__(self, index: Index) -> None:
        self.index = index

    def __call__(self, query: Any) -> Wanted:
        index = self.index
        problems: list[Problem] = []
        sort = index.orders[query.sort]
        around = self._around(query, problems)
        if sort.key == DISTANCE and around is None and not problems and index.near is not None:
            problems.append(Problem(index.near.lat, "is needed to sort by distance"))
        groups = tuple(self._groups(query, problems))
        if problems:
            raise Invalid(fields=problems)
        after: After | None = query.after(After)
        if after is not None and not isfinite(after.key):
            raise Invalid(fields=[Problem("cursor", "is not one that this list gave out; begin without it")])
        return Wanted(sort, query.limit, query.q, groups, tuple(self._bounds(query)), around, after)

    def _groups(self, query: Any, problems: list[Problem]) -> Iterator[tuple[str, ...]]:
        for choice in self.index.choices.values():
            parameter = choice.parameter or choice.name
            values = [value for given in getattr(query, parameter) for value in given.split(",") if value.strip()]
            if len(values) > MOST_VALUES:
                problems.append(Problem(parameter, f"can be at most {MOST_VALUES} values"))
            asked = tuple(dict.fromkeys(lexemes.choice(self.index, choice.name, value) for value in values))
            yield from ((each,) for each in asked) if choice.all else ((asked,) if asked else ())
        for flag in self.index.flags.values():
            on = getattr(query, flag.parameter or flag.name)
            if on is not None:
                yield (lexemes.flag(self.index, flag.name, on=on),)

    def _bounds(self, query: Any) -> Iterator[tuple[str, float | None, float | None]]:
        for span in self.index.ranges.values():
            least = getattr(query, span.least) if span.least else None
            most = getattr(query, span.most) if span.most else None
            if least is not None or most is not None:
                yield span.name, least, most

    def _around(self, query: Any, problems: list[Problem]) -> Around | None:
        near = self.index.near
        if near is None:
            return None
        lat, lng, km = getattr(query, near.lat), getattr(query, near.lng), getattr(query, near.radius)
        if lat is not None and lng is not None:
            return Around(Place(lat, lng), km if km is not None else near.usual)
        missing = near.lng if lat is not None else near.lat
        if lat is not None or lng is not None or km is not None:
            problems.append(Problem(missing, f"is needed, too: {near.lat} and {near.lng} say where"))
        return None


# What is answered


@cache
def results_of(index: Index) -> type[msgspec.Struct]:
    """The answer of a search."""
    facets = [(facet.name, list[FacetValue]) for facet in index.facets]
    said = {"__doc__": f"The values of what was found among {index.name}, the most frequent first.", "__module__": HOME}
    of_facets = msgspec.defstruct(f"{_title(index)}Facets", facets, bases=(msgspec.Struct,), frozen=True, namespace=said)
    fields: list[Any] = [
        ("items", list[index.shows]),  # type: ignore[name-defined]
        ("total", Total),
        ("facets", of_facets | None),
        ("counted", int),
        ("meant", dict[str, list[str]]),
        ("distances", list[float] | None),
        ("next_cursor", str | None),
    ]
    said = {
        "__doc__": f"What was found among {index.name}. Facets come with the first page, in proportion where fewer were `counted`."
        " `meant` has words that were corrected.",
        "__module__": HOME,
    }
    return msgspec.defstruct(f"{_title(index)}Results", fields, bases=(Record,), frozen=True, namespace=said)


def answer(index: Index, results: type[msgspec.Struct], found: Found) -> msgspec.Struct:
    """What an engine found, as it is told."""
    facets = None
    if found.counts is not None:
        values: dict[str, list[FacetValue]] = {facet.name: [] for facet in index.facets}
        for name, value, count in found.counts:
            if name in values:
                values[name].append(FacetValue(value, count))
        facets = {facet.name: values[facet.name][: facet.most] for facet in index.facets}
    return results(
        items=found.items,
        total=Total(found.total, found.exact),
        facets=facets,
        counted=found.counted,
        meant=found.meant,
        distances=found.distances,
        next_cursor=cursor(found.after) if found.after is not None else None,
    )
