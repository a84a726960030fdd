"""`explain`: what it tells of an account, and that it is never mistaken about whether that adds up."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Query, Tx
from souk.modules.ledger import (
    CRD,
    CREDITS,
    EUR,
    FEES,
    ISSUED,
    SPENT,
    USD,
    WALLET,
    Account,
    Unexplained,
    capture,
    exchange,
    explain,
    grant,
    hold,
    release,
    reverse,
    transfer,
)
from souk.modules.ledger.explaining import ACCOUNTS, SIDES
from tests.modules.ledger.conftest import WORLD, Books
from tests.modules.ledger.test_page import PAGE

ADA, BO, ORDER = UUID(int=0xADA), UUID(int=0xB0), UUID(int=7)
NAMES = {str(ADA): "<ada>", str(BO): "<bo>", str(ORDER): "<order>"}
A_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
AN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def story(books: Books, what: str | Account, last: int = 100) -> list[str]:
    name = what if isinstance(what, str) else str(what.id)
    return await books.database.survey(lambda tx: explain(tx, name, last))


async def forge(admin_dsn: str, sql: str, *args: object) -> None:
    """What nobody but the owner of the tables can do."""
    owner = await asyncpg.connect(admin_dsn)
    try:
        await owner.execute("set search_path to sample; set session_replication_role to replica")
        await owner.execute(sql, *args)
    finally:
        await owner.close()


async def test_the_story_is_as_the_page_shows_it(books: Books) -> None:
    payer, payee = WALLET.of(USD, ADA), WALLET.of(USD, BO)
    await books.post(transfer("gift 1", "gift", WORLD.of(USD), [(payer, 10_000)]))
    held = hold("order 1 held", "order.held", payer, 6_000, reference=ORDER)
    await books.post(held)
    paid = await books.post(capture("order 1 paid", "order.paid", held.hold_id, [(payee, 4_500), (FEES.of(USD), 500)], reference=ORDER))
    await books.post(reverse("order 1 refund", "order.refund", paid.journal, [(payee, -1_000), (payer, 1_000)], reference=ORDER))

    told = "\n".join(await story(books, str(ADA)))
    for id_, name in NAMES.items():
        told = told.replace(id_, name)
    shown = re.search(r'^```text title="story"\n(.*?)\n```$', PAGE, re.DOTALL | re.MULTILINE)
    assert shown
    assert AN_ID.sub("…", A_TIME.sub("…", told)) == A_TIME.sub("…", shown[1])


async def test_who_asks_for_the_newest_is_told_what_was_before(books: Books) -> None:
    ada = WALLET.of(USD, ADA)
    for number in range(5):
        await books.give(ada, 100 + number)
    held = hold("h", "reserved", ada, 50)
    await books.post(held)
    await books.post(release("r", "freed", held.hold_id))

    told = await story(books, ada, last=3)
    assert told[1] == "  before: total 4.06, on hold 0.00"
    assert [line.partition("  ")[2][21:] for line in told[2:-1:2]] == [
        "gift: +1.04 → total 5.10, on hold 0.00",
        "reserved: 0.50 held → total 5.10, on hold 0.50",
        "freed: 0.50 not held any more → total 5.10, on hold 0.00",
    ]
    assert told[-1] == "  it adds up: total 5.10, on hold 0.00, available 5.10 USD"
    assert len(await story(books, ada, last=7)) == len(await story(books, ada, last=8)) == 16


async def test_every_amount_is_written_in_its_own_asset(books: Books) -> None:
    ada = WALLET.of(USD, ADA)
    await books.give(ada, 10_000)
    await books.post(exchange("x", "exchanged", ada, 1_000, target=WALLET.of(EUR, ADA), rate=Fraction(91, 100)))
    (why,) = [line for line in await story(books, ada) if "key 'x'" in line]
    assert f"other side: exchange -9.10 EUR, wallet of {ADA} +9.10 EUR, exchange +10.00 USD; " in why


@pytest.mark.parametrize("last", [1, 100])
@pytest.mark.parametrize(
    ("forged", "said"),
    [
        (
            "update accounts set posted = posted + 77 where id = $1",
            "come to 3.00, 0.40 on hold, but the account says total 3.77, on hold 0.40",
        ),
        ("update accounts set held = held + 7 where id = $1", "come to 3.00, 0.40 on hold, but the account says total 3.00, on hold 0.47"),
        ("delete from entries where account_id = $1 and amount = 100", "come to 2.00, 0.40 on hold, but the account says total 3.00"),
    ],
)
async def test_an_account_that_says_something_else_is_found_however_little_is_told(
    books: Books, admin_dsn: str, forged: str, said: str, last: int
) -> None:
    ada = WALLET.of(USD, ADA)
    await books.give(ada, 100)
    await books.give(ada, 200)
    await books.post(hold("h", "reserved", ada, 40))
    await forge(admin_dsn, forged, ada.id)
    end = (await story(books, ada, last))[-1]
    assert "THIS DOES NOT ADD UP" in end
    assert said in end


async def test_it_adds_up_while_money_moves(books: Books) -> None:
    fees, ada = FEES.of(USD), WALLET.of(USD, ADA)
    await books.give(ada, 1_000)
    await books.post(transfer("first", "fee", ada, [(fees, 10)]))
    moved = 0

    class Interrupted(Tx):
        """Somebody pays a fee after each statement."""

        async def run(self, query: Query[Any], *args: object) -> Any:
            nonlocal moved
            answer = await super().run(query, *args)
            moved += 1
            await books.post(transfer(f"fee {moved}", "fee", ada, [(fees, 1)]))
            return answer

    busy = Database(books.database.pool, books.database.clock, kind=Interrupted)
    assert (await busy.survey(lambda tx: explain(tx, "fees:USD", 100)))[-1].startswith("  it adds up: ")
    assert moved > 3
    assert (await busy.read(lambda tx: explain(tx, "fees:USD", 100)))[-1].startswith("  THIS DOES NOT")  # so it would have been noticed


async def test_credits_that_lapsed_are_not_available(books: Books, clock: Clock) -> None:
    ada = CREDITS.of(CRD, ADA)
    await books.post(grant("i", "granted", ada, 30, books.now() + timedelta(days=1), source=ISSUED.of(CRD)))
    await books.post(grant("j", "granted", ada, 5, None, source=ISSUED.of(CRD)))
    await books.post(transfer("s", "spent", ada, [(SPENT.of(CRD), 10)]))
    clock.move_to(timedelta(days=2))
    assert (await story(books, ada))[
        -1
    ] == "  it adds up: total 25, on hold 0, available 5 CRD (20 lapsed, which the clock has yet to take)"


async def test_what_is_found_by_which_name(books: Books) -> None:
    ada, euro = WALLET.of(USD, ADA), WALLET.of(EUR, ADA)
    await books.give(ada, 1)
    await books.give(euro, 1)
    await books.give(WALLET.of(USD, BO), 1)

    async def heads(what: str) -> list[str]:
        return [line.partition(": account")[0] for line in await story(books, what) if ": account" in line]

    assert await heads(str(ADA).upper()) == await heads(str(ADA)) == [f"wallet of {ADA}, EUR", f"wallet of {ADA}, USD"]
    assert await heads(str(ada.id)) == [f"wallet of {ADA}, USD"]
    assert len(await heads("wallet:USD")) == 2
    assert await heads("world:EUR") == ["world, EUR"]
    for nothing in ("taxes", "world:CRD", str(uuid4())):
        with pytest.raises(Unexplained, match=nothing):
            await story(books, nothing)


async def test_many_of_one_name_are_not_poured_out(books: Books) -> None:
    many = [WALLET.of(USD, uuid4()) for _ in range(ACCOUNTS + 1)]
    await books.post(transfer("all", "gift", WORLD.of(USD), [(each, 1) for each in many]))
    told = await story(books, "wallet")
    assert sum(": account" in line for line in told) == ACCOUNTS
    assert told[-1] == f"There are more than {ACCOUNTS} accounts of that name; ask for one by its id or its owner's."
    (why,) = [line for line in await story(books, "world") if "key 'all'" in line]
    assert why.count("wallet of ") == SIDES
    assert f", and {len(many) - SIDES} more; " in why
