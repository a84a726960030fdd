"""The bank in Stripe's own words: what it refuses and how, and what no provider's interface asks for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from souk.kernel.clock import Clock
from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.cards import BY_NUMBER, CARDS
from souk.modules.payments.sandbox.errors import BankError
from souk.modules.payments.sandbox.faults import Fault
from souk.modules.payments.sandbox.objects import Session, SetupIntent
from souk.modules.payments.sandbox.store import MemoryStore

PAID = {"amount": 1000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}


@pytest.fixture
def bank(clock: Clock) -> Bank:
    return Bank(MemoryStore(), clock.now)


async def told(bank: Bank) -> list[str]:
    """What happened, in order."""
    return [event.type for event in (await bank.list_events({"limit": 100})).data][::-1]


async def later(bank: Bank, clock: Clock, **by: float) -> None:
    clock.move_to(clock.offset + timedelta(**by))
    while await bank.work():
        pass


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"amount": None}, "parameter_missing", "amount"),
        ({"amount": "ten"}, "parameter_invalid_integer", "amount"),
        ({"amount": "1.5"}, "parameter_invalid_integer", "amount"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": -5}, "parameter_invalid_integer", "amount"),
        ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"currency": ""}, "parameter_missing", "currency"),
        ({"currency": "dollars"}, "parameter_invalid_empty", "currency"),
        ({"capture_method": "later"}, "parameter_invalid", "capture_method"),
        ({"metadata": "x"}, "parameter_invalid", "metadata"),
        ({"payment_method": "pm_none"}, "resource_missing", "payment_method"),
        ({"payment_method": None}, "payment_intent_unexpected_state", None),
    ],
)
async def test_wrong_parameters_are_named_and_leave_nothing(bank: Bank, wrong: dict[str, Any], code: str, param: str | None) -> None:
    with pytest.raises(BankError) as refused:
        await bank.create_payment_intent({**PAID, **wrong})
    told_so = refused.value.body()["error"]
    assert (refused.value.status, told_so["type"], told_so["code"], told_so.get("param")) == (400, "invalid_request_error", code, param)
    assert (await bank.list_payment_intents()).data == []


async def test_a_decline_tells_all_that_stripe_tells(bank: Bank) -> None:
    for _ in range(2):
        with pytest.raises(BankError) as declined:
            await bank.create_payment_intent({**PAID, "payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds"}, key="k")
        error = declined.value.body()["error"]
        assert (declined.value.status, error["type"], error["code"]) == (402, "card_error", "card_declined")
        assert error["decline_code"] == "insufficient_funds"
        assert error["payment_intent"]["status"] == "requires_payment_method"
        assert error["payment_intent"]["last_payment_error"]["payment_method"]["card"]["last4"] == "9995"
    assert await told(bank) == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]


async def test_every_test_card_has_a_number_of_its_own(bank: Bank) -> None:
    assert len(BY_NUMBER) == len(CARDS)
    for number, name in BY_NUMBER.items():
        made = await bank.create_payment_method({"card": {"number": number}})
        assert (made.card.fingerprint, made.card.last4) == (name, number[-4:])
    with pytest.raises(BankError, match="incorrect"):
        await bank.create_payment_method({"card": {"number": "4242424242424241"}})
    with pytest.raises(BankError, match="Missing"):
        await bank.create_payment_method({})


async def test_form_values_mean_what_values_of_a_program_mean(bank: Bank) -> None:
    made = await bank.create_payment_intent({"amount": "1000", "currency": "USD", "payment_method": "pm_card_visa", "confirm": "true"})
    assert (made.status, made.amount, made.currency) == ("succeeded", 1000, "usd")


async def test_methods_are_attached_to_one_customer(bank: Bank) -> None:
    ada, eve = [(await bank.create_customer({"name": name})).id for name in ("Ada", "Eve")]
    method = (await bank.create_payment_method({"card": {"number": "4242424242424242"}})).id
    assert (await bank.attach_payment_method(method, {"customer": ada})).customer == ada
    assert (await bank.attach_payment_method(method, {"customer": ada})).customer == ada
    with pytest.raises(BankError, match="another customer"):
        await bank.attach_payment_method(method, {"customer": eve})
    await bank.detach_payment_method(method)
    with pytest.raises(BankError, match="not attached"):
        await bank.detach_payment_method(method)
    with pytest.raises(BankError, match="detached"):
        await bank.attach_payment_method(method, {"customer": ada})
    paid = await bank.create_payment_intent({**PAID, "customer": ada, "setup_future_usage": "off_session"})
    assert [each.id for each in (await bank.list_payment_methods({"customer": ada})).data] == [paid.payment_method]


async def test_a_card_that_is_declined_is_not_saved(bank: Bank) -> None:
    setup = await bank.create_setup_intent({})
    with pytest.raises(BankError) as declined:
        await bank.confirm_setup_intent(setup.id, {"payment_method": "pm_card_visa_chargeDeclined"})
    assert declined.value.body()["error"]["setup_intent"]["last_setup_error"]["decline_code"] == "generic_decline"
    assert (await bank.cancel_setup_intent(setup.id)).status == "canceled"
    closed: list[Any] = [bank.cancel_setup_intent(setup.id), bank.confirm_setup_intent(setup.id), bank.complete_setup(setup.id)]
    for call in closed:
        with pytest.raises(BankError, match="status of canceled"):
            await call


async def test_what_is_over_does_not_begin_again(bank: Bank) -> None:
    paid = await bank.create_payment_intent(PAID)
    for call in (bank.confirm_payment_intent(paid.id), bank.complete_action(paid.id)):
        with pytest.raises(BankError, match="status of succeeded"):
            await call
    with pytest.raises(BankError, match="is greater than unrefunded"):
        await bank.create_refund({"charge": paid.latest_charge, "amount": 1001})


async def test_evidence_decides_a_dispute(bank: Bank, clock: Clock) -> None:
    disputes = []
    for evidence in ("winning_evidence", "losing_evidence"):
        paid = await bank.create_payment_intent(PAID)
        opened = await bank.open_dispute(paid.id)
        given = await bank.update_dispute(opened.id, {"evidence": {"uncategorized_text": evidence}, "submit": "true"})
        assert given.status == "under_review"
        with pytest.raises(BankError, match="under_review"):
            await bank.update_dispute(opened.id, {"evidence": {}})
        disputes.append(opened.id)
    await later(bank, clock)
    assert [(await bank.retrieve_dispute(each)).status for each in disputes] == ["won", "lost"]
    with pytest.raises(BankError, match="status of won"):
        await bank.close_dispute(disputes[0])


async def test_a_dispute_is_given_up(bank: Bank) -> None:
    paid = await bank.create_payment_intent(PAID)
    opened = await bank.open_dispute(paid.id)
    with pytest.raises(BankError, match="nothing of it"):
        await bank.open_dispute(paid.id)
    assert (await bank.close_dispute(opened.id)).status == "lost"
    reserved = await bank.create_payment_intent({**PAID, "capture_method": "manual"})
    with pytest.raises(BankError, match="Only what was paid"):
        await bank.open_dispute(reserved.id)
    with pytest.raises(BankError, match="not been captured"):
        await bank.create_refund({"charge": reserved.latest_charge})


async def test_what_came_back_does_not_come_back_again(bank: Bank) -> None:
    paid = await bank.create_payment_intent(PAID)
    refund = await bank.create_refund({"payment_intent": paid.id})
    await bank.fail_refund(refund.id)
    with pytest.raises(BankError, match="status of failed"):
        await bank.fail_refund(refund.id)
    account = (await bank.create_account({})).id
    await bank.fill_in(account)
    with pytest.raises(BankError, match="insufficient"):
        await bank.create_payout({"amount": 1, "currency": "usd"}, account=account)
    transfer = await bank.create_transfer({"amount": 500, "currency": "usd", "destination": account})
    payout = await bank.create_payout({"amount": 500, "currency": "usd"}, account=account)
    with pytest.raises(BankError, match="insufficient"):
        await bank.create_transfer_reversal(transfer.id)
    await bank.fail_payout(payout.id, account)
    with pytest.raises(BankError, match="failed already"):
        await bank.fail_payout(payout.id, account)
    await bank.create_transfer_reversal(transfer.id)
    with pytest.raises(BankError, match="only 0 left"):
        await bank.create_transfer_reversal(transfer.id)
    with pytest.raises(BankError, match="Stripe-Account"):
        await bank.create_payout({"amount": 1, "currency": "usd"})


# Subscriptions


async def subscribed(bank: Bank, customer: str | None = None) -> Session:
    product = await bank.create_product({"name": "Pro"})
    price = await bank.create_price({"product": product.id, "unit_amount": 1500, "currency": "usd", "recurring": {"interval": "month"}})
    session = await bank.create_checkout_session({"mode": "subscription", "customer": customer, "line_items": [{"price": price.id}]})
    return await bank.complete_checkout(session.id)


async def test_who_cannot_pay_the_next_month_is_late_until_they_can(bank: Bank, clock: Clock) -> None:
    session = await subscribed(bank)
    assert session.customer, "a buyer who was not known is known now"
    subscription = str(session.subscription)
    await bank.update_subscription(subscription, {"default_payment_method": "pm_card_visa_chargeDeclined", "metadata": {"seen": "1"}})
    await later(bank, clock, days=31)
    late = await bank.retrieve_subscription(subscription)
    assert (late.status, late.metadata) == ("past_due", {"seen": "1"})
    invoice = await bank.retrieve_invoice(str(late.latest_invoice))
    assert (invoice.status, invoice.amount_due, invoice.amount_paid) == ("open", 1500, 0)
    assert "invoice.payment_failed" in await told(bank)
    await bank.update_subscription(subscription, {"default_payment_method": "pm_card_visa"})
    assert (await bank.renew(subscription)).status == "paid"
    assert (await bank.retrieve_subscription(subscription)).status == "active"
    assert len((await bank.list_invoices({"subscription": subscription})).data) == 3


async def test_a_subscription_ends_with_its_period_or_at_once(bank: Bank, clock: Clock) -> None:
    slowly, at_once = str((await subscribed(bank)).subscription), str((await subscribed(bank)).subscription)
    await bank.update_subscription(slowly, {"cancel_at_period_end": True})
    await bank.cancel_subscription(at_once)
    assert (await bank.retrieve_subscription(slowly)).status == "active"
    await later(bank, clock, days=31)
    assert (await bank.retrieve_subscription(slowly)).status == "canceled"
    assert (await told(bank)).count("customer.subscription.deleted") == 2
    for call in (bank.renew(slowly), bank.cancel_subscription(slowly)):
        with pytest.raises(BankError) as refused:
            await call
        assert refused.value.code == "subscription_unexpected_state"
    await later(bank, clock, days=365)
    assert (await bank.list_invoices({"subscription": slowly})).data[0].billing_reason == "subscription_create"


async def test_a_checkout_refuses_what_cannot_be_bought(bank: Bank) -> None:
    await bank.put_price("price_once", 900, "usd")
    assert (await bank.put_price("price_once", 1, "eur")).unit_amount == 900, "it is there already"
    asked: list[tuple[dict[str, Any], str]] = [
        ({"mode": "payment"}, "line_items"),
        ({"mode": "payment", "line_items": [{"price": "price_once", "quantity": 0}]}, "quantity"),
        ({"mode": "subscription", "line_items": [{"price": "price_once"}]}, "recurring"),
        ({"mode": "gift", "line_items": [{"price": "price_once"}]}, "mode"),
    ]
    for params, why in asked:
        with pytest.raises(BankError, match=why):
            await bank.create_checkout_session(params)
    with pytest.raises(BankError, match="interval"):
        await bank.put_price("price_odd", 900, "usd", "fortnight")


async def test_nobody_pays_on_a_page_that_is_closed(bank: Bank) -> None:
    await bank.put_price("price_once", 900, "usd")
    session = await bank.create_checkout_session({"mode": "payment", "line_items": [{"price": "price_once"}]})
    with pytest.raises(BankError, match="cannot be used here"):
        await bank.complete_checkout(session.id, "pm_usBankAccount_processing")
    await bank.expire_checkout_session(session.id)
    with pytest.raises(BankError, match="status of expired"):
        await bank.complete_checkout(session.id)


# Faults and books


async def test_a_lost_answer_is_lost_even_when_it_was_no(bank: Bank, clock: Clock) -> None:
    bank.faults.next(Fault.ERROR_AFTER, "create_payment_intent")
    with pytest.raises(BankError) as lost:
        await bank.create_payment_intent({**PAID, "payment_method": "pm_card_visa_chargeDeclined"}, key="k")
    assert lost.value.status == 500
    with pytest.raises(BankError) as declined:
        await bank.create_payment_intent({**PAID, "payment_method": "pm_card_visa_chargeDeclined"}, key="k")
    assert declined.value.status == 402
    bank.faults.next(Fault.BUSY, "list_events")
    with pytest.raises(BankError) as busy:
        await bank.list_events()
    assert busy.value.status == 429


async def test_objects_of_an_account_are_not_the_platforms(bank: Bank) -> None:
    account = (await bank.create_account({})).id
    await bank.create_transfer({"amount": 500, "currency": "usd", "destination": account})
    own = (await bank.list_balance_transactions(account=account)).data
    assert [(line.type, line.net) for line in own] == [("payment", 500)]
    assert (await bank.retrieve_balance_transaction(own[0].id, account=account)).id == own[0].id
    with pytest.raises(BankError, match="No such balance_transaction"):
        await bank.retrieve_balance_transaction(own[0].id)
    at = own[0].created
    for created, many in (({"gt": at}, 0), ({"gte": at}, 1), ({"lte": at}, 1), ({"lt": at}, 0), (at, 1)):
        assert len((await bank.list_balance_transactions({"created": created}, account=account)).data) == many


async def test_what_is_not_known_is_not_found(bank: Bank) -> None:
    setup: SetupIntent = await bank.create_setup_intent({})
    for call in (bank.retrieve_customer("cus_x"), bank.retrieve_payment_intent(setup.id), bank.retrieve_event("evt_x")):
        with pytest.raises(BankError) as refused:
            await call
        assert (refused.value.status, refused.value.code) == (404, "resource_missing")
