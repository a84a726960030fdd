"""What no mistake of a program can do: the schema does not let it. And what its owner does behind its back, a law finds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from souk.modules.ledger import CRD, CREDITS, FEES, ISSUED, SPENT, USD, WALLET, capture, grant, hold, reverse, transfer
from tests.modules.ledger.conftest import Books
from tests.modules.ledger.laws import broken_laws

TABLES = ("assets", "accounts", "journals", "entries", "hot_changes", "holds", "lots", "lot_changes", "held_lots")


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("set search_path to sample")
        yield connection
    finally:
        await connection.close()


@pytest.fixture
def lived(books: Books) -> Callable[[], Awaitable[None]]:
    """Fills every table."""

    async def live() -> None:
        payer, payee, account = WALLET.of(USD, uuid4()), WALLET.of(USD, uuid4()), CREDITS.of(CRD, uuid4())
        await books.give(payer, 1_000)
        held = hold("order 1 held", "held", payer, 400)
        await books.post(held)
        paid = await books.post(capture("order 1 paid", "paid", held.hold_id, [(payee, 270), (FEES.of(USD), 30)]))
        await books.post(reverse("order 1 back", "refund", paid.journal, [(payee, -70), (payer, 70)]))
        await books.post(hold("order 2 held", "held", payer, 100))
        await books.post(grant("invoice 1", "granted", account, 10, books.now() + timedelta(days=1), source=ISSUED.of(CRD)))
        job = hold("job 1", "posted", account, 4)
        await books.post(job)
        await books.post(capture("job 1 done", "done", job.hold_id, [(SPENT.of(CRD), 3)]))
        await books.post(hold("job 2", "posted", account, 2))
        await books.post(transfer("spent", "spent", account, [(SPENT.of(CRD), 1)]))

    return live


@pytest.mark.parametrize("table", TABLES)
async def test_a_market_may_read_its_books_and_not_write_them(lived: Callable[[], Awaitable[None]], runtime_dsn: str, table: str) -> None:
    await lived()
    async with connected(runtime_dsn) as market:
        assert await market.fetchval(f"select count(*) from {table}") > 0
        column = await market.fetchval("select attname from pg_attribute where attrelid = $1::regclass and attnum = 2", table)
        for change in (
            f"insert into {table} default values",
            f"delete from {table}",
            f"truncate {table}",
            f"update {table} set {column} = {column}",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await market.execute(change)


async def test_the_functions_inside_do_nothing_by_themselves(
    lived: Callable[[], Awaitable[None]], runtime_dsn: str, admin_dsn: str
) -> None:
    await lived()
    async with connected(runtime_dsn) as market:
        hold_id = await market.fetchval("select id from holds where state = 'open' limit 1")
        journal = await market.fetchval("select id from journals limit 1")
        for call in (
            f"select ledger_resolve('{journal}', '[[\"{hold_id}\", 0, \"voided\"]]', now())",
            f"select ledger_end_held_lots('{journal}', (select hold_id from held_lots limit 1), null)",
            """select ledger_open('[{"id": "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a11", "owner": "platform", "purpose": "mine", "asset": "USD",
                "exponent": 2, "hot": true, "below_zero": true, "in_lots": false}]')""",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await market.execute(call)
    assert await broken_laws(admin_dsn) == []


@pytest.mark.parametrize("table", ["journals", "entries"])
async def test_what_happened_is_not_changed_by_its_owner_either(lived: Callable[[], Awaitable[None]], admin_dsn: str, table: str) -> None:
    await lived()
    async with connected(admin_dsn) as owner:
        for change in (
            f"delete from {table}",
            f"truncate {table} cascade",
            f"update {table} set {'kind' if table == 'journals' else 'amount'} = default",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="never changed"):
                await owner.execute(change)


async def test_an_unbalanced_journal_is_refused_whoever_writes_it(lived: Callable[[], Awaitable[None]], admin_dsn: str) -> None:
    await lived()
    async with connected(admin_dsn) as owner:
        journal = "insert into journals (id, key, digest, kind, at) values (gen_random_uuid(), 'x', sha256('x'), 'x', now()) returning id"
        with pytest.raises(asyncpg.CheckViolationError, match="add up to nothing"):
            await owner.execute(
                f"""with made as ({journal})
                    insert into entries (journal_id, account_id, amount)
                    select made.id, a.id, 5 from made, accounts a where purpose = 'wallet'"""
            )
        with pytest.raises(asyncpg.CheckViolationError, match="nothing_below_floor"):
            await owner.execute("update accounts set held = posted + 1 where purpose = 'wallet'")
        with pytest.raises(asyncpg.CheckViolationError, match="lots_never_below_zero"):
            await owner.execute("update lots set remaining = -1")


CORRUPTIONS = (
    ("update accounts set posted = posted + 1 where purpose = 'wallet' and posted > 0", "an account has what its entries add up to"),
    ("delete from hot_changes", "an account has what its entries add up to"),
    ("update accounts set held = held - 1 where held > 0 and not in_lots", "what an account has on hold is what its open holds add up to"),
    ("update holds set state = 'voided', captured = 0, resolved_by = journal_id where state = 'open'", "what an account has on hold"),
    ("update entries set amount = amount + 1 where amount > 0", "the entries of every journal add up to nothing"),
    ("update entries set account_id = gen_random_uuid() where amount < 0", "every entry belongs to an account"),
    ("update entries set balance = balance + 1 where balance > 0", "the balance beside an entry is what was there then"),
    ("update lots set remaining = remaining - 1", "credits are what their lots add up to"),
    ("delete from lot_changes", "a lot has what was granted less what was drawn"),
    ("delete from held_lots", "what a lot holds back is what open holds reserved of it"),
)  # fmt: skip


@pytest.mark.parametrize(("corruption", "law"), CORRUPTIONS)
async def test_what_was_done_behind_its_back_is_found(
    lived: Callable[[], Awaitable[None]], admin_dsn: str, corruption: str, law: str
) -> None:
    await lived()
    assert await broken_laws(admin_dsn) == []
    async with connected(admin_dsn) as owner:
        await owner.execute("set session_replication_role to replica")  # no trigger hears of it
        await owner.execute(corruption)
    assert any(law in broken for broken in await broken_laws(admin_dsn))


async def test_a_reversal_beyond_what_moved_is_found(lived: Callable[[], Awaitable[None]], admin_dsn: str) -> None:
    await lived()
    async with connected(admin_dsn) as owner:
        await owner.execute("set session_replication_role to replica")
        await owner.execute(
            "update entries set amount = amount * 9 where journal_id = (select id from journals where key = 'order 1 back')"
        )
    assert any("of no journal comes back more than it moved" in broken for broken in await broken_laws(admin_dsn))
