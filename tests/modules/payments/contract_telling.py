"""What a provider promises about its pages, its events and its books."""

from __future__ import annotations

from datetime import timedelta

import pytest

from souk.modules.payments.provider import (
    BadSignature,
    Misused,
)
from tests.modules.payments.bench import Bench


class PageContract:
    """Pages of the provider's: checkout and portal."""

    async def checkout(self, bench: Bench, customer: str, mode: str = "subscription") -> str:
        await bench.bank.put_price("price_pro", 1500, "usd", "month")
        await bench.bank.put_price("price_once", 900, "usd")
        price = "price_pro" if mode == "subscription" else "price_once"
        pages = {"success": "https://example.com/done", "cancel": "https://example.com/back"}
        made = await bench.provider.checkout(
            bench.key(), customer=customer, price=price, quantity=2, mode=mode, **pages, metadata={"plan": "pro"}
        )
        assert (made.state, made.customer, made.subscription) == ("open", customer, None)
        assert made.url.startswith("http")
        return made.id

    async def test_somebody_subscribes_and_pays_every_month(self, bench: Bench) -> None:
        customer = await bench.customer()
        checkout = await self.checkout(bench, customer)
        await bench.bank.complete_checkout(checkout)
        done = await bench.provider.checkout_of(checkout)
        assert (done.state, done.customer) == ("complete", customer)
        told = {event.kind: event for event in await bench.events()}
        assert told["checkout.session.completed"].object_id == checkout
        assert told["customer.subscription.created"].object_id == done.subscription
        assert told["invoice.payment_succeeded"].about["subscription"] == done.subscription
        await bench.later(days=31)
        assert "invoice.payment_succeeded" in [event.kind for event in await bench.events()]
        assert await bench.kinds() == [("payment", 3000, 0), ("payment", 3000, 0)]

    async def test_somebody_buys_once(self, bench: Bench) -> None:
        checkout = await self.checkout(bench, await bench.customer(), "payment")
        await bench.bank.complete_checkout(checkout)
        assert (await bench.provider.checkout_of(checkout)).subscription is None
        assert await bench.kinds() == [("payment", 1800, 0)]

    async def test_a_checkout_is_not_open_for_ever(self, bench: Bench) -> None:
        checkout = await self.checkout(bench, await bench.customer())
        await bench.later(days=2)
        assert (await bench.provider.checkout_of(checkout)).state == "expired"

    async def test_a_price_must_be_known(self, bench: Bench) -> None:
        customer = await bench.customer()
        pages = {"success": "https://example.com/done", "cancel": "https://example.com/back"}
        with pytest.raises(Misused) as refused:
            await bench.provider.checkout(
                bench.key(), customer=customer, price="price_none", quantity=1, mode="payment", **pages, metadata={}
            )
        assert refused.value.code == "resource_missing"

    async def test_a_customer_has_a_portal(self, bench: Bench) -> None:
        assert (await bench.provider.portal(await bench.customer(), back="https://example.com")).startswith("http")


class EventContract:
    """Webhooks and books."""

    async def test_a_payment_is_told(self, bench: Bench) -> None:
        paid = await bench.paid()
        told = {event.kind: event for event in await bench.events()}
        event = told["payment_intent.succeeded"]
        assert (event.object_kind, event.object_id, event.id[:4]) == ("payment_intent", paid.id, "evt_")
        assert abs(event.at - bench.clock.now()) < timedelta(minutes=1)
        assert told["charge.succeeded"].about["payment_intent"] == paid.id

    async def test_only_what_the_provider_signed_is_believed(self, bench: Bench) -> None:
        await bench.paid()
        await bench.events()
        raw, headers = bench.sent[0]
        read, now = bench.provider.read_webhook, bench.clock.now()
        stamp, _, signature = headers[b"stripe-signature"].partition(b",")
        again = read(raw, {b"stripe-signature": stamp + b",v1=00,v0=11," + signature}, now + timedelta(seconds=290))
        assert again == read(raw, headers, now)
        forged: list[tuple[bytes, dict[bytes, bytes]]] = [
            (raw + b" ", headers),
            (raw.replace(b"evt_", b"evt-", 1), headers),
            (raw, {}),
            (raw, {b"stripe-signature": b""}),
            (raw, {b"stripe-signature": stamp}),
            (raw, {b"stripe-signature": signature}),
            (raw, {b"stripe-signature": stamp + b",v1=" + b"0" * 64}),
            (raw, {b"stripe-signature": stamp + b"0," + signature}),
            (raw, {b"stripe-signature": stamp + b"," + signature.replace(b"v1", b"v0")}),
            (raw, {b"stripe-signature": "t=١٢,v1=é".encode()}),
            (b"\xff" + raw, headers),
        ]
        for body, given in forged:
            with pytest.raises(BadSignature):
                read(body, given, now)
        for moved in (timedelta(seconds=302), timedelta(seconds=-302)):
            with pytest.raises(BadSignature):
                read(raw, headers, now + moved)

    async def test_the_books_of_a_time(self, bench: Bench) -> None:
        """More than a page of them; none missing, none twice, none of another time."""
        for _ in range(103):
            await bench.bank.create_payment_intent({"amount": 1, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True})
        await bench.later(days=1)
        tomorrow = bench.clock.now()
        await bench.paid(50)
        assert sum(line.amount.amount for line in await bench.bookings()) == 153
        yesterday = [line async for line in bench.provider.bookings(bench.began, tomorrow.replace(microsecond=0))]
        assert (len(yesterday), len({line.id for line in yesterday})) == (103, 103)
        assert [line.amount.amount async for line in bench.provider.bookings(tomorrow, tomorrow + timedelta(days=1))] == [50]
