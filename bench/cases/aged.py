"""Money after a long time: the statement of a million entries by the page, and all laws over them and the payments among them."""

from __future__ import annotations

import time
from functools import partial
from statistics import quantiles
from typing import Any, Final
from uuid import uuid4

import asyncpg

from bench.filled import Sample
from bench.report import Figure, judged
from bench.till import MARKET, opened
from souk.kernel.db import Law
from souk.kernel.http.paging import CursorPaging
from souk.modules import ledger, payments
from souk.modules.ledger import EUR, WALLET, Account

ENTRIES: Final = 1_000_000
PAYMENTS: Final = 200_000
"""So many of the movements are payments that were captured; and there are some more, each of which was sent back."""
REFUNDED: Final = 50_000
ENTRIES_IN_ALL: Final = 2 * (ENTRIES + 2 * REFUNDED)
PAGES: Final = 200
LAWS: Final = (*ledger.MODULE.laws, *payments.MODULE.laws)

OWNED: Final = "insert into accounts (id, owner, owner_id, purpose, asset, posted) values ($1, 'person', $2, 'wallet', 'EUR', $3)"
ABROAD: Final = """
insert into accounts (id, owner, purpose, asset, hot, below_zero) values ($1, 'provider', 'clearing:sandbox', 'EUR', true, true)
on conflict do nothing
"""
MOVED: Final = """
with made as (select md5($1::text || n)::uuid as id, n from generate_series(1, $5::int) n),
journal as (
    insert into journals (id, key, digest, kind, reference_id, at)
    select id, $1 || ' ' || n, sha256(id::text::bytea), $1, md5($6::text || n)::uuid, now() from made),
one as (
    insert into entries (journal_id, account_id, amount, balance)
    select id, $2, $4::int, case when $4::int > 0 then $7::int + n else $5 - n end from made order by n),
two as (insert into entries (journal_id, account_id, amount) select id, $3, -$4::int from made)
select 1
"""
"""Movements of a kind, one unit each, between two accounts; each is about a thing whose id follows from a word and its number."""
PAID: Final = """
insert into payments (id, payer_id, kind, amount, currency, provider, provider_id, state, captured, refunded, captured_by, key,
                      created_at, updated_at, captured_at)
select md5($1::text || n)::uuid, $3, 'deposit', 1, 'EUR', 'sandbox', $1 || n, 'captured', 1, $4::int, md5($2::text || n)::uuid, $1 || n,
       now(), now(), now()
from generate_series(1, $5::int) n
"""
SENT_BACK: Final = """
insert into refunds (id, payment_id, amount, currency, source, state, provider, provider_id, key, journals, created_at, updated_at)
select md5('refund' || n)::uuid, md5('returned' || n)::uuid, 1, 'EUR', 'payer', 'succeeded', 'sandbox', 'refund' || n, 'refund' || n,
       array[md5('payment.refunded' || n)::uuid], now(), now()
from generate_series(1, $1::int) n
"""


async def after_a_long_time(made: Sample) -> list[Figure]:
    """A member to whom a million payments came, and one to whom all was sent back."""
    account, other = WALLET.of(EUR, uuid4()), WALLET.of(EUR, uuid4())
    raw = await asyncpg.connect(made.admin_dsn)
    try:
        await raw.execute(f"set search_path to {MARKET.name}; set synchronous_commit to off; set session_replication_role to replica")
        await fill(raw, account, other)
        slowest = await pages(made, account)
        took = await laws(raw)
    finally:
        await raw.close()
    worst = max(took, key=lambda law: took[law])
    total = sum(took.values())
    each = total * 1_000_000 / ENTRIES_IN_ALL
    note = f"{PAYMENTS + REFUNDED:,} payments among them; {len(took)} laws; the slowest {took[worst]:.1f} s: {worst.sentence}"
    return [
        Figure(
            "a page of a statement of 10^6 entries, p99", f"{slowest:.1f} ms", "", "< 20 ms", judged(slowest < 20), "", f"{PAGES} pages"
        ),
        Figure(
            f"all laws over {ENTRIES_IN_ALL:,} entries", f"{total:.1f} s", f"{each:.1f} s", "< 10 s for 10^6", judged(each < 10), "", note
        ),
    ]


async def fill(raw: asyncpg.Connection[Any], account: Account, other: Account) -> None:
    """As years leave it."""
    clearing = payments.clearing("sandbox").of(EUR).id
    await raw.execute(ABROAD, clearing)
    await raw.execute(OWNED, account.id, account.owner_id, ENTRIES)
    await raw.execute(OWNED, other.id, other.owner_id, 0)
    await raw.execute("insert into hot_changes (account_id, amount) values ($1, $2)", clearing, -ENTRIES)
    for kind, wallet, amount, many, about, before in (
        ("payment.captured", account.id, 1, PAYMENTS, "kept", 0),
        ("order.paid", account.id, 1, ENTRIES - PAYMENTS, "order", PAYMENTS),
        ("payment.taken", other.id, 1, REFUNDED, "returned", 0),
        ("payment.refunded", other.id, -1, REFUNDED, "refund", 0),
    ):
        await raw.execute(MOVED, kind, wallet, clearing, amount, many, about, before, timeout=600)
    await raw.execute(PAID, "kept", "payment.captured", account.owner_id, 0, PAYMENTS, timeout=600)
    await raw.execute(PAID, "returned", "payment.taken", other.owner_id, 1, REFUNDED, timeout=600)
    await raw.execute(SENT_BACK, REFUNDED, timeout=600)
    await raw.execute("vacuum analyze", timeout=600)


async def pages(made: Sample, account: Account) -> float:
    """Pages anywhere in the statement, in milliseconds."""
    took = []
    async with opened(made, 1) as books:
        paging = CursorPaging(limit=100)
        for _ in range(PAGES):
            began = time.perf_counter()
            page = await books.read(partial(ledger.statement, account=account, paging=paging))
            took.append((time.perf_counter() - began) * 1000)
            assert len(page.items) == 100
            paging = CursorPaging(limit=100, cursor=page.next_cursor or "")
    return quantiles(took, n=100)[98]


async def laws(raw: asyncpg.Connection[Any]) -> dict[Law, float]:
    """How long each law takes to be found kept."""
    took = {}
    for law in LAWS:
        began = time.perf_counter()
        broken = await raw.fetch(law.query.sql, timeout=600)
        took[law] = time.perf_counter() - began
        assert not broken, (law.sentence, broken[:3])
    return took
