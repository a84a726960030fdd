"""What money and credits do, story by story; at the end of each every law holds."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from uuid import UUID, uuid4

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Tx, only
from souk.kernel.http.paging import CursorPaging
from souk.kernel.messages import emit
from souk.modules.ledger import (
    CRD,
    CREDITS,
    EUR,
    EXCHANGE,
    EXPIRED,
    FEES,
    ISSUED,
    SPENT,
    USD,
    WALLET,
    HoldEnded,
    HoldNotFound,
    IdempotencyConflict,
    InsufficientFunds,
    MoreThanMoved,
    NoSuchMovement,
    NotPositive,
    as_csv,
    capture,
    exchange,
    grant,
    hold,
    hold_of,
    lots,
    post,
    release,
    reverse,
    statement,
    transfer,
    wallets,
)
from souk.modules.ledger.jobs import fold, lapse_holds, lapse_lots
from tests.modules.ledger.conftest import WORLD, Books, Moved
from tests.modules.ledger.laws import broken_laws

JOURNALS = only(int, 'select count(*) as "count!" from journals')
FACTS = only(int, """select count(*) as "count!" from events where topic = 'test.moved'""")
UNFOLDED = only(int, 'select count(*) as "count!" from hot_changes')
LAPSED = only(int, """select count(*) as "count!" from events where topic = any ('{hold.expired,credits.expired}')""")


@pytest.fixture
def ada() -> UUID:
    return uuid4()


@pytest.fixture
def bo() -> UUID:
    return uuid4()


class TestMoving:
    async def test_a_payment_and_its_fee_are_one_movement(self, books: Books, ada: UUID, bo: UUID, admin_dsn: str) -> None:
        payer, payee = WALLET.of(USD, ada), WALLET.of(USD, bo)
        await books.give(payer, 1_000)
        await books.post(transfer("order 1", "paid", payer, [(payee, 900), (FEES.of(USD), 100)]))
        assert (await books.has(payer), await books.has(payee), await books.has(FEES.of(USD))) == ((0, 0), (900, 0), (100, 0))
        assert await books.has(WORLD.of(USD)) == (-1_000, 0)
        assert await broken_laws(admin_dsn) == []

    async def test_what_is_not_there_is_not_moved_and_the_refusal_says_how_much_is_missing(self, books: Books, ada: UUID, bo: UUID) -> None:
        payer = WALLET.of(USD, ada)
        await books.give(payer, 1_000)
        with pytest.raises(InsufficientFunds, match=r"10\.00 USD is available and 10\.01 is needed") as refused:
            await books.post(transfer("order 1", "paid", payer, [(WALLET.of(USD, bo), 1_001)]))
        assert refused.value.details() == {"available": 1_000, "needed": 1_001, "currency": "USD", "missing": 1}
        assert await books.has(payer) == (1_000, 0)

    async def test_an_account_that_never_had_anything_is_refused_alike(self, books: Books, ada: UUID, bo: UUID) -> None:
        with pytest.raises(InsufficientFunds, match=r"0\.00 USD is available"):
            await books.post(transfer("order 1", "paid", WALLET.of(USD, ada), [(WALLET.of(USD, bo), 1)]))
        assert await books.ask(JOURNALS) == 0

    async def test_nothing_and_less_than_nothing_do_not_move(self, ada: UUID, bo: UUID) -> None:
        for parts in ([], [(WALLET.of(USD, bo), 0)], [(WALLET.of(USD, bo), -5)]):
            with pytest.raises(NotPositive):
                transfer("order 1", "paid", WALLET.of(USD, ada), parts)

    async def test_assets_do_not_mix(self, books: Books, ada: UUID, bo: UUID) -> None:
        payer = WALLET.of(USD, ada)
        await books.give(payer, 1_000)
        with pytest.raises(Exception, match="entries_balance"):
            await books.post(transfer("order 1", "paid", payer, [(WALLET.of(EUR, bo), 100)]))
        assert await books.has(payer) == (1_000, 0)

    async def test_an_exchange_has_two_balanced_halves_and_its_rate(self, books: Books, ada: UUID, admin_dsn: str) -> None:
        dollars, euros = WALLET.of(USD, ada), WALLET.of(EUR, ada)
        await books.give(dollars, 1_000)
        await books.post(exchange("exchange 1", "exchanged", dollars, 333, target=euros, rate=Fraction(91, 100)))
        assert (await books.has(dollars), await books.has(euros)) == ((667, 0), (303, 0))
        assert (await books.has(EXCHANGE.of(USD)), await books.has(EXCHANGE.of(EUR))) == ((333, 0), (-303, 0))
        assert await broken_laws(admin_dsn) == []

    async def test_too_large_an_amount_is_refused(self, books: Books, ada: UUID) -> None:
        payer = WALLET.of(USD, ada)
        await books.give(payer, 2**63 - 1)
        with pytest.raises(Exception, match="range"):
            await books.give(payer, 1)
        assert await books.has(payer) == (2**63 - 1, 0)


class TestKeys:
    async def test_a_repetition_is_answered_again_and_tells_nobody(self, books: Books, ada: UUID, bo: UUID) -> None:
        payer, payee = WALLET.of(USD, ada), WALLET.of(USD, bo)
        await books.give(payer, 1_000)
        first = await books.post(transfer("order 1", "paid", payer, [(payee, 100)]), Moved(bo))
        again = await books.post(transfer("order 1", "paid", payer, [(payee, 100)]), Moved(bo))
        assert (first.replayed, again.replayed, first.journal) == (False, True, again.journal)
        assert await books.has(payee) == (100, 0)
        assert await books.ask(FACTS) == 1

    async def test_another_content_under_the_same_key_is_refused(self, books: Books, ada: UUID, bo: UUID) -> None:
        payer, payee = WALLET.of(USD, ada), WALLET.of(USD, bo)
        await books.give(payer, 1_000)
        await books.post(transfer("order 1", "paid", payer, [(payee, 100)]))
        for other in (
            transfer("order 1", "paid", payer, [(payee, 101)]),
            transfer("order 1", "gift", payer, [(payee, 100)]),
            transfer("order 1", "paid", payer, [(payee, 100)], reference=uuid4()),
            hold("order 1", "paid", payer, 100),
        ):
            with pytest.raises(IdempotencyConflict):
                await books.post(other)

    async def test_in_a_longer_transaction_a_repetition_tells_nobody_but_what_was_said_before_is_said(
        self, books: Books, ada: UUID, bo: UUID
    ) -> None:
        payer, payee = WALLET.of(USD, ada), WALLET.of(USD, bo)
        await books.give(payer, 1_000)

        async def pay(tx: Tx) -> bool:
            await emit(tx, Moved(ada))
            return (await post(tx, transfer("order 1", "paid", payer, [(payee, 100)]), Moved(bo), last=True)).replayed

        assert [await books.database.write(pay) for _ in range(3)] == [False, True, True]
        assert await books.ask(FACTS) == 3 + 1

    async def test_a_rehearsal_says_what_would_happen_and_leaves_nothing(self, books: Books, ada: UUID, bo: UUID) -> None:
        payer, payee = WALLET.of(USD, ada), WALLET.of(USD, bo)
        await books.give(payer, 100)
        movement = transfer("order 1", "paid", payer, [(payee, 100)])
        assert not (await books.database.rehearse(lambda tx: post(tx, movement, Moved(bo), last=True))).replayed
        assert (await books.has(payer), await books.ask(FACTS)) == ((100, 0), 0)
        with pytest.raises(InsufficientFunds):
            await books.database.rehearse(lambda tx: post(tx, transfer("order 2", "paid", payer, [(payee, 101)]), last=True))
        assert not (await books.post(movement)).replayed


class TestHolds:
    async def test_part_is_taken_and_the_rest_is_free_again(self, books: Books, ada: UUID, bo: UUID, admin_dsn: str) -> None:
        payer, payee = WALLET.of(USD, ada), WALLET.of(USD, bo)
        await books.give(payer, 1_000)
        held = hold("order 1 held", "held", payer, 400)
        await books.post(held)
        assert await books.has(payer) == (600, 400)
        with pytest.raises(InsufficientFunds):
            await books.post(transfer("order 2", "paid", payer, [(payee, 601)]))
        await books.post(capture("order 1 paid", "paid", held.hold_id, [(payee, 270), (FEES.of(USD), 30)]))
        assert (await books.has(payer), await books.has(payee)) == ((700, 0), (270, 0))
        found = await books.database.read(lambda tx: hold_of(tx, held.hold_id))
        assert (found.state, found.amount, found.captured) == ("captured", 400, 300)
        assert await broken_laws(admin_dsn) == []

    async def test_escrow_comes_from_outside_and_is_held_in_the_same_journal(self, books: Books, ada: UUID, bo: UUID) -> None:
        payer = WALLET.of(USD, ada)
        held = hold("payment 1", "payment.captured", payer, 500, funded_by=WORLD.of(USD))
        await books.post(held)
        assert await books.has(payer) == (0, 500)
        with pytest.raises(InsufficientFunds):
            await books.post(transfer("order 2", "paid", payer, [(WALLET.of(USD, bo), 1)]))
        await books.post(release("order 1 cancelled", "cancelled", held.hold_id))
        assert await books.has(payer) == (500, 0)

    async def test_it_ends_once(self, books: Books, ada: UUID, bo: UUID) -> None:
        payer, payee = WALLET.of(USD, ada), WALLET.of(USD, bo)
        await books.give(payer, 1_000)
        held = hold("order 1 held", "held", payer, 400)
        await books.post(held)
        with pytest.raises(InsufficientFunds):
            await books.post(capture("too much", "paid", held.hold_id, [(payee, 1_001)]))
        await books.post(release("order 1 cancelled", "cancelled", held.hold_id))
        for late in (release("again", "cancelled", held.hold_id), capture("late", "paid", held.hold_id, [(payee, 1)])):
            with pytest.raises(HoldEnded):
                await books.post(late)
        with pytest.raises(HoldEnded):
            await books.post(release("unknown", "cancelled", uuid4()))
        with pytest.raises(HoldNotFound):
            await books.database.read(lambda tx: hold_of(tx, uuid4()))
        assert await books.has(payer) == (1_000, 0)

    async def test_more_than_is_held_is_not_taken_even_if_it_is_there(self, books: Books, ada: UUID, bo: UUID) -> None:
        payer = WALLET.of(USD, ada)
        await books.give(payer, 1_000)
        held = hold("order 1 held", "held", payer, 400)
        await books.post(held)
        with pytest.raises(Exception, match="more was asked for"):
            await books.post(capture("too much", "paid", held.hold_id, [(WALLET.of(USD, bo), 401)]))
        assert await books.has(payer) == (600, 400)

    async def test_the_clock_ends_it(self, books: Books, database: Database, clock: Clock, ada: UUID, bo: UUID) -> None:
        payer = WALLET.of(USD, ada)
        await books.give(payer, 1_000)
        held = hold("order 1 held", "held", payer, 400, books.now() + timedelta(hours=1))
        await books.post(held)
        await lapse_holds(database)
        assert await books.has(payer) == (600, 400)
        clock.move_to(timedelta(hours=2))
        with pytest.raises(HoldEnded):
            await books.post(capture("late", "paid", held.hold_id, [(WALLET.of(USD, bo), 1)]))
        for _ in range(2):
            await lapse_holds(database)
        assert await books.has(payer) == (1_000, 0)
        assert await books.ask(LAPSED) == 1

    async def test_nothing_is_held_on_a_hot_account(self, books: Books) -> None:
        with pytest.raises(Exception, match="hot_accounts_gate_nothing"):
            await books.post(hold("order 1 held", "held", FEES.of(USD), 1))


class TestReversing:
    async def test_part_by_part_never_more_than_all(self, books: Books, ada: UUID, bo: UUID, admin_dsn: str) -> None:
        payer, payee, fees = WALLET.of(USD, ada), WALLET.of(USD, bo), FEES.of(USD)
        await books.give(payer, 1_000)
        await books.give(payee, 1_000)
        paid = await books.post(transfer("order 1", "paid", payer, [(payee, 90), (fees, 10)]))
        for number in range(3):
            await books.post(reverse(f"back {number}", "refund", paid.journal, [(payee, -30), (payer, 30)]))
        with pytest.raises(MoreThanMoved):
            await books.post(reverse("back 3", "refund", paid.journal, [(payee, -1), (payer, 1)]))
        await books.post(reverse("fee back", "refund", paid.journal, [(fees, -10), (payer, 10)]))
        assert (await books.has(payer), await books.has(payee), await books.has(fees)) == ((1_000, 0), (1_000, 0), (0, 0))
        assert await broken_laws(admin_dsn) == []

    async def test_all_of_it_once(self, books: Books, ada: UUID, bo: UUID) -> None:
        payer, payee = WALLET.of(USD, ada), WALLET.of(USD, bo)
        await books.give(payer, 100)
        paid = await books.post(transfer("order 1", "paid", payer, [(payee, 90), (FEES.of(USD), 10)]))
        await books.post(reverse("back", "refund", paid.journal))
        assert await books.has(payer) == (100, 0)
        await books.give(payee, 1_000)
        with pytest.raises(MoreThanMoved):
            await books.post(reverse("back again", "refund", paid.journal))

    async def test_what_never_moved_does_not_come_back(self, books: Books) -> None:
        with pytest.raises(NoSuchMovement):
            await books.post(reverse("back", "refund", uuid4()))

    async def test_it_goes_back_and_not_further_on(self, books: Books, ada: UUID, bo: UUID) -> None:
        payer, payee, other = WALLET.of(USD, ada), WALLET.of(USD, bo), WALLET.of(USD, uuid4())
        for account in (payer, payee, other):
            await books.give(account, 1_000)
        paid = await books.post(transfer("order 1", "paid", payer, [(payee, 100)]))
        for part in ([(payer, -10), (payee, 10)], [(payee, -10), (other, 10)], [(other, -10), (payer, 10)]):
            with pytest.raises(MoreThanMoved):
                await books.post(reverse(f"wrong {part[0][0].id}", "refund", paid.journal, part))


class TestCredits:
    async def test_those_that_expire_first_are_spent_first_and_come_back_where_they_came_from(
        self, books: Books, ada: UUID, admin_dsn: str
    ) -> None:
        account, issued = CREDITS.of(CRD, ada), ISSUED.of(CRD)
        for days, amount in ((30, 10), (10, 5), (None, 7)):
            until = None if days is None else books.now() + timedelta(days=days)
            await books.post(grant(f"invoice {days}", "granted", account, amount, until, source=issued))
        held = hold("job 1", "posted", account, 12)
        await books.post(held)
        assert [(lot.remaining, lot.on_hold) for lot in await books.database.read(lambda tx: lots(tx, account))] == [
            (5, 5),
            (10, 7),
            (7, 0),
        ]
        done = await books.post(capture("job 1 done", "done", held.hold_id, [(SPENT.of(CRD), 11)]))
        assert [(lot.remaining, lot.on_hold) for lot in await books.database.read(lambda tx: lots(tx, account))] == [(4, 0), (7, 0)]
        await books.post(reverse("job 1 half back", "back", done.journal, [(SPENT.of(CRD), -6), (account, 6)]))
        assert [lot.remaining for lot in await books.database.read(lambda tx: lots(tx, account))] == [10, 7]
        await books.post(reverse("job 1 back", "back", done.journal, [(SPENT.of(CRD), -5), (account, 5)]))
        assert [lot.remaining for lot in await books.database.read(lambda tx: lots(tx, account))] == [5, 10, 7]
        assert await books.has(account) == (22, 0)
        assert await broken_laws(admin_dsn) == []

    async def test_the_clock_takes_what_nobody_used_and_later_what_was_held(
        self, books: Books, database: Database, clock: Clock, ada: UUID, admin_dsn: str
    ) -> None:
        account = CREDITS.of(CRD, ada)
        await books.post(grant("invoice 1", "granted", account, 10, books.now() + timedelta(days=1), source=ISSUED.of(CRD)))
        held = hold("job 1", "posted", account, 4)
        await books.post(held)
        clock.move_to(timedelta(days=2))
        assert await books.has(account) == (0, 4)
        with pytest.raises(InsufficientFunds, match="0 CRD is available and 1 is needed"):
            await books.post(transfer("job 2", "spent", account, [(SPENT.of(CRD), 1)]))
        await lapse_lots(database)
        assert (await books.has(account), await books.has(EXPIRED.of(CRD))) == ((0, 4), (6, 0))
        await books.post(release("job 1 cancelled", "cancelled", held.hold_id))
        for _ in range(2):
            await lapse_lots(database)
        assert (await books.has(account), await books.has(EXPIRED.of(CRD))) == ((0, 0), (10, 0))
        assert await books.ask(LAPSED) == 2
        assert await broken_laws(admin_dsn) == []

    async def test_a_grant_that_is_taken_back_is_taken_from_its_own_lot(self, books: Books, ada: UUID) -> None:
        account, issued = CREDITS.of(CRD, ada), ISSUED.of(CRD)
        await books.post(grant("first", "granted", account, 10, books.now() + timedelta(days=1), source=issued))
        second = await books.post(grant("second", "granted", account, 5, None, source=issued))
        await books.post(reverse("second back", "back", second.journal))
        assert [lot.remaining for lot in await books.database.read(lambda tx: lots(tx, account))] == [10]

    async def test_credits_come_in_as_grants_only(self, books: Books, ada: UUID) -> None:
        with pytest.raises(Exception, match="lot_unknown"):
            await books.post(transfer("gift", "gift", ISSUED.of(CRD), [(CREDITS.of(CRD, ada), 5)]))


class TestReading:
    async def test_a_statement_is_read_page_by_page_newest_first(self, books: Books, ada: UUID, bo: UUID) -> None:
        payer, payee = WALLET.of(USD, ada), WALLET.of(USD, bo)
        await books.give(payer, 1_000)
        for number in range(5):
            await books.post(transfer(f"order {number}", "paid", payer, [(payee, 10 + number)]))
        first = await books.database.read(lambda tx: statement(tx, payer, CursorPaging(limit=4)))
        rest = await books.database.read(lambda tx: statement(tx, payer, CursorPaging(limit=4, cursor=first.next_cursor or "")))
        lines = [*first.items, *rest.items]
        assert [line.amount for line in lines] == [-14, -13, -12, -11, -10, 1_000]
        assert [line.balance for line in lines] == [940, 954, 967, 979, 990, 1_000]
        assert rest.next_cursor is None
        told = as_csv(lines, USD).splitlines()
        assert told[0] == "date,kind,reference,amount,balance,currency,journal"
        assert ",-0.14,9.40,USD," in told[1]

    async def test_no_cell_is_a_formula(self, books: Books, ada: UUID) -> None:
        account = WALLET.of(USD, ada)
        await books.post(transfer("evil", "=cmd|' /C calc'!A0", WORLD.of(USD), [(account, 5)]))
        page = await books.database.read(lambda tx: statement(tx, account, CursorPaging()))
        assert ",'=cmd|" in as_csv(page.items, USD)

    async def test_several_wallets_are_one_question(self, books: Books, ada: UUID, bo: UUID) -> None:
        await books.give(WALLET.of(EUR, ada), 7)
        found = await books.database.read(lambda tx: wallets(tx, WALLET.of(USD, bo), WALLET.of(EUR, ada)))
        assert [(each.total, each.currency) for each in found] == [(0, "USD"), (7, "EUR")]

    async def test_a_hot_account_is_right_before_and_after_it_is_told(
        self, books: Books, database: Database, ada: UUID, admin_dsn: str
    ) -> None:
        payer = WALLET.of(USD, ada)
        await books.give(payer, 1_000)
        for number in range(7):
            await books.post(transfer(f"fee {number}", "fee", payer, [(FEES.of(USD), 3)]))
        assert await books.ask(UNFOLDED) == 8
        assert await books.has(FEES.of(USD)) == (21, 0)
        await fold(database)
        assert await books.ask(UNFOLDED) == 0
        assert await books.has(FEES.of(USD)) == (21, 0)
        assert await broken_laws(admin_dsn) == []
