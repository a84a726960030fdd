"""What the ledger tells: a statement in pages while more is written, and as a spreadsheet that executes nothing."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

import pytest

from souk.kernel.http.paging import CursorPaging
from souk.modules.ledger import FEES, TFT, USD, WALLET, Line, as_csv, hold, hold_of, release, statement, transfer
from souk.modules.ledger.reading import HEADINGS
from tests.modules.ledger.conftest import WORLD, Books
from tests.modules.ledger.laws import broken_laws

ADA = WALLET.of(USD, uuid4())


def line(kind: str, amount: int = -5, balance: int | None = 0) -> Line:
    return Line(1, uuid4(), kind, None, amount, balance, datetime(2027, 5, 5, tzinfo=UTC), None)


@pytest.mark.parametrize("kind", ["=1+1", "+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "-cmd|' /C calc'!A0", "--5", "-", "-1.2.3"])
def test_what_a_spreadsheet_would_execute_is_text(kind: str) -> None:
    _, told = csv.reader(io.StringIO(as_csv([line(kind)], USD), newline=""))
    assert told[1] == "'" + kind


@pytest.mark.parametrize("kind", ["paid", 'a "word"', "a, b", "a\nb", "1=1", "-5", "-5.25", "x-y", ""])
def test_what_it_would_not_stands_as_it_is(kind: str) -> None:
    _, told = csv.reader(io.StringIO(as_csv([line(kind)], USD), newline=""))
    assert told[1] == kind


def test_what_is_not_there_is_an_empty_cell_and_amounts_are_numbers() -> None:
    """The lines of a hot account have no balance, and those about nothing no reference."""
    headings, told = csv.reader(io.StringIO(as_csv([line("fee", -12_345_678, None)], TFT)))
    assert tuple(headings) == HEADINGS
    assert told[2:6] == ["", "-1.2345678", "", "TFT"]


async def test_a_page_goes_on_where_the_last_one_ended_whatever_is_written_meanwhile(books: Books, admin_dsn: str) -> None:
    await books.give(ADA, 1_000)
    for number in range(30):
        await books.post(transfer(f"order {number}", "paid", ADA, [(FEES.of(USD), 1)]))
    seen: list[Line] = []
    cursor = ""
    while True:
        paging = CursorPaging(limit=7, cursor=cursor)
        page = await books.database.read(partial(statement, account=ADA, paging=paging))
        seen += page.items
        await books.post(transfer(f"meanwhile {len(seen)}", "paid", ADA, [(FEES.of(USD), 1)]))
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert [each.balance for each in seen] == [*range(970, 1_000), 1_000]
    assert [each.position for each in seen] == sorted({each.position for each in seen}, reverse=True)
    assert await broken_laws(admin_dsn) == []


async def test_an_account_that_never_moved_has_an_empty_statement(books: Books) -> None:
    page = await books.database.read(lambda tx: statement(tx, ADA, CursorPaging()))
    assert (page.items, page.next_cursor, as_csv(page.items, USD).splitlines()) == ([], None, [",".join(HEADINGS)])


async def test_a_hold_tells_whose_it_is_and_how_it_ended(books: Books) -> None:
    order = uuid4()
    held = hold("escrow", "order.held", ADA, 100, funded_by=WORLD.of(USD), reference=order)
    await books.post(held)
    found = await books.database.read(lambda tx: hold_of(tx, held.hold_id))
    assert (found.owner_id, found.asset, found.amount, found.state, found.captured) == (ADA.owner_id, "USD", 100, "open", None)
    assert (found.kind, found.reference_id, found.expires_at) == ("order.held", order, None)
    await books.post(release("freed", "order.cancelled", held.hold_id))
    found = await books.database.read(lambda tx: hold_of(tx, held.hold_id))
    assert (found.state, found.captured, found.kind) == ("voided", 0, "order.held")
