"""The statements that find, put together of parts that stand here: what people write is never a part, only an argument.

There are two ways. Where few match, all of them are looked at. Where many do, documents are walked through in the order that is
wanted, until enough were found: that is how a frequent word, or no word at all, is answered as fast as a rare one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec

from souk.kernel.db import Query
from souk.modules.search.declaring import DISTANCE, NEWEST, RELEVANCE, Index, Sort
from souk.modules.search.places import chord
from souk.modules.search.wanted import Wanted

WEIGHTS: Final = "'{0.05,0.2,0.6,1.0}'"
MOST_VALUES: Final = 400
"""Of facets, together."""

ALL_VALUES: Final = f"""select substr(word, 2) as term, docs as many from search_words
    where kind = $1 and word >= '~' and docs > 0 order by docs desc limit {MOST_VALUES}"""  # noqa: S608 - a limit of our own

VALUES_FOUND: Final = f"""select term, count(*)::int as many from (select terms from hits limit {{}}) part, unnest(terms) term
    group by 1 order by 2 desc limit {MOST_VALUES}"""  # noqa: S608 - as above


class Rows(msgspec.Struct, frozen=True):
    """What one statement finds: a page with the keys it is sorted by, and what is counted."""

    items: list[msgspec.Raw]
    keys: list[float]
    ids: list[UUID]
    away: list[float]
    found: int
    terms: list[str]
    counts: list[int]


class Plan(msgspec.Struct, frozen=True):
    """How a search is made."""

    matches: str = ""
    """What the index is asked for; nothing where documents are walked through."""
    passes: str = ""
    """What those that are walked through have to have."""
    ranks: str = ""
    """The words alone, by which it is ranked."""
    walk: int = 0
    """How many documents are walked through at most. It stands in the statement itself, because the server plans by it."""
    reach: int = 0
    """How many of those found are looked at, 0 for all."""
    counted: int = 0
    """How many of those found facets are counted over."""
    counting: str = "found"
    """What facets count: what was `found`, `all` documents of the index, or `nothing`."""


class Statement:
    """One statement, being put together."""

    def __init__(self, index: Index, wanted: Wanted, plan: Plan) -> None:
        self.index, self.wanted, self.plan = index, wanted, plan
        self.arguments: list[object] = [index.name]
        self.down = not ascending(wanted.sort)
        self.direction = "desc" if self.down else "asc"
        around = wanted.around
        self.centre = f"cube({self.of(list(around.place.point), 'float8[]')})" if around is not None else ""

    def of(self, value: object, kind: str) -> str:
        """An argument."""
        self.arguments.append(value)
        return f"${len(self.arguments)}::{kind}"

    @property
    def ranked(self) -> bool:
        """Whether words decide the order."""
        return self.wanted.sort.key == RELEVANCE and bool(self.plan.ranks)

    @property
    def column(self) -> str:
        """What the wanted order is kept in."""
        key = self.wanted.sort.key
        if key == DISTANCE:
            return f"(place <-> {self.centre})"
        return {RELEVANCE: "boost", NEWEST: "at"}.get(key) or f"n{self.index.slots[key]}"

    @property
    def key(self) -> str:
        """What a page is sorted by."""
        if self.ranked:
            return f"(ts_rank({WEIGHTS}::float4[], vector, {self.of(self.plan.ranks, 'text')}::tsquery, 1) * (1 + boost))::float8"
        return self.column

    def conditions(self) -> list[str]:
        """What a row has to have, measured."""
        found = []
        for name, least, most in self.wanted.bounds:
            column = f"n{self.index.slots[name]}"
            found += [f"{column} >= {self.of(least, 'float8')}"] if least is not None else []
            found += [f"{column} <= {self.of(most, 'float8')}"] if most is not None else []
        if self.wanted.around is not None:
            found.append(f"place <-> {self.centre} <= {self.of(chord(self.wanted.around.km), 'float8')}")
        return found

    def beyond(self, column: str) -> list[str]:
        """Only what comes after the page before."""
        after = self.wanted.after
        if after is None:
            return []
        return [f"({column}, id) {'<' if self.down else '>'} ({self.of(after.key, 'float8')}, {self.of(after.id, 'uuid')})"]

    def present(self) -> list[str]:
        """Who has no number has no place in its order."""
        key = self.wanted.sort.key
        return [] if key in (RELEVANCE, NEWEST, DISTANCE) else [f"{self.column} is not null"]

    def hits(self) -> str:
        """Documents that match: all of them, or the first on the way."""
        away = f"place <-> {self.centre}" if self.centre else "0::float8"
        looked = f"select id, terms, {self.key} as key, {away} as away"
        if not self.plan.walk:
            asked = [f"vector @@ {self.of(self.plan.matches, 'text')}::tsquery", "kind = $1", *self.conditions(), *self.present()]
            limit = f"limit {self.plan.reach}" if self.plan.reach else ""
            return f"{looked} from search_documents where {' and '.join(asked)} {limit}"
        passes = [f"vector @@ {self.of(self.plan.passes, 'text')}::tsquery"] if self.plan.passes else []
        passes += self.conditions()
        on_the_way = ["kind = $1", *self.present(), *(["place is not null"] if self.wanted.sort.key == DISTANCE else [])]
        on_the_way += [] if self.ranked else self.beyond(self.column)
        order = f"order by {self.column} {self.direction}, id {self.direction}"
        way = f"select * from search_documents where {' and '.join(on_the_way)} {order} limit {self.plan.walk}"  # noqa: S608 - parts of our own
        where = f"where {' and '.join(passes)}" if passes else ""
        return f"{looked} from ({way}) way {where} limit {self.plan.reach}"

    def counted(self) -> str:
        """The values of facets, the most frequent first."""
        match self.plan.counting:
            case "all":
                return ALL_VALUES
            case "found":
                return VALUES_FOUND.format(self.plan.counted)
            case _:
                return "select ''::text as term, 0 as many where false"

    def text(self) -> str:
        """The whole statement."""
        hits, order = self.hits(), f"key {self.direction}, id {self.direction}"
        beyond = self.beyond("key")
        where = f"where {beyond[0]}" if beyond else ""
        limit = self.of(self.wanted.limit + 1, "int")
        return f"""with hits as materialized ({hits}),
            page as materialized (select id, key, away from hits {where} order by {order} limit {limit}),
            counted as materialized ({self.counted()})
            select (select coalesce(json_agg(d.shown order by {order}), '[]')
                    from page join search_documents d using (id) where d.kind = $1) as "items!",
            array(select key from page order by {order}) as "keys!", array(select id from page order by {order}) as "ids!",
            array(select away from page order by {order}) as "away!", (select count(*) from hits) as "found!",
            array(select term from counted order by many desc, term) as "terms!",
            array(select many from counted order by many desc, term) as "counts!\""""  # noqa: S608 - parts of our own


def ascending(sort: Sort) -> bool:
    """Whether the smallest comes first: the nearest always does."""
    return sort.ascending or sort.key == DISTANCE


def statement(index: Index, wanted: Wanted, plan: Plan) -> tuple[Query[Rows], list[Any]]:
    """The statement of a search, and its arguments."""
    made = Statement(index, wanted, plan)
    return query(made.text()), made.arguments


@lru_cache(maxsize=512)
def query(sql: str) -> Query[Rows]:
    """One statement for each shape of a search, so that a connection prepares it once."""
    return Query("only", Rows, sql, __name__)
