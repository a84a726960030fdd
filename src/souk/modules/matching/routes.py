"""Matching over HTTP: the ways to ask that a market declares, and what staff look into."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import GenericAlias
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from souk.kernel.db import Tx
from souk.kernel.http.guards import Actor, who
from souk.kernel.http.operation import Operation, operation
from souk.kernel.http.paging import CursorPage, CursorPaging
from souk.kernel.record import Record
from souk.modules.matching import recording, sql
from souk.modules.matching.errors import NoSuchRecord, NothingToMatch, WeightsDoNotFit
from souk.modules.matching.finding import best
from souk.modules.matching.model import Match, ModelCard, Rated, RecordCard, Recorded, Sought, Subject
from souk.modules.matching.pairing import MOST, Asking, Pairing

STAFF: Final = who("matching.staff")
HOME: Final = "souk.modules.matching.routes"

Limit = Annotated[int, Meta(ge=1, le=MOST, description="How many at most.")]
Share = Annotated[float, Meta(ge=0, le=1, description="A weight: at most four decimals; all of them come to exactly 1.00.")]


class RecordsQuery(CursorPaging, kw_only=True):
    """Which recorded matches are wanted."""

    pairing: str | None = None
    request_id: UUID | None = None


class Replay(Record):
    """Other weights, by the names of the parts."""

    weights: dict[str, Share]


@operation("GET", "/matching/records", who=STAFF)
async def list_match_records(tx: Tx, query: RecordsQuery) -> CursorPage[RecordCard]:
    """Matches that were acted upon, newest first."""
    return await recording.records(tx, query.pairing, query.request_id, query)


@operation("GET", "/matching/records/{record_id}", who=STAFF, shared=True, refusals=(NoSuchRecord,))
async def read_match_record(tx: Tx, record_id: UUID) -> Recorded:
    """A match as it was: every part with its weight, score and reason."""
    return await recording.read(tx, record_id)


@operation(
    "POST",
    "/matching/records/{record_id}/replay",
    who=STAFF,
    shared=True,
    idempotent=False,
    refusals=(NoSuchRecord, WeightsDoNotFit),
    example={"weights": {"skills": 0.6, "rating": 0.4}},
)
async def replay_match_record(tx: Tx, record_id: UUID, body: Replay) -> list[Match]:
    """The same candidates under other weights. Nothing is changed."""
    return await recording.replay(tx, record_id, body.weights)


@operation("GET", "/matching/models", who=STAFF)
async def list_match_models(tx: Tx) -> list[ModelCard]:
    """Fitted models: which are read, which are being built, and what they were fitted to."""
    return await tx.run(sql.MODELS)


# What a market declares


def operations(pairing: Pairing) -> Iterator[Operation[..., Any]]:
    """The ways to ask that it has."""
    for seeks, asking in ((Sought.CANDIDATE, pairing.ask), (Sought.REQUEST, pairing.back)):
        if asking is not None:
            yield _asking(pairing, seeks, asking)


def _asking(pairing: Pairing, seeks: Sought, asking: Asking) -> Operation[..., Any]:
    query, answer = _query(pairing, asking), _answer(asking)

    async def find(tx: Tx, by: Actor, query: Any) -> list[Any]:
        subject = await _subject(tx, pairing, seeks, asking, by, query)
        matches = await best(tx, pairing, seeks, subject, query.limit)
        cards = await asking.cards(tx, [match.id for match in matches]) if asking.cards is not None else None
        numbers = by.may(STAFF) or all(part.public for part in pairing.parts_of(seeks))
        return [shown(answer, match, cards, numbers) for match in matches if cards is None or match.id in cards]

    name = "match_" + re.sub(r"\W+", "_", pairing.side(seeks).name).strip("_")
    find.__annotations__ |= {"query": query, "return": GenericAlias(list, (answer,))}
    find.__name__, find.__qualname__, find.__module__ = name, name, HOME
    find.__doc__ = f"The {pairing.side(seeks).name} that suit best, with a score and the reasons for it."
    return operation("GET", asking.path, who=asking.who, limit=asking.limit, refusals=(NothingToMatch,))(find)


async def _subject(tx: Tx, pairing: Pairing, seeks: Sought, asking: Asking, by: Actor, query: Any) -> Subject:  # noqa: PLR0913, PLR0917 - who asks what
    """What the caller asks for, with the caller's permission; or the caller."""
    if asking.access is not None:
        return await asking.access(tx, getattr(query, asking.parameter), by)
    for subject in await pairing.asker(seeks).load(tx, [by.id]):
        if subject.id == by.id:
            return subject
    raise NothingToMatch(side=pairing.asker(seeks).name)


def _query(pairing: Pairing, asking: Asking) -> Any:
    fields: list[Any] = [(asking.parameter, UUID)] if asking.parameter else []
    fields.append(("limit", Limit, pairing.many))
    title = "".join(word.title() for word in re.split(r"\W+", asking.shows))
    said = {"__doc__": "What matches are wanted for, and how many.", "__module__": HOME}
    return msgspec.defstruct(f"Match{title}Query", fields, bases=(Record,), kw_only=True, frozen=True, namespace=said)


def _answer(asking: Asking) -> Any:
    fields: list[Any] = [(asking.shows, asking.card), ("score", float), ("reasons", list[str]), ("parts", list[Rated])]
    title = "".join(word.title() for word in re.split(r"\W+", asking.shows))
    said = {"__doc__": "One that suits, and why.", "__module__": HOME}
    return msgspec.defstruct(f"{title}Match", fields, bases=(Record,), frozen=True, namespace=said)


def shown(answer: Any, match: Match, cards: Mapping[UUID, Any] | None, numbers: bool) -> Any:  # noqa: FBT001 - it is the answer to one question
    """A match as its reader may see it. Where one part is private and the reader is not staff, no part's number is shown: the total
    less the others would give it away.
    """
    found = match.id if cards is None else cards[match.id]
    return answer(found, round(match.score, 6), match.reasons, match.parts if numbers else [])
