"""What a market declares: two sides, what changes them, what a score consists of, and who may ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.kernel.http.guards import Actor, Who
from souk.kernel.messages import Event
from souk.modules.matching.model import Sought, Subject
from souk.modules.matching.parts import Filter, Part, check_weights

Load = Callable[[Tx, Sequence[UUID]], Awaitable[Sequence[Subject]]]
"""Those of these ids that can be matched now. Whoever is missing from the answer is not matched any more."""
Every = Callable[[Tx, UUID | None, int], Awaitable[Sequence[UUID]]]
"""The ids behind that one, in their order, at most so many: how a market that exists already is taken in."""
Access = Callable[[Tx, UUID, Actor], Awaitable[Subject]]
"""What the caller asks for, with the caller's permission; or a refusal."""
Cards = Callable[[Tx, Sequence[UUID]], Awaitable[Mapping[UUID, Any]]]
"""What everybody may see of them."""


Bars = Callable[[Tx, Subject, Sequence[UUID]], Awaitable[Collection[UUID]]]
"""Whom of these the one that asks does not meet: who blocked them, what is their own."""


class Follows(msgspec.Struct, frozen=True):
    """A fact that changes how somebody is matched, and whom it is about."""

    fact: type[Event]
    about: Callable[[Any], Sequence[UUID]]


class Side(msgspec.Struct, frozen=True):
    """One side of a pairing."""

    name: str
    load: Load
    on: tuple[Follows, ...] = ()
    every: Every | None = None
    bars: Bars | None = None


class Asking(msgspec.Struct, frozen=True):
    """A way to ask over HTTP."""

    path: str
    who: Who
    shows: str
    """What the one that is found is called in the answer: `worker`."""
    parameter: str = ""
    """The query's parameter that names what is asked for, as `project_id`; without one, people ask for themselves."""
    access: Access | None = None
    """Needed with a parameter: it asks whether the caller may."""
    card: Any = UUID
    """The type of what is shown of the one that is found; only the id where nothing is said."""
    cards: Cards | None = None
    limit: str = ""


class Pairing(msgspec.Struct, frozen=True, kw_only=True):
    """Candidates for requests, and, where `back` is declared, requests for a candidate: one pipeline, with its sides exchanged.

    Parts and filters are always asked about (request, candidate).
    """

    name: str
    candidates: Side
    requests: Side
    parts: tuple[Part, ...]
    filters: tuple[Filter, ...] = ()
    ask: Asking | None = None
    back: Asking | None = None
    parts_back: tuple[Part, ...] = ()
    """Where those who ask in the other direction weigh otherwise."""
    many: int = 20
    rare: int = 1
    """In how many documents a word has to stand to be known."""
    common: float = 0.5
    """A word that stands in a larger share of them says nothing, once there are enough documents to tell."""

    def __post_init__(self) -> None:
        if not 1 <= self.many <= MOST:
            raise TypeError(f"{self.name}: many is from 1 to {MOST}")
        for parts in (self.parts, self.parts_back or self.parts):
            names = [part.name for part in parts]
            if len(set(names)) < len(names):
                raise TypeError(f"{self.name}: two parts have one name: {', '.join(names)}")
            check_weights({part.name: part.weight for part in parts})
        for asking in (self.ask, self.back):
            if asking is not None and bool(asking.parameter) != (asking.access is not None):
                raise TypeError(f"{self.name}: {asking.path} needs both a parameter and who may name it, or neither")

    def side(self, seeks: Sought) -> Side:
        """Those who are found."""
        return self.candidates if seeks is Sought.CANDIDATE else self.requests

    def asker(self, seeks: Sought) -> Side:
        """Those who ask."""
        return self.requests if seeks is Sought.CANDIDATE else self.candidates

    def parts_of(self, seeks: Sought) -> tuple[Part, ...]:
        """What a score consists of in that direction."""
        return self.parts_back if seeks is Sought.REQUEST and self.parts_back else self.parts

    @property
    def kept(self) -> tuple[Sought, ...]:
        """The sides that can be found, and so are indexed."""
        return (Sought.CANDIDATE,) if self.back is None else (Sought.CANDIDATE, Sought.REQUEST)

    def weights(self, seeks: Sought) -> dict[str, Decimal]:
        """By the names of its parts."""
        return {part.name: part.weight for part in self.parts_of(seeks)}


MOST: Final = 100
"""So many are found for one request at most."""


class Pairings:
    """A market's pairings, by their names."""

    def __init__(self, *pairings: Pairing) -> None:
        self.by_name: Final = {pairing.name: pairing for pairing in pairings}
        if len(self.by_name) < len(pairings):
            raise TypeError("two pairings have one name")
