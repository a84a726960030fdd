"""Lists by page and by cursor."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.kernel.http.paging import CursorPage, CursorPaging, Page, Paging, cursor, cursor_page
from souk.kernel.http.refusals import Invalid


class Key(msgspec.Struct, array_like=True, frozen=True):
    at: datetime
    id: UUID


START = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


@given(st.integers(0, 1000), st.integers(1, 100))
def test_the_pages_of_a_list_are_as_many_as_it_takes(total: int, limit: int) -> None:
    found: Page[int] = Page([], total, Paging(limit=limit))
    assert found.pagination.total_pages == len(range(0, total, limit))


def test_pagination_is_told_in_the_clients_words() -> None:
    found = Page(["a"], 41, Paging(page=3, limit=20))
    assert msgspec.json.encode(found.pagination) == b'{"page":3,"limit":20,"total":41,"totalPages":3}'
    assert found.paging.offset == 40


def test_a_list_is_read_to_its_end_by_cursor_without_gap_or_repetition() -> None:
    rows: list[Key] = [Key(START - timedelta(seconds=i // 3), UUID(int=100 - i)) for i in range(25)]
    seen: list[Key] = []
    paging = CursorPaging(limit=7)
    while True:
        after = paging.after(Key)
        rest = rows if after is None else rows[rows.index(after) + 1 :]
        page: CursorPage[Key] = cursor_page(rest[: paging.limit + 1], paging, lambda row: row)
        seen += page.items
        if page.pagination.next_cursor is None:
            break
        paging = CursorPaging(cursor=page.pagination.next_cursor, limit=7)
    assert seen == rows


def test_an_empty_list_is_one_page_without_a_next() -> None:
    page: CursorPage[int] = cursor_page([], CursorPaging(), lambda row: row)
    assert msgspec.json.encode(page.pagination) == b'{"limit":20,"nextCursor":null}'


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_keeps_its_keys_to_the_microsecond_and_is_plain_in_a_url(at: datetime, row: UUID) -> None:
    text = cursor(Key(at, row))
    assert text.replace("-", "").replace("_", "").isalnum()
    assert CursorPaging(cursor=text).after(Key) == Key(at, row)


@pytest.mark.parametrize("text", ["x", "äöü", "!!!!", "eyJhIjoxfQ", cursor(("no time", "no id")), cursor([1, 2, 3]), "AAAA", "=" * 5])
def test_a_cursor_that_nobody_gave_out_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="wrong") as caught:
        CursorPaging(cursor=text).after(Key)
    assert caught.value.problems[0].field == "cursor"


@given(st.text(max_size=40))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with suppress(Invalid):
        CursorPaging(cursor=text).after(Key)
