"""What somebody can do who has the market's own password, and means it: nothing that the books do not survive."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from souk.kernel.db import only
from souk.modules.ledger import CRD, CREDITS, ISSUED, SPENT, USD, WALLET, Account, Movement, grant, hold, transfer
from tests.modules.ledger.conftest import WORLD, Books
from tests.modules.ledger.laws import broken_laws
from tests.modules.ledger.test_guarded import TABLES, connected

POST = "select journal from ledger_post($1::text::jsonb, false)"
JOURNALS = only(int, 'select count(*) as "count!" from journals')
ELEVATED = """select p.oid::regprocedure::text as name, p.proconfig from pg_proc p
    where p.pronamespace = 'sample'::regnamespace and p.prosecdef"""


class People(msgspec.Struct):
    """Two with money and a hold, two with credits."""

    ada: Account
    bo: Account
    cy: Account
    di: Account
    held: UUID
    paid: UUID


async def people(books: Books) -> People:
    ada, bo = WALLET.of(USD, uuid4()), WALLET.of(USD, uuid4())
    cy, di = CREDITS.of(CRD, uuid4()), CREDITS.of(CRD, uuid4())
    await books.give(ada, 1_000)
    await books.give(bo, 50)
    for account in (cy, di):
        await books.post(grant(f"invoice {account.id}", "granted", account, 10, None, source=ISSUED.of(CRD)))
    held = hold(f"order of {ada.id} held", "held", ada, 100)
    await books.post(held)
    paid = await books.post(transfer(f"another of {ada.id}", "paid", ada, [(bo, 10)]))
    return People(ada, bo, cy, di, held.hold_id, paid.journal)


@pytest.mark.parametrize("table", TABLES)
async def test_a_table_of_the_same_name_is_not_taken_for_the_books(books: Books, runtime_dsn: str, admin_dsn: str, table: str) -> None:
    """Temporary tables come first wherever they are not named as the last: whose `entries` are empty can make money."""
    them = await people(books)
    async with connected(runtime_dsn) as market:
        await market.execute(f"create temp table {table} (like sample.{table} including all)")
        await market.execute(f"insert into pg_temp.{table} overriding system value select * from sample.{table}")
        with suppress(asyncpg.PostgresError):
            await market.execute("update pg_temp.accounts set posted = 1000000")
        made = Movement(key="made", kind="made", legs=[(them.bo, 5_000)]).written(books.now())
        with pytest.raises(asyncpg.CheckViolationError, match="do not add up to nothing"):
            await market.fetchval(POST, made)
        taken = transfer("taken", "taken", them.ada, [(them.bo, 5_000)]).written(books.now())
        with pytest.raises(asyncpg.CheckViolationError, match="not enough"):
            await market.fetchval(POST, taken)
        await market.fetchval(POST, transfer("fair", "fair", them.ada, [(them.bo, 5)]).written(books.now()))
        await market.execute("select ledger_fold(1000)")
    assert (await books.has(them.ada), await books.has(them.bo)) == ((885, 100), (65, 0))
    assert await broken_laws(admin_dsn) == []


async def test_only_two_functions_of_the_ledger_have_more_rights_than_who_calls_them(admin_dsn: str) -> None:
    async with connected(admin_dsn) as owner:
        elevated = {row["name"]: row["proconfig"] for row in await owner.fetch(ELEVATED)}
    assert {name for name in elevated if name.startswith("ledger")} == {"ledger_post(jsonb,boolean)", "ledger_fold(integer)"}
    assert [name for name, settings in elevated.items() if "search_path=sample, pg_temp" not in (settings or ())] == []


async def test_no_function_inside_does_anything_for_the_market(books: Books, runtime_dsn: str, admin_dsn: str) -> None:
    """Each one there is, with arguments that would do something."""
    them = await people(books)
    own = {
        "ledger_open": ("'" + json.dumps([Purse(them.ada).opened()]) + "'",),
        "ledger_resolve": (f"'{them.paid}'", f'\'[["{them.held}", 0, "voided"]]\'', "now()"),
        "ledger_lots": (
            f"'{them.paid}'",
            f"'{json.dumps({'at': '2027-01-01', 'grants': [[str(uuid4()), str(them.cy.id), 5, None]]})}'",
            f"array[row('{them.cy.id}', 5, 0)::ledger_leg]",
        ),
        "ledger_hold_lots": (f"'{uuid4()}'", f"'{them.cy.id}'", "5", "now()", "'{}'"),
        "ledger_draw_lots": (f"'{them.paid}'", f"'{them.cy.id}'", "5", "now()", "null", "'{}'"),
        "ledger_end_held_lots": (f"'{them.paid}'", f"'{them.held}'", "null"),
        "ledger_refill_lots": (f"'{them.paid}'", f"'{them.cy.id}'", "5", f"'{them.paid}'"),
        "ledger_check_reversal": (f"'{them.paid}'",),
    }
    reading = {"ledger_legs", "ledger_pick_lots", "ledger_refuse", "ledger_post", "ledger_fold"}
    async with connected(admin_dsn) as owner:
        there = await owner.fetch("select proname from pg_proc where pronamespace = 'sample'::regnamespace and proname ~ '^ledger_'")
    assert {row["proname"] for row in there} == own.keys() | reading
    async with connected(runtime_dsn) as market:
        for name, arguments in own.items():
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await market.execute(f"select {name}({', '.join(arguments)})")
    assert (await books.has(them.ada), await books.has(them.cy)) == ((890, 100), (10, 0))
    assert await broken_laws(admin_dsn) == []


class Purse:
    """Another account of the same person, that may owe."""

    def __init__(self, like: Account) -> None:
        self.like = like

    def opened(self) -> dict[str, Any]:
        return {**{name: str(value) for name, value in self.like.opened().items()}, "id": str(uuid4()), "purpose": "purse", "hot": False,
                "in_lots": False, "below_zero": True, "exponent": 2}  # fmt: skip


def told(**more: Any) -> Callable[[People], dict[str, Any]]:
    return lambda _them: more


def legs(*each: tuple[str, object]) -> Callable[[People], dict[str, Any]]:
    return lambda them: {"legs": [[str(getattr(them, who).id) if who else None, amount] for who, amount in each]}


def of(movement: Callable[[People], Movement]) -> Callable[[People], dict[str, Any]]:
    """A movement that no verb makes."""
    return lambda them: json.loads(movement(them).written(ANY_TIME))


def some(**what: Any) -> Movement:
    return Movement(key="k", kind="x", **what)


def opening(**wrong: Any) -> Callable[[People], dict[str, Any]]:
    """An account that is not there yet."""
    return lambda them: {"legs": [[str(uuid4()), 0]], "accounts": [{**Purse(them.ada).opened(), **wrong}]}


ANY_TIME: Any = "2027-01-01T00:00:00Z"
MALFORMED: dict[tuple[str, str], Callable[[People], dict[str, Any]]] = {
    ("money from nowhere", "entries_balance"): legs(("bo", 5)),
    ("money to nowhere", "entries_balance"): legs(("ada", -5)),
    ("money of nobody", "entries_balance"): legs(("", -5), ("bo", 5)),
    ("less than is taken", "entries_balance"): legs(("ada", -5), ("bo", 4)),
    ("half a unit", "22P02"): legs(("ada", -1.5), ("bo", 1.5)),
    ("an amount of nothing", "23502"): legs(("ada", None), ("bo", 5)),
    ("a word", "22P02"): legs(("ada", "-5 or so"), ("bo", 5)),
    ("more than there can be", "22003"): legs(("ada", -(10**30)), ("bo", 10**30)),
    ("an overflow by adding", "22003"): legs(("ada", -(2**62)), ("ada", -(2**62)), ("ada", -(2**62)), ("bo", 3 * 2**61)),
    ("no list", "22023"): told(legs={"ada": 5}),
    ("no key", "23502"): told(key=None),
    ("a key of no length", "journals_key_check"): told(key=""),
    ("a key that is too long", "journals_key_check"): told(key="x" * 201),
    ("no time", "23502"): told(at=None),
    ("no digest", "23502"): told(digest=None),
    ("a digest that is none", "journals_digest_check"): told(digest="00"),
    ("an unknown hold", "hold_not_open"): of(lambda t: some(legs=[(t.bo, 5)], resolves=[(uuid4(), 5, "captured")])),
    ("a hold ended twice", "hold_not_open"): of(lambda t: some(legs=[(t.bo, 10)], resolves=[(t.held, 5, "captured")] * 2)),
    ("a hold captured by nothing", "captured_within"): of(lambda t: some(resolves=[(t.held, 0, "captured")])),
    ("a hold captured backwards", "captured_within"): of(lambda t: some(legs=[(t.bo, -5)], resolves=[(t.held, -5, "captured")])),
    ("a hold captured beyond", "captured_within"): of(lambda t: some(legs=[(t.bo, 101)], resolves=[(t.held, 101, "captured")])),
    ("a hold ended as open", "resolved_once"): of(lambda t: some(resolves=[(t.held, 0, "open")])),
    ("a hold lapsed before its time", "hold_not_open"): of(lambda t: some(resolves=[(t.held, 0, "expired")])),
    ("a release that takes something", "hold_not_open"): of(lambda t: some(legs=[(t.bo, 40)], resolves=[(t.held, 40, "voided")])),
    ("a release that takes all", "hold_not_open"): of(lambda t: some(legs=[(t.bo, 100)], resolves=[(t.held, None, "voided")])),
    ("a hold of less than nothing", "holds_amount_check"): of(lambda t: some(holds=[(uuid4(), t.ada, -5, None)])),
    ("a hold under the name of another", "holds_pkey"): of(lambda t: some(holds=[(t.held, t.ada, 5, None)])),
    ("a hold on an account that is not there", "account_unknown"): told(holds=[[str(uuid4()), str(uuid4()), 5, None]]),
    ("a hold beyond what comes in", "nothing_below_floor"): of(
        lambda t: some(legs=[(WORLD.of(USD), -5), (t.bo, 5)], holds=[(uuid4(), t.bo, 66, None)])
    ),
    ("a grant beside the one who pays", "lot_unknown"): of(
        lambda t: some(legs=[(t.cy, -5), (SPENT.of(CRD), 5)], grants=[(uuid4(), t.di, 100, None)])
    ),
    ("a grant of money", "lot_unknown"): of(
        lambda t: some(legs=[(WORLD.of(USD), -5), (t.bo, 5)], grants=[(uuid4(), t.bo, 5, None)])
    ),
    ("a grant to an account that is not there", "lot_unknown"): told(grants=[[str(uuid4()), str(uuid4()), 5, None]]),
    ("a grant of less than comes in", "lot_unknown"): of(
        lambda t: some(legs=[(ISSUED.of(CRD), -5), (t.cy, 5)], grants=[(uuid4(), t.cy, 4, None)])
    ),
    ("a grant of less than nothing", "lots_amount_check"): of(
        lambda t: some(legs=[(ISSUED.of(CRD), -5), (t.cy, 5)], grants=[(uuid4(), t.cy, -5, None)])
    ),
    ("credits without a grant", "lot_unknown"): of(lambda t: some(legs=[(ISSUED.of(CRD), -5), (t.cy, 5)])),
    ("credits of another's lot", "nothing_below_floor"): of(
        lambda t: some(legs=[(t.cy, -5), (SPENT.of(CRD), 5)], lot=grant_of(t.di))
    ),
    ("a reversal of nothing known", "journals_reverses_fkey"): of(lambda _t: some(reverses=uuid4())),
    ("a reversal that goes on", "reversed_within"): of(lambda t: some(legs=[(t.ada, -5), (t.bo, 5)], reverses=t.paid)),
    ("a reversal of more", "reversed_within"): of(lambda t: some(legs=[(t.bo, -11), (t.ada, 11)], reverses=t.paid)),
    ("decimals that change", "exponents_never_change"): opening(exponent=3),
    ("an asset of no name", "assets_code_check"): opening(asset="no such"),
}  # fmt: skip


def grant_of(account: Account) -> UUID:
    return grant(f"invoice {account.id}", "granted", account, 10, None, source=ISSUED.of(CRD)).grants[0][0]


async def test_what_is_no_movement_is_refused_for_what_is_wrong_with_it_and_leaves_nothing(
    books: Books, runtime_dsn: str, admin_dsn: str
) -> None:
    them = await people(books)
    before = await books.ask(JOURNALS)
    plain = json.loads(Movement(key="plain", kind="plain").written(books.now()))
    async with connected(runtime_dsn) as market:
        for (wrong, rule), made in MALFORMED.items():
            with pytest.raises(asyncpg.PostgresError) as refused:
                await market.fetchval(POST, json.dumps(plain | made(them)))
            assert (getattr(refused.value, "constraint_name", None) or refused.value.sqlstate) == rule, wrong
    assert await books.ask(JOURNALS) == before
    assert [await books.has(each) for each in (them.ada, them.bo, them.cy, them.di)] == [(890, 100), (60, 0), (10, 0), (10, 0)]
    assert await broken_laws(admin_dsn) == []


UNUSUAL: dict[str, Callable[[People], Movement]] = {
    "nothing at all": lambda _t: some(),
    "several holds": lambda t: some(holds=[(uuid4(), t.cy, 3, None), (uuid4(), t.cy, 4, None)]),
    "a hold and what it leaves": lambda t: Movement(
        key="k", kind="x", legs=[(t.cy, -6), (SPENT.of(CRD), 6)], holds=[(uuid4(), t.cy, 4, None)]
    ),
    "more granted than stays": lambda t: Movement(
        key="k", kind="x", legs=[(ISSUED.of(CRD), -5), (t.cy, 5)], grants=[(uuid4(), t.cy, 50, None)]
    ),
    "one hold in the place of another": lambda t: Movement(
        key="k", kind="x", resolves=[(t.held, 0, "voided")], holds=[(uuid4(), t.ada, 990, None)]
    ),
    "all of it back and a hold ends": lambda t: some(reverses=t.paid, resolves=[(t.held, 0, "voided")]),
    "all of it back and held": lambda t: some(reverses=t.paid, holds=[(uuid4(), t.ada, 900, None)]),
    "to oneself": lambda t: some(legs=[(t.ada, -(10**9)), (t.ada, 10**9)]),
    "to oneself out of a hold": lambda t: some(legs=[(t.ada, 60)], resolves=[(t.held, 60, "captured")]),
}


async def test_what_no_verb_makes_and_is_a_movement_all_the_same_keeps_the_laws(books: Books, runtime_dsn: str, admin_dsn: str) -> None:
    for what, made in UNUSUAL.items():
        them = await people(books)
        movement = made(them)
        movement.key = what
        async with connected(runtime_dsn) as market:
            assert await market.fetchval(POST, movement.written(books.now())), what
        assert await broken_laws(admin_dsn) == [], what
        assert sum([(await books.wallet(each)).total for each in (them.ada, them.bo)]) == 1_050, what
