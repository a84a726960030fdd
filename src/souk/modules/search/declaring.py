"""What a market declares: an `Index` for each kind of document, with what it can be searched, filtered, counted and sorted by.

Nothing else of a market's data is searchable: a `Document` is all that the index ever sees, and `shown` all that it ever shows.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from keyword import iskeyword
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.kernel.http.guards import ANYONE, Who
from souk.kernel.messages import Event
from souk.kernel.record import Record
from souk.modules.search.places import Place
from souk.modules.search.words import words

E = TypeVar("E", bound=Event)

NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
SLOTS: Final = 6
"""So many numbers a kind of document may have: each has an index of its own."""
LANGUAGES: Final = ("en", "fr", "ar", "de", "es", "it", "pt", "nl", "ro", "ru", "tr", "sv", "simple")
TAKEN: Final = frozenset({"q", "cursor", "limit", "sort", "fields", "dry_run"})
RELEVANCE: Final = "relevance"
NEWEST: Final = "newest"
DISTANCE: Final = "distance"


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What the index knows of one thing, all of it public. Words of `title` weigh most, then `keywords`, then `text`, then `more`."""

    id: UUID
    revision: int
    """Grows with each change of the thing: a document never replaces one of a higher revision."""
    at: datetime
    """What `newest` sorts by."""
    shown: Record
    """What a search answers for it, as the index's `shows`."""
    title: str = ""
    keywords: str = ""
    text: str = ""
    more: str = ""
    language: str = ""
    """Of the texts; the first of the index's, if it is not one of them."""
    terms: Mapping[str, Iterable[str]] = {}
    """Values of facets and choices, by their names."""
    flags: Mapping[str, bool] = {}
    numbers: Mapping[str, float] = {}
    """Values of ranges and sorts, by their names."""
    place: Place | None = None
    boost: float = 0.0
    """How much better than its words say it is, from 0 to 1. Where very many match, those with more of it are looked at first."""


Load = Callable[[Tx, list[UUID]], Awaitable[list[Document]]]
Every = Callable[[Tx, UUID | None, int], Awaitable[list[UUID]]]


class Follows(msgspec.Struct, Generic[E], frozen=True):
    """An event after which documents are looked at again, and which."""

    fact: type[E]
    ids: Callable[[E], Iterable[UUID]]


class Choice(msgspec.Struct, frozen=True):
    """Filter by values: any of those given, or all of them. `skills=python,django`, or the parameter repeated."""

    name: str
    parameter: str = ""
    all: bool = False
    about: str = ""


class Facet(Choice, frozen=True):
    """A choice whose values are counted: how many of what was found have each."""

    most: int = 20
    """How many values are told."""


class Flag(msgspec.Struct, frozen=True):
    """Filter by yes or no."""

    name: str
    parameter: str = ""
    about: str = ""


class Range(msgspec.Struct, frozen=True):
    """Filter by a number: `least` and `most` name the parameters, of which one may be missing."""

    name: str
    least: str = ""
    most: str = ""
    about: str = ""


class Near(msgspec.Struct, frozen=True):
    """Filter by distance: the parameters' names, and kilometres."""

    lat: str = "lat"
    lng: str = "lng"
    radius: str = "radius"
    usual: float = 25.0
    farthest: float = 500.0


Filter = Choice | Flag | Range | Near


class Sort(msgspec.Struct, frozen=True):
    """An order that may be asked for: by `relevance`, `newest`, `distance`, or the number of that name."""

    name: str
    by: str = ""
    ascending: bool = False

    @property
    def key(self) -> str:
        return self.by or self.name


class Index(msgspec.Struct, frozen=True, dict=True):
    """One kind of document that can be searched."""

    name: str
    path: str
    shows: type[Record]
    load: Load
    """The documents of these ids as they are now. Those that it does not answer are removed."""
    every: Every
    """For building it all anew: ids that there are after this one, in their order, so many at most."""
    on: tuple[Follows[Any], ...] = ()
    languages: tuple[str, ...] = ("en",)
    facets: tuple[Facet, ...] = ()
    filters: tuple[Filter, ...] = ()
    sorts: tuple[Sort, ...] = (Sort(RELEVANCE), Sort(NEWEST))
    """The first is usual."""
    synonyms: tuple[tuple[str, ...], ...] = ()
    """Single words that mean one thing, in any language."""
    suggests: str = ""
    """The path of its suggestions, if it makes any: titles that begin so."""
    who: Who = ANYONE
    about: str = ""
    reach: int = 200
    """Where very many match, the first so many are ranked and counted."""

    def __post_init__(self) -> None:
        for complaint in self._faults():
            raise TypeError(f"the index {self.name}: {complaint}")

    @cached_property
    def choices(self) -> dict[str, Choice]:
        """All facets and choices."""
        return {each.name: each for each in (*self.facets, *self.filters) if isinstance(each, Choice)}

    @cached_property
    def flags(self) -> dict[str, Flag]:
        return {each.name: each for each in self.filters if isinstance(each, Flag)}

    @cached_property
    def ranges(self) -> dict[str, Range]:
        return {each.name: each for each in self.filters if isinstance(each, Range)}

    @cached_property
    def near(self) -> Near | None:
        return next((each for each in self.filters if isinstance(each, Near)), None)

    @cached_property
    def slots(self) -> dict[str, int]:
        """Where each number is kept, from 1."""
        sorted_by = (each.key for each in self.sorts if each.key not in (RELEVANCE, NEWEST, DISTANCE))
        return {name: i for i, name in enumerate(dict.fromkeys((*self.ranges, *sorted_by)), start=1)}

    @cached_property
    def orders(self) -> dict[str, Sort]:
        return {each.name: each for each in self.sorts}

    @cached_property
    def alike(self) -> dict[str, tuple[str, ...]]:
        """Each word that has synonyms, and those."""
        found: dict[str, set[str]] = {}
        for group in self.synonyms:
            folded = [next(words(word)) for word in group]
            for word in folded:
                found.setdefault(word, set()).update(folded)
        return {word: tuple(sorted(meant - {word})) for word, meant in found.items()}

    @property
    def parameters(self) -> list[str]:
        """The names of all its parameters."""
        several: list[Choice | Flag] = [*self.choices.values(), *self.flags.values()]
        named = [each.parameter or each.name for each in several]
        bounds = [bound for each in self.ranges.values() for bound in (each.least, each.most) if bound]
        return [*named, *bounds, *((self.near.lat, self.near.lng, self.near.radius) if self.near else ())]

    def _faults(self) -> Iterable[str]:
        if not NAME.fullmatch(self.name):
            yield "its name is a small letter, then small letters, digits, - and _"
        names = [*(each.name for each in (*self.facets, *self.filters) if not isinstance(each, Near)), *self.parameters]
        yield from (f"{name!r} cannot be the name of a parameter" for name in names if not name.isidentifier() or iskeyword(name))
        doubles = {name for name in self.parameters if self.parameters.count(name) > 1} | (TAKEN & set(self.parameters))
        yield from (f"two things want the parameter {name}" for name in doubles)
        yield from (f"it does not know the language {each}" for each in self.languages if each not in LANGUAGES)
        yield from (f"{word!r} is no single word" for group in self.synonyms for word in group if len(list(words(word))) != 1)
        if not self.languages or not self.sorts:
            yield "it needs a language and an order"
        elif len(self.slots) > SLOTS:
            yield f"it has {len(self.slots)} numbers, and at most {SLOTS} can be kept"
        elif self.near is None and any(each.key == DISTANCE for each in self.sorts):
            yield "to sort by distance, it needs `Near` among its filters"
