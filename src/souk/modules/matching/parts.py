"""What a score consists of: parts with a weight, each a pure function of a request and a candidate that answers 0..1 and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Final

import msgspec

from souk.modules.matching.model import SHARES, Subject
from souk.modules.matching.words import skill_key

Rating = tuple[float, str]
Rate = Callable[[Subject, Subject], Rating]
"""Of a request and a candidate, in this order, whichever of them asks."""
Rule = Callable[[float], float]
"""From a raw feature to 0..1."""
SHOWN: Final = 3
"""Shared words that a reason names."""


class Part(msgspec.Struct, frozen=True):
    """One part of a score. `of` is None for the likeness of what is written, which the model knows."""

    name: str
    weight: Decimal
    of: Rate | None
    public: bool = True
    """Whether its reason may be told to those who are not staff."""
    says: str = ""

    @property
    def share(self) -> int:
        """Its weight in ten-thousandths."""
        return int(self.weight * SHARES)


class Filter(msgspec.Struct, frozen=True):
    """Who does not come into question at all, whatever the score."""

    name: str
    passes: Callable[[Subject, Subject], bool]


class OutOfRange(ValueError):
    """A part answered something that is no score. The function that a market declared is wrong."""


def weight_of(weight: Decimal | str | float) -> Decimal:
    """A weight, exactly as it is written: 0.40 is forty hundredths."""
    try:
        exact = Decimal(str(weight))
    except InvalidOperation:
        raise TypeError(f"{weight!r} is no weight") from None
    if not exact.is_finite() or not 0 < exact <= 1 or exact * SHARES != int(exact * SHARES):
        raise TypeError(f"a weight lies above 0, is at most 1, and has at most four decimals; {weight!r} does not")
    return exact


def check_weights(weights: Mapping[str, Decimal]) -> None:
    """All of it, and no more: otherwise a total is no share of what is possible."""
    total = sum(weights.values(), Decimal())
    if total != 1:
        raise TypeError(
            f"weights have to come to exactly 1.00; {', '.join(f'{name} {weight}' for name, weight in weights.items())}: {total}"
        )


# Parts that markets have in common


def part(name: str, weight: Decimal | str | float, of: Rate, *, public: bool = True) -> Part:
    """A part of the market's own."""
    return Part(name, weight_of(weight), of, public)


def likeness(weight: Decimal | str | float, name: str = "words", *, says: str = "words in common", public: bool = True) -> Part:
    """How alike the two are by all that is written of them: the cosine of their vectors. Its reason names what says most."""
    return Part(name, weight_of(weight), None, public, says)


def overlap(
    weight: Decimal | str | float, name: str = "skills", *, otherwise: Rate | None = None, public: bool = True, says: str = ""
) -> Part:
    """How many of the skills that are wanted somebody has. otherwise: for requests that want none."""
    about = says or name

    def rate(request: Subject, candidate: Subject) -> Rating:
        if not request.skills:
            return otherwise(request, candidate) if otherwise is not None else (0.0, "")
        has = {skill_key(skill) for skill in candidate.skills}
        wanted = {skill_key(skill): skill for skill in request.skills}
        shared = [skill for key, skill in wanted.items() if key in has]
        return len(shared) / len(wanted), f"{about}: {', '.join(shared)}" if shared else ""

    return part(name, weight, rate, public=public)


def feature(  # noqa: PLR0913 - a declaration has as many words as there are things to declare
    name: str,
    weight: Decimal | str | float,
    rule: Rule | None = None,
    *,
    of: str = "",
    says: Callable[[Subject], str] | None = None,
    missing: float = 0.0,
    public: bool = True,
) -> Part:
    """A number that a candidate has, by its rule. missing: what those get that do not have it."""
    read = of or name

    def rate(_request: Subject, candidate: Subject) -> Rating:
        raw = candidate.features.get(read)
        score = missing if raw is None else raw if rule is None else rule(raw)
        return score, says(candidate) if says is not None else ""

    return part(name, weight, rate, public=public)


def upto(most: float) -> Rule:
    """The more the better, until so much: a rating up to 5."""
    return lambda raw: min(1.0, max(0.0, raw / most))


def falling(most: float) -> Rule:
    """The less the better, and so much is too much: 1 - load / 5, never below 0."""
    return lambda raw: min(1.0, max(0.0, 1.0 - raw / most))


def checked(declared: Part, rating: Rating) -> Rating:
    """What a part answered, if it is a score."""
    score, _reason = rating
    if not isfinite(score) or not 0.0 <= score <= 1.0:
        raise OutOfRange(f"the part {declared.name} answered {score}: a score lies within 0..1")
    return rating


def likeness_reason(declared: Part, shared: Sequence[str]) -> str:
    """The words that both have and that say most."""
    named = list(dict.fromkeys(term.lstrip("#") for term in shared))[:SHOWN]
    return f"{declared.says}: {', '.join(named)}" if named else ""
