"""Who and what can be matched, and what a match is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum, auto
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.record import Record
from souk.modules.matching.words import Written

EXACT: Final = 10**6
"""Scores of parts are whole millionths, so that a total is a sum of whole numbers and the same wherever it is made."""
SHARES: Final = 10**4
"""Weights are whole ten-thousandths."""


class Sought(StrEnum):
    """Which side of a pairing somebody or something stands on."""

    CANDIDATE = auto()
    REQUEST = auto()


class Text(msgspec.Struct, frozen=True):
    """One field's text. Words of a text that is not public count, and are never named."""

    text: str
    weight: float = 1.0
    public: bool = True


class Subject(msgspec.Struct, frozen=True):
    """Somebody or something that can be matched: a worker, a project."""

    id: UUID
    texts: Mapping[str, Text] = {}
    """By the name of the field."""
    skills: tuple[str, ...] = ()
    features: Mapping[str, float] = {}
    """What parts and filters look at: 0..1, or raw where the part has a rule."""
    ties: tuple[float, ...] = ()
    """What decides among equals, the lowest first: the load, then since when somebody waits."""
    skills_weight: float = 2.0
    """How much more a skill says than a word of an ordinary text."""

    @property
    def written(self) -> Written:
        """What is written of it, as the model sees it."""
        texts = tuple((each.text, each.weight) for each in self.texts.values())
        return Written(texts, self.skills, self.skills_weight)

    @property
    def all_public(self) -> bool:
        """Whether nothing that is written of it is kept from others."""
        return all(each.public for each in self.texts.values())

    @property
    def told(self) -> Written:
        """The part of it that others may be shown."""
        return Written(tuple((each.text, each.weight) for each in self.texts.values() if each.public), self.skills)


class Rated(Record):
    """One part of a score."""

    name: str
    weight: float
    score: float
    reason: str
    public: bool = True


class Match(Record):
    """One that was found, with every part of its score, and its features as they were."""

    id: UUID
    place: int
    score: float
    parts: list[Rated]
    ties: list[float]
    features: dict[str, float]

    @property
    def reasons(self) -> list[str]:
        """Why, for everybody."""
        return [part.reason for part in self.parts if part.public and part.reason]


class Matches(msgspec.Struct, frozen=True):
    """What was found for one request, best first, and by which model and weights."""

    pairing: str
    seeks: Sought
    request_id: UUID
    model: int | None
    weights: dict[str, float]
    found: list[Match]

    def __iter__(self) -> Iterator[Match]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)


class RecordCard(Record):
    """A match that was recorded, in a list."""

    id: UUID
    pairing: str
    seeks: Sought
    request_id: UUID
    model: int | None
    made_at: datetime


class Recorded(Record):
    """A match that was recorded, as it was."""

    id: UUID
    pairing: str
    seeks: Sought
    request_id: UUID
    model: int | None
    weights: dict[str, float]
    made_at: datetime
    matches: list[Match]


class ModelState(StrEnum):
    """How far a model is. Only the current one is ever read by a request."""

    FITTING = auto()
    BUILDING = auto()
    CURRENT = auto()
    RETIRED = auto()


class ModelCard(Record):
    """A fitted model, for staff."""

    id: int
    pairing: str
    state: ModelState
    documents: int
    terms: int
    fitted_at: datetime
    current_at: datetime | None
