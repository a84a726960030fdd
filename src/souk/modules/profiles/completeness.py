"""How whole a profile is, by what the market says counts, and what would make it more so."""

from __future__ import annotations

from souk.kernel.db import Tx
from souk.kernel.http import Actor
from souk.kernel.record import Record
from souk.modules.profiles.model import Field, Kept
from souk.modules.profiles.reading import CUSTOMER, PROVIDER, kept_of
from souk.modules.profiles.rules import Rules, Weight


class Hint(Record):
    """A part that is missing, what to do about it, and how many of the hundred points it is worth."""

    field: Field
    remedy: str
    weight: int


class Completeness(Record):
    """How whole a profile is, from 0 to 100, and what is missing, the most worth first."""

    percent: int
    hints: tuple[Hint, ...]


async def completeness(tx: Tx, by: Actor, rules: Rules) -> Completeness:
    """How whole the caller's profile is, for what they do here."""
    return measured((await kept_of(tx, by.id)).kept, weights_for(by, rules))


def weights_for(by: Actor, rules: Rules) -> dict[Field, Weight]:
    """What counts for somebody, by what they do here."""
    weights = dict(rules.weights)
    if by.may(PROVIDER):
        weights.update(rules.provider_weights)
    if by.may(CUSTOMER):
        weights.update(rules.customer_weights)
    return weights


def measured(kept: Kept, weights: dict[Field, Weight]) -> Completeness:
    """The share of the points that a profile has. It is 100 only where nothing is missing."""
    total = sum(weight.points for weight in weights.values())
    missing = {field: weight for field, weight in weights.items() if not filled(kept, field)}
    lost = sum(weight.points for weight in missing.values())
    hints = [Hint(field, weight.remedy, max(1, round(100 * weight.points / total))) for field, weight in missing.items()]
    return Completeness(100 * (total - lost) // total if total else 100, tuple(sorted(hints, key=lambda hint: -hint.weight)))


def filled(kept: Kept, field: Field) -> bool:
    """Whether something stands in a part."""
    match field:
        case Field.PLACE:
            return bool(kept.place or kept.city or kept.country)
        case Field.AREA | Field.COORDINATES:
            return kept.latitude is not None
        case Field.RATE:
            return kept.rate is not None
        case Field.ONLINE:
            return kept.online_until is not None
        case Field.RATING | Field.COMPLETED:
            return bool(kept.reviews if field is Field.RATING else kept.completed)
        case _:
            return bool(getattr(kept, field.value))
