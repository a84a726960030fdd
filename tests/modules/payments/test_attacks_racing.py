"""Whatever crosses whatever: the money is in one place in the end, and provider and ledger agree where."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import permutations
from typing import Any

import pytest

from souk.kernel.errors import Refusal
from souk.modules import payments
from souk.modules.payments.jobs import ask_again, look_after
from souk.modules.payments.model import Row
from souk.modules.payments.sandbox.faults import Fault
from tests.modules.payments.conftest import Shop

TIMES = 6


async def agree(shop: Shop) -> None:
    """Nothing is on its way any more; the provider's books and the ledger have the same, and every law holds."""
    for _ in range(3):
        await shop.later(minutes=2)
        await shop.tells()
    assert (
        await shop.rows("select id from payments where call is not null union all select id from refunds where called_at is not null") == []
    )
    page = await shop.bank.list_balance_transactions({"limit": 100})
    assert await shop.cleared() == sum(line.net for line in page.data)
    await shop.lawful()


async def several(*asked: Awaitable[Any]) -> Counter[str]:
    """All of it at once. What came of each."""
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, Refusal):
            raise outcome
    return Counter(type(outcome).__name__ for outcome in outcomes)


async def test_many_confirm_one_payment_at_once_and_it_is_charged_once(shop: Shop) -> None:
    ada = await shop.join("ada")
    for _ in range(TIMES):
        begun = await shop.deposits(ada, 1_000)
        answers = await asyncio.gather(*(shop.confirms(ada, begun["paymentId"], "pm_card_visa") for _ in range(5)))
        assert {answer.status_code for answer in answers} <= {200, 409}
        assert any(answer.json().get("data", {}).get("status") == "captured" for answer in answers)
    await agree(shop)
    assert await shop.has(ada.id) == (1_000 * TIMES, 0)
    assert len([each for each in (await shop.bank.list_charges({"limit": 100})).data if each.paid]) == TIMES


async def test_a_confirmation_crosses_a_cancellation(shop: Shop) -> None:
    ada = await shop.join("ada")
    for number in range(TIMES):
        begun = await shop.deposits(ada, 1_000)
        path = f"/payments/{begun['paymentId']}/cancel"
        asked = [shop.confirms(ada, begun["paymentId"], "pm_card_visa"), ada.asks("POST", path)]
        answers = await asyncio.gather(*(asked if number % 2 else asked[::-1]))
        assert {answer.status_code for answer in answers} <= {200, 409}
    await agree(shop)
    states = [state for (state,) in await shop.rows("select state::text from payments")]
    assert set(states) <= {"captured", "canceled"}
    assert await shop.has(ada.id) == (1_000 * states.count("captured"), 0)


async def test_the_browser_pays_while_it_is_given_up_here(shop: Shop) -> None:
    """Neither knows of the other: what the provider did first counts."""
    ada = await shop.join("ada")
    rows = [await shop.payment((await shop.deposits(ada, 1_000))["paymentId"]) for _ in range(TIMES)]

    async def pays(row: Row) -> None:
        with suppress(Exception):
            await shop.bank.confirm_payment_intent(str(row.provider_id), {"payment_method": "pm_card_visa"})

    both = [(pays(row), payments.cancel(shop.database, shop.till, row.id)) for row in rows]
    await several(*(each for pair in both for each in pair))
    await agree(shop)
    paid = [intent for intent in (await shop.bank.list_payment_intents({"limit": 100})).data if intent.status == "succeeded"]
    assert await shop.has(ada.id) == (1_000 * len(paid), 0)


async def test_a_capture_crosses_a_cancellation(shop: Shop) -> None:
    ada = await shop.join("ada")
    rows = [await shop.pays(ada.id, 1_000, manual=True, escrow=True, key=str(number)) for number in range(TIMES)]
    asked = [
        *(payments.capture(shop.database, shop.till, row.id, 600) for row in rows),
        *(payments.cancel(shop.database, shop.till, row.id) for row in rows),
    ]
    assert (await several(*asked)).keys() <= {"Row", "PaymentBusy", "PaymentOver", "NotAuthorised"}
    await agree(shop)
    states = [state for (state,) in await shop.rows("select state::text from payments")]
    assert set(states) <= {"captured", "canceled"}
    assert await shop.has(ada.id) == (0, 600 * states.count("captured"))


