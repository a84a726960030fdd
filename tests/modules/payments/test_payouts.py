"""Payouts: money leaves the wallet, waits for whom it must wait for, and arrives, or comes back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from souk.kernel.assembly import Market
from souk.modules import ledger, payments
from souk.modules.payments.sandbox.faults import Fault
from souk.modules.payments.sending import carry_out_payout
from tests.modules.identity.conftest import PASSWORD
from tests.modules.payments.conftest import ASSETS, MARKET, MODULES, PEOPLE, ROLES, Shop
from tests.modules.payments.payees import asks, earner, recipient_of, sends, state

IN_TRANSIT = payments.PAYOUTS.of(ledger.USD)


@pytest.fixture
def market() -> Market:
    rules = payments.Rules(minimum_payout=1_000, approve_above=50_000, two_person_above=100_000)
    return Market("sample", "/test", MARKET.title, ROLES, MODULES, rules=(PEOPLE, ASSETS, rules))


async def test_a_payout_leaves_the_wallet_at_once_and_arrives_days_later(shop: Shop) -> None:
    worker = await earner(shop)
    payout = await asks(worker, 5_000)
    assert (payout["status"], payout["amount"], payout["netted"]) == ("approved", 5_000, 0)
    assert await shop.has(worker.id) == (15_000, 0)
    assert await shop.total(IN_TRANSIT) == 5_000
    await sends(shop)
    assert await state(shop, payout) == "sent"
    await shop.passes(days=2)
    assert await state(shop, payout) == "paid"
    assert await shop.total(IN_TRANSIT) == 0
    assert await shop.cleared() == 15_000
    assert await shop.announced("payout.requested", "payout.paid") == ["payout.requested", "payout.paid"]
    listed = (await worker.asks("GET", "/wallet/payouts")).json()["data"]
    assert [each["status"] for each in listed] == ["paid"]
    await shop.lawful()


async def test_what_is_asked_twice_with_one_key_is_one_payout(shop: Shop) -> None:
    worker = await earner(shop)
    first = await asks(worker, 5_000, key="one")
    assert await asks(worker, 5_000, key="one") == first
    assert (await asks(worker, 6_000, key="one", status=422))["code"] == "KEY_REUSED"
    await shop.do("delete from sample.idempotency")
    assert (await asks(worker, 5_000, key="one"))["id"] == first["id"], "for ever, not only while answers are kept"
    await shop.do("delete from sample.idempotency")
    assert (await asks(worker, 6_000, key="one", status=409))["code"] == "IDEMPOTENCY_CONFLICT"
    assert await shop.has(worker.id) == (15_000, 0)


@pytest.mark.parametrize(
    ("amount", "code"),
    [(999, "PAYOUT_TOO_SMALL"), (20_001, "INSUFFICIENT_FUNDS")],
)
async def test_what_is_too_little_or_too_much_is_refused(shop: Shop, amount: int, code: str) -> None:
    worker = await earner(shop)
    assert (await asks(worker, amount, status=422))["code"] == code
    assert await shop.has(worker.id) == (20_000, 0)


async def test_nothing_is_paid_out_before_there_is_an_account_that_is_ready(shop: Shop) -> None:
    worker = await shop.join("will", "worker")
    await shop.pays(worker.id, 20_000, kind="deposit")
    assert (await asks(worker, 5_000, status=409))["code"] == "PAYOUT_ACCOUNT_MISSING"
    assert (await worker.asks("GET", "/wallet/payout-account")).status_code == 409
    answer = await worker.asks("PUT", "/wallet/payout-account", country="FR")
    assert answer.json()["data"]["onboardingUrl"].startswith("http")
    refused = await asks(worker, 5_000, status=409)
    assert refused["code"] == "PAYOUT_ACCOUNT_UNREADY"
    assert "external_account" in refused["message"]
    await shop.bank.fill_in(await recipient_of(shop, worker.id))
    seen = (await worker.asks("GET", "/wallet/payout-account")).json()["data"]
    assert (seen["ready"], seen["missing"]) == (True, []), "whoever comes back from the page need not wait for a webhook"
    assert (await asks(worker, 5_000))["heldUntil"] is not None, "a first account is a change as well"


async def test_the_page_of_the_provider_leads_back_to_no_stranger(shop: Shop) -> None:
    worker = await shop.join("will", "worker")
    answer = await worker.asks("PUT", "/wallet/payout-account", country="FR", back="https://thief.example/")
    assert answer.status_code == 422
    assert "not an address of this market" in answer.text


async def test_a_changed_account_has_payouts_wait_for_a_day(shop: Shop) -> None:
    worker = await earner(shop)
    payout = await asks(worker, 5_000)
    await shop.bank.fill_in(await recipient_of(shop, worker.id), "000999999999")
    await shop.tells()
    seen = (await worker.asks("GET", "/wallet/payout-account")).json()["data"]
    assert seen["heldUntil"] is not None
    later = await asks(worker, 6_000)
    assert later["heldUntil"] is not None
    await sends(shop)
    assert [await state(shop, each) for each in (payout, later)] == ["approved", "approved"]
    await shop.passes(hours=25)
    assert [await state(shop, each) for each in (payout, later)] == ["sent", "sent"]


async def test_an_account_that_was_changed_unheard_is_noticed_before_the_call(shop: Shop) -> None:
    worker = await earner(shop)
    payout = await asks(worker, 5_000)
    await shop.bank.fill_in(await recipient_of(shop, worker.id), "000999999999")
    await sends(shop)
    assert await state(shop, payout) == "approved"
    assert await shop.announced("payout_account.changed") == ["payout_account.changed"] * 2
    await shop.passes(hours=26)
    assert await state(shop, payout) == "sent"


async def test_another_country_is_another_account(shop: Shop) -> None:
    worker = await earner(shop)
    before = await recipient_of(shop, worker.id)
    answer = (await worker.asks("PUT", "/wallet/payout-account", country="DE")).json()["data"]
    assert (answer["country"], answer["ready"]) == ("DE", False)
    assert await recipient_of(shop, worker.id) != before
    assert (await worker.asks("PUT", "/wallet/payout-account", country="DE")).json()["data"]["changedAt"] == answer["changedAt"]


async def test_above_the_limit_two_people_approve_and_never_the_receiver(shop: Shop) -> None:
    worker = await earner(shop, amount=200_000)
    sam, eve = await shop.staff("sam"), await shop.staff("eve")
    payout = await asks(worker, 150_000)
    path = f"/admin/payouts/{payout['id']}/approve"
    assert payout["status"] == "requested"
    await shop.do("update people set roles = '{admin}' where id = $1", worker.id)
    receiver = await shop.sign_in("will")
    assert (await receiver.asks("POST", path)).json()["error"]["code"] == "OWN_PAYOUT"
    assert (await sam.asks("POST", path)).json()["data"]["status"] == "requested"
    assert (await sam.asks("POST", path)).json()["error"]["code"] == "APPROVED_ALREADY"
    await sends(shop)
    assert await state(shop, payout) == "requested"
    approved = (await eve.asks("POST", path)).json()["data"]
    assert (approved["status"], approved["approvedBy"]) == ("approved", [str(sam.id), str(eve.id)])
    await sends(shop)
    assert await state(shop, payout) == "sent"
    rows = await shop.rows("select person_id from audit_entries where action = 'payout.approved' order by at, id")
    assert rows == [(sam.id,), (eve.id,)]


async def test_many_small_payouts_count_as_one(shop: Shop) -> None:
    worker = await earner(shop, amount=200_000)
    asked = [await asks(worker, 45_000) for _ in range(3)]
    assert [each["status"] for each in asked] == ["approved", "requested", "requested"]
    rows = await shop.rows("select approvals_needed from payouts order by requested_at")
    assert [needed for (needed,) in rows] == [0, 1, 2]


async def test_what_staff_decline_is_in_the_wallet_again(shop: Shop) -> None:
    worker, sam = await earner(shop, amount=80_000), await shop.staff()
    payout = await asks(worker, 60_000)
    path = f"/admin/payouts/{payout['id']}"
    answer = await sam.asks("POST", f"{path}/reject", reason="Not the worker's own account.")
    assert answer.json()["data"]["status"] == "declined"
    assert await shop.has(worker.id) == (80_000, 0)
    assert (await sam.asks("POST", f"{path}/approve")).json()["error"]["code"] == "PAYOUT_OVER"
    assert (await sam.asks("POST", f"{path}/reject", reason="again")).json()["error"]["code"] == "PAYOUT_OVER"
    assert await shop.announced("payout.failed") == ["payout.failed"]
    await shop.lawful()


async def test_somebody_takes_a_payout_back_while_it_has_not_left(shop: Shop) -> None:
    worker, other = await earner(shop, amount=80_000), await earner(shop, "wilma")
    waiting, approved = await asks(worker, 60_000), await asks(worker, 5_000)
    for payout, status in ((waiting, "requested"), (approved, "requested")):
        path = f"/wallet/payouts/{payout['id']}"
        assert (await worker.asks("GET", path)).json()["data"]["status"] == status
        for method, stranger in (("GET", path), ("POST", f"{path}/cancel")):
            assert (await other.asks(method, stranger)).json()["error"]["code"] == "PAYOUT_NOT_FOUND"
        answer = (await worker.asks("POST", f"{path}/cancel")).json()["data"]
        assert (answer["status"], answer["failure"]) == ("canceled", "You took it back.")
        assert (await worker.asks("POST", f"{path}/cancel")).json()["error"]["code"] == "PAYOUT_OVER"
    assert await shop.has(worker.id) == (80_000, 0)
    await sends(shop)
    assert (await shop.rows("select distinct state::text from payouts")) == [("canceled",)]
    assert await shop.announced("payout.canceled", "payout.failed") == ["payout.canceled"] * 2
    assert (await asks(worker, 5_000))["status"] == "approved", "what was taken back does not count as asked for"
    await shop.lawful()


async def test_what_is_with_the_provider_cannot_be_taken_back(shop: Shop) -> None:
    worker, sam = await earner(shop), await shop.staff()
    payout = await asks(worker, 5_000)
    path = f"/wallet/payouts/{payout['id']}/cancel"
    shop.bank.faults.next(Fault.TIMEOUT_AFTER, "create_transfer")
    await sends(shop)
    assert (await worker.asks("POST", path)).json()["error"]["code"] == "PAYOUT_IN_DOUBT"
    await carry_out_payout(shop.database, shop.till, UUID(payout["id"]))
    assert (await worker.asks("POST", path)).json()["error"]["code"] == "PAYOUT_OVER"
    seen = (await sam.asks("GET", f"/admin/payouts/{payout['id']}")).json()["data"]
    assert (seen["status"], seen["personId"], seen["approvedBy"]) == ("sent", str(worker.id), [])
    assert (await sam.asks("GET", f"/admin/payouts/{worker.id}")).status_code == 404
    assert (await worker.asks("GET", f"/admin/payouts/{payout['id']}")).status_code == 403


async def test_two_approvals_at_once_are_two_people_s(shop: Shop) -> None:
    worker = await earner(shop, amount=200_000)
    sam, eve = await shop.staff("sam"), await shop.staff("eve")
    payout = await asks(worker, 150_000)
    path = f"/admin/payouts/{payout['id']}/approve"
    same = await asyncio.gather(*(sam.asks("POST", path) for _ in range(8)))
    assert sorted(answer.status_code for answer in same) == [200] + [409] * 7
    assert await state(shop, payout) == "requested"
    await asyncio.gather(eve.asks("POST", path), eve.asks("POST", path))
    assert await state(shop, payout) == "approved"
    await shop.lawful()


async def test_what_was_taken_back_is_approved_by_nobody(shop: Shop) -> None:
    worker, sam = await earner(shop, amount=80_000), await shop.staff()
    payout = await asks(worker, 60_000)
    await worker.asks("POST", f"/wallet/payouts/{payout['id']}/cancel")
    for what in ("approve", "reject"):
        answer = await sam.asks("POST", f"/admin/payouts/{payout['id']}/{what}", **({"reason": "no"} if what == "reject" else {}))
        assert answer.json()["error"]["code"] == "PAYOUT_OVER"
    assert await shop.has(worker.id) == (80_000, 0)


async def test_on_a_day_of_payouts_all_that_is_due_leaves_in_one_batch(shop: Shop) -> None:
    workers = [await earner(shop, name) for name in ("wanda", "wilma", "will")]
    for worker in workers:
        await asks(worker, 5_000)
    await shop.passes(hours=1, minutes=5)
    assert await shop.rows("select state::text, count(*), count(distinct batch) from payouts group by state") == [("sent", 3, 1)]


async def test_where_somebody_was_paid_is_forgotten_when_they_leave_and_nothing_is_on_its_way(shop: Shop) -> None:
    await shop.staff()
    worker, other = await earner(shop), await earner(shop, "wilma")
    payout = await asks(worker, 5_000)
    for each in (worker, other):
        assert (await each.asks("DELETE", "/users/me", password=PASSWORD)).status_code == 200
    await shop.work()
    assert await shop.rows("select person_id from recipients") == [(worker.id,)]
    await sends(shop)
    for _ in range(3):
        await shop.passes(days=1, hours=1)
    assert (await state(shop, payout), await shop.rows("select * from recipients")) == ("paid", [])
    await shop.lawful()


async def test_staff_see_all_payouts_and_send_what_is_due_at_once(shop: Shop) -> None:
    worker, other, sam = await earner(shop), await earner(shop, "wilma"), await shop.staff()
    await asks(worker, 5_000)
    await asks(other, 6_000)
    batch = (await sam.asks("POST", "/admin/payouts/batches")).json()["data"]
    assert batch["payouts"] == 2
    await shop.work()
    listed = (await sam.asks("GET", "/admin/payouts?status=sent")).json()["data"]
    assert {(each["amount"], each["batch"]) for each in listed} == {(5_000, batch["id"]), (6_000, batch["id"])}
    found = (await sam.asks("GET", f"/admin/payouts?personId={other.id}")).json()["data"]
    assert [each["amount"] for each in found] == [6_000]
    assert (await sam.asks("POST", "/admin/payouts/batches")).json()["data"] == {"id": None, "payouts": 0}


class TestDays:
    """Payouts leave on the market's days, and after its hold."""

    @pytest.fixture
    def market(self) -> Market:
        rules = payments.Rules(payout_days=frozenset({4}), payout_hold=timedelta(days=3), countries=frozenset({"FR"}))
        return Market("sample", "/test", MARKET.title, ROLES, MODULES, rules=(PEOPLE, ASSETS, rules))

    async def test_a_payout_leaves_on_the_first_day_of_payouts_after_its_hold(self, shop: Shop) -> None:
        worker = await earner(shop)
        payout = await asks(worker, 5_000)
        asked_at = shop.clock.now()
        while await state(shop, payout) == "approved":
            await shop.passes(hours=12)
        ((sent_at,),) = await shop.rows("select sent_at from payouts")
        assert sent_at.weekday() == 4
        assert timedelta(days=3) <= sent_at - asked_at <= timedelta(days=10, hours=12)

    async def test_payouts_go_only_where_the_market_sends_them(self, shop: Shop) -> None:
        worker = await shop.join("will", "worker")
        answer = await worker.asks("PUT", "/wallet/payout-account", country="DE")
        assert answer.json()["error"]["code"] == "COUNTRY_NOT_SERVED"
