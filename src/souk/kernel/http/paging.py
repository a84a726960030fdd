"""Lists, page by page: `?page=2&limit=20` where a total is wanted, `?cursor=…` where the list is large or alive; `BothPaging` takes either.

An operation's query extends `Paging` or `CursorPaging`; its filters and orders are fields with a type, so nothing that
has no index can be asked for:

    class OrdersQuery(Paging):
        state: State | None = None
        sort: Literal["newest", "price"] = "newest"

    @operation("GET", "/orders")
    async def orders(tx: Tx, by: Actor, query: OrdersQuery) -> Page[OrderCard]:
        found = await tx.run(ORDERS[query.sort], by.id, query.state, query.limit, query.offset)
        return Page(found.cards, found.total, query)

A cursor holds the sort keys of the last row that was seen, and nothing else; it is opaque, not secret, and grants
nothing, because every page asks with the caller's permission again.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
from msgspec import Meta

from souk.kernel.http.refusals import invalid
from souk.kernel.record import Record

T = TypeVar("T")
K = TypeVar("K")

PageNumber = Annotated[int, Meta(ge=1, le=1_000_000, description="The page, from 1.")]
PageLimit = Annotated[int, Meta(ge=1, le=100, description="How many at most.")]
LONGEST_CURSOR: Final = 1024


class Paging(Record, kw_only=True):
    """Which page is wanted."""

    page: PageNumber = 1
    limit: PageLimit = 20

    @property
    def offset(self) -> int:
        """How many rows lie before the page."""
        return (self.page - 1) * self.limit


class Pagination(Record):
    """Where in a list the caller stands."""

    page: int
    limit: int
    total: int
    total_pages: int


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list whose total is known."""

    items: Sequence[T]
    total: int
    paging: Paging

    @property
    def pagination(self) -> Pagination:
        limit = self.paging.limit
        return Pagination(self.paging.page, limit, self.total, -(-self.total // limit))


class CursorPaging(Record, kw_only=True):
    """From where on the list is wanted."""

    cursor: Annotated[str, Meta(max_length=LONGEST_CURSOR, description="`nextCursor` of the page before; none for the first.")] = ""
    limit: PageLimit = 20

    def after(self, kind: type[K]) -> K | None:
        """The sort keys to go on from, as the Struct they were given out as; None at the beginning."""
        if not self.cursor:
            return None
        try:
            raw = urlsafe_b64decode(self.cursor + "=" * (-len(self.cursor) % 4))
            keys: K = msgspec.json.decode(raw, type=kind)
        except (ValueError, msgspec.MsgspecError):
            raise invalid("cursor", "is not one that this list gave out; begin without it") from None
        return keys


class CursorPagination(Record):
    """How to go on: `nextCursor` is null on the last page."""

    limit: int
    next_cursor: str | None


class CursorPage(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list that is read on from a cursor."""

    items: Sequence[T]
    next_cursor: str | None
    paging: CursorPaging

    @property
    def pagination(self) -> CursorPagination:
        return CursorPagination(self.paging.limit, self.next_cursor)


class BothPaging(CursorPaging, kw_only=True):
    """A page by its number, counted from the cursor where one is given: some clients count pages, others read on."""

    page: PageNumber = 1

    @property
    def offset(self) -> int:
        """How many rows lie between the cursor and the page."""
        return (self.page - 1) * self.limit


class BothPagination(Record):
    """Where in a list the caller stands, and how to go on."""

    page: int
    limit: int
    total: int
    total_pages: int
    next_cursor: str | None


class BothPage(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list whose total is known, and from which one may also read on."""

    items: Sequence[T]
    total: int
    next_cursor: str | None
    paging: BothPaging

    @property
    def pagination(self) -> BothPagination:
        limit = self.paging.limit
        return BothPagination(self.paging.page, limit, self.total, -(-self.total // limit), self.next_cursor)


def both_page(rows: Sequence[T], total: int, paging: BothPaging, key: Callable[[T], Any]) -> BothPage[T]:
    """A page from `limit + 1` rows and the length of the whole list."""
    found = cursor_page(rows, paging, key)
    return BothPage(found.items, total, found.next_cursor, paging)


def cursor_page(rows: Sequence[T], paging: CursorPaging, key: Callable[[T], Any]) -> CursorPage[T]:
    """A page from `limit + 1` rows: the row too many only says that there is more."""
    items = rows[: paging.limit]
    return CursorPage(items, cursor(key(items[-1])) if len(rows) > paging.limit else None, paging)


def cursor(keys: Any) -> str:
    """Sort keys as text for a URL."""
    return urlsafe_b64encode(msgspec.json.encode(keys)).rstrip(b"=").decode()