async def test_releases_refunds_and_chargebacks_of_one_escrow_at_once(shop: Shop) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    for number in range(TIMES):
        row = await shop.escrow(ada.id, bo.id, key=str(number))
        asked: list[Callable[[], Awaitable[Any]]] = [
            partial(shop.released, row),
            partial(shop.refunds, row, 4_000, key=f"{number} 1"),
            partial(shop.refunds, row, 7_000, key=f"{number} 2"),
            partial(shop.released, row),
        ]
        order = list(permutations(asked))[number * 3]
        found = await several(*(each() for each in order))
        assert found["RefundRow"] + found["RefundTooLarge"] == 2
        assert found["NothingHeld"] >= 1
    await agree(shop)
    ends = await shop.rows("select captured, refunded, held, released + fee_taken from payments")
    assert all(refunded <= captured and held == 0 for captured, refunded, held, _released in ends)


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("won", [False, True])
async def test_a_chargeback_of_all_crosses_a_refund_of_some(shop: Shop, *, released: bool, won: bool) -> None:
    """The refund is written down, and the bank has taken all of it before the provider hears of that: it refuses the refund."""
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id)
    if released:
        await shop.released(row)
    before = [await shop.has(who.id) for who in (ada, bo)]
    shop.bank.faults.next(Fault.TIMEOUT_BEFORE, "create_refund")
    assert (await shop.refunds(row, 4_000)).state == "unknown"
    dispute = await shop.bank.open_dispute(str(row.provider_id), None)
    await shop.tells()
    await agree(shop)
    assert await shop.rows("select state::text from refunds") == [("failed",)]
    await shop.bank.decide_dispute(dispute.id, won=won)
    await shop.tells()
    await agree(shop)
    if won:
        assert [await shop.has(who.id) for who in (ada, bo)] == before
        assert await shop.rows("select sum(posted) from accounts where purpose = 'receivable'") in ([(0,)], [(None,)])


async def test_parts_that_are_sent_back_by_many_at_once_never_exceed_what_came_in(shop: Shop) -> None:
    ada, bo, sam = await shop.join("ada"), await shop.join("bo", "worker"), await shop.staff()
    held, paid = await shop.escrow(ada.id, bo.id, key="1"), await shop.escrow(ada.id, bo.id, key="2")
    await shop.released(paid)
    asked = [sam.asks("POST", f"/payments/{row.id}/refund", amount=2_500) for row in (held, paid) for _ in range(7)]
    codes = Counter(answer.status_code for answer in await asyncio.gather(*asked))
    assert codes[201] <= 8
    assert set(codes) <= {201, 409, 503}
    await agree(shop)
    for row in (held, paid):
        assert (await shop.payment(row.id)).refunded <= 10_000
    assert sum(each.amount for each in (await shop.bank.list_refunds({"limit": 100})).data) == 2_500 * codes[201]


async def test_clock_webhooks_and_people_work_on_one_payment_at_once(shop: Shop) -> None:
    ada = await shop.join("ada")
    for fault in Fault:
        if fault is Fault.ERROR_KEPT:
            continue
        shop.bank.faults.next(fault, "confirm_payment_intent")
        begun = await shop.deposits(ada, 1_000, method="pm_card_visa")
        shop.clock.move_to(shop.clock.offset + timedelta(minutes=2))
        await several(
            ask_again(shop.database, shop.till),
            ask_again(shop.database, shop.till),
            look_after(shop.database, shop.till),
            shop.tells(),
            shop.confirms(ada, begun["paymentId"]),
        )
    await agree(shop)
    assert await shop.has(ada.id) == (5_000, 0)
    assert await shop.announced("payment.captured") == ["payment.captured"] * 5
