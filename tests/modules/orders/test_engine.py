"""One function takes every step: who wins, who is told what, what a rehearsal says, and what nobody gets past it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from souk.modules import ledger
from souk.modules.orders import moved_as
from souk.modules.orders.model import Timer
from souk.modules.orders.taking import fire
from tests.modules.identity.conftest import PASSWORD
from tests.modules.orders.conftest import told
from tests.modules.orders.errands import SALES
from tests.modules.orders.street import Street, market, street

__all__ = ["market", "street"]

# Many at once


async def test_of_fifty_who_want_different_things_one_wins_and_all_others_are_told(street: Street) -> None:
    """Workers take it, its client withdraws it, the clock ends it: all at once."""
    cleo, will = await street.pair()
    wanda = await street.join("wanda", "worker")
    for _ in range(3):
        chore = await street.chore(cleo, credits=20)
        await street.later(hours=2.1)
        assert await street.state(chore) == "open"
        ((entered,),) = await street.rows("select entered from orders where id = $1", chore["id"])
        timer = Timer("chore", UUID(chore["id"]), "expire", 0, entered)
        asked = [(will, "take"), (wanda, "take"), (cleo, "withdraw")] * 15

        async def clock(timer: Timer = timer) -> None:
            await street.database.write(lambda tx: fire(tx, timer, SALES.processes, street.till))

        work = [who.client.post(f"/chores/{chore['id']}/{step}") for who, step in asked]
        answers = (await asyncio.gather(*work, *(clock() for _ in range(5))))[: len(work)]
        won = [answer for answer in answers if answer is not None and answer.is_success]
        lost = Counter((answer.status_code, told(answer)["code"]) for answer in answers if answer is not None and not answer.is_success)
        assert len(won) <= 1
        assert set(lost) <= {(409, "STEP_NOT_OPEN"), (404, "NO_SUCH_ORDER")}, lost
        ((steps,),) = await street.rows("select count(*) from order_steps where order_id = $1 and source = 'open'", chore["id"])
        assert steps == 1
        assert await street.state(chore) == (told(won[0])["state"] if won else "withdrawn")
    await street.lawful()


async def test_one_key_of_fifty_requests_is_one_step_and_one_answer(street: Street) -> None:
    cleo, will = await street.pair()
    chore = await street.taken(cleo, will)
    path, key = f"/chores/{chore['id']}/submit", {"Idempotency-Key": "once"}

    async def ask() -> httpx.Response:
        while (answer := await will.client.post(path, json={"note": "Done."}, headers=key)).status_code == 409:
            assert told(answer)["code"] == "KEY_IN_FLIGHT"
        return answer

    answers = await asyncio.gather(*(ask() for _ in range(50)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert await street.rows("select count(*) from order_steps where step = 'submit'") == [(1,)]
    other = await will.client.post(path, json={"note": "Something else."}, headers=key)
    assert (other.status_code, told(other)["code"]) == (422, "KEY_REUSED")
    for _ in range(3):
        assert (await cleo.client.post("/chores", json={"credits": 7}, headers={"Idempotency-Key": "new"})).is_success
    assert await street.rows("select count(*) from orders where content ->> 'credits' = '7'") == [(1,)]


async def test_two_visits_cannot_have_one_wish(street: Street) -> None:
    cleo, will = await street.pair()
    wish = await street.asks(cleo, "/wishes", status=201, title="A shelf")
    wanted = [{"wishId": wish["id"], "workerId": str(will.id), "slot": slot, "price": 5} for slot in range(20)]
    answers = await asyncio.gather(*(cleo.client.post("/visits", json=each) for each in wanted))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    assert {told(answer)["code"] for answer in answers if not answer.is_success} == {"STEP_NOT_OPEN"}
    assert len(await street.rows("select * from slots")) == 1, "what lost has written nothing"


# What fails leaves nothing


async def test_what_a_function_refuses_or_breaks_leaves_nothing(street: Street) -> None:
    cleo, will = await street.pair()
    await street.visit(cleo, will, slot=1)
    refused = await street.visit(cleo, will, slot=1, status=409)
    assert (refused["code"], refused["details"]["slot"]) == ("SLOT_TAKEN", 1)
    assert await street.rows("select state, count(*) from orders where process = 'wish' group by 1 order by 1") == [
        ("booked", 1),
        ("open", 1),
    ]
    for wish_id, status in ((str(uuid4()), 404), ("nonsense", 422)):
        wanted = {"wishId": wish_id, "workerId": str(will.id), "slot": 9, "price": 5}
        assert (await cleo.client.post("/visits", json=wanted)).status_code == status
    assert len(await street.rows("select * from slots")) == 1


async def test_a_function_that_fails_after_money_moved_has_moved_none(street: Street) -> None:
    cleo, will = await street.pair()
    visit = await street.finished(cleo, will, slot=13)
    answer = await cleo.client.post(f"/visits/{visit['id']}/approve")
    assert answer.status_code == 500
    assert (await street.has(cleo.id), await street.has(will.id)) == ((0, 10_000), (0, 0))
    assert (await street.state(visit), len(await street.rows("select * from slots"))) == ("finished", 1)
    await street.do("""update orders set content = content || '{"minutes": 5}' where id = $1""", visit["id"])
    assert (await street.asks(cleo, f"/visits/{visit['id']}/approve"))["state"] == "done"
    assert await street.has(will.id) == (9_000, 0)
    await street.lawful()


async def test_the_platform_earns_credits_and_pays_in_money(street: Street) -> None:
    cleo, will = await street.pair()
    chore = await street.taken(cleo, will, credits=60, bonus=500)
    await street.earns(500)
    await street.asks(will, f"/chores/{chore['id']}/submit", note="Done.")
    done = await street.asks(cleo, f"/chores/{chore['id']}/approve")
    assert done["money"] == [
        {"verb": "release", "amount": 60, "asset": "CRD", "fee": 60, "net": 0, "to": {}},
        {"verb": "pay", "amount": 500, "asset": "USD", "fee": 0, "net": 500, "to": {"worker": 500}},
    ]
    assert (await street.credits(cleo.id), await street.has(will.id)) == ((40, 0), (500, 0))
    assert await street.total(ledger.SPENT.of(ledger.CRD)) == 60
    assert await street.total(ledger.FEES.of(ledger.USD)) == 0
    await street.lawful()


# Nothing, and too much


async def test_what_costs_nothing_goes_the_same_way(street: Street) -> None:
    cleo, will = await street.pair()
    chore = await street.taken(cleo, will, credits=0)
    await street.asks(will, f"/chores/{chore['id']}/submit", note="")
    assert (await street.asks(cleo, f"/chores/{chore['id']}/approve"))["state"] == "done"
    back = await street.chore(cleo, credits=0)
    assert (await street.asks(cleo, f"/chores/{back['id']}/withdraw"))["state"] == "withdrawn"
    assert await street.credits(cleo.id) == (100, 0)
    await street.lawful()


async def test_credits_come_back_to_the_lots_that_they_were_of(street: Street) -> None:
    cleo, _will = await street.pair()
    chore = await street.chore(cleo, credits=60)
    assert await street.credits(cleo.id) == (40, 60)
    gone = await street.asks(cleo, f"/chores/{chore['id']}/withdraw")
    assert [(each["verb"], each["amount"], each["to"]) for each in gone["money"]] == [("refund", 60, {"client": 60})]
    lots = await street.rows("select remaining, held from lots order by expires_at")
    assert lots == [(33, 0), (67, 0)]
    short = await street.asks(cleo, "/chores", status=422, credits=101)
    assert (short["code"], short["details"]["missing"]) == ("INSUFFICIENT_FUNDS", 1)
    await street.lawful()


@pytest.mark.parametrize("price", [-1, 2**63, 10**30, 1.5, "ten", None])
async def test_amounts_that_are_none_are_refused_with_the_field(street: Street, price: Any) -> None:
    cleo, will = await street.pair()
    wish = await street.asks(cleo, "/wishes", status=201, title="A shelf")
    wanted = {"wishId": wish["id"], "workerId": str(will.id), "slot": 1, "price": price}
    answer = await cleo.client.post("/visits", json=wanted)
    if answer.is_success:
        answer = await cleo.client.post(f"/visits/{told(answer)['id']}/payment", json={"method": "pm_card_visa"})
    assert answer.status_code == 422, answer.text


# Agreement


async def test_what_was_agreed_to_is_used_up(street: Street) -> None:
    """Nobody repeats it on the strength of an old word of the other's."""
    cleo, will = await street.pair()
    chore = await street.taken(cleo, will)
    path = f"/chores/{chore['id']}/extend"
    asked = await street.asks(cleo, path, days=2)
    assert (asked["agreed"], asked["days"], asked["money"]) == (False, 0, [])
    done = await street.asks(will, path, days=2)
    assert (done["agreed"], done["days"]) == (True, 2)
    again = await street.asks(will, path, days=2)
    assert (again["agreed"], again["days"]) == (False, 2)
    assert (await street.asks(cleo, path, days=3))["agreed"] is False
    assert (await street.asks(will, path, days=3))["days"] == 5
    assert await street.rows("select * from order_consents") == []


async def test_what_a_guard_refuses_is_not_even_asked_for(street: Street) -> None:
    cleo, will = await street.pair()
    chore = await street.taken(cleo, will)
    refused = await street.asks(cleo, f"/chores/{chore['id']}/extend", status=409, days=13)
    assert (refused["code"], refused["message"]) == ("IS_NO_BAD_LUCK", "Nothing can be extended by thirteen days.")
    assert await street.rows("select * from order_consents") == []


async def test_what_was_agreed_in_another_stay_does_not_count(street: Street) -> None:
    cleo, will = await street.pair()
    chore = await street.taken(cleo, will)
    await street.asks(cleo, f"/chores/{chore['id']}/extend", days=2)
    await street.asks(will, f"/chores/{chore['id']}/submit", note="Done.")
    await street.asks(cleo, f"/chores/{chore['id']}/revise")
    assert (await street.asks(will, f"/chores/{chore['id']}/extend", days=2))["agreed"] is False


# Who sees what


async def test_an_open_chore_is_seen_by_workers_and_a_taken_one_by_its_parties(street: Street) -> None:
    cleo, will = await street.pair()
    eve, carl = await street.join("eve", "worker"), await street.client_with("carl")
    chore = await street.chore(cleo)
    path = f"/chores/{chore['id']}"
    assert await street.steps_open(eve, path) == {"take": None}
    assert [each["id"] for each in await street.sees(eve, "/chores")] == [chore["id"]]
    await street.sees(eve, f"{path}/history", status=404)
    await street.sees(carl, path, status=404)
    assert await street.sees(carl, "/chores") == []
    await street.asks(will, f"{path}/take")
    await street.sees(eve, path, status=404)
    assert await street.sees(eve, "/chores") == []
    late = await street.asks(eve, f"{path}/take", status=409)
    assert (late["code"], late["details"]["open"]) == ("STEP_NOT_OPEN", [])
    assert [entry["step"] for entry in await street.sees(will, f"{path}/history")] == ["post", "take"]


async def test_who_handed_a_chore_back_sees_it_no_more_than_others_do(street: Street) -> None:
    cleo, will = await street.pair()
    wanda = await street.join("wanda", "worker")
    chore = await street.taken(cleo, will)
    await street.asks(will, f"/chores/{chore['id']}/hand-back")
    await street.asks(wanda, f"/chores/{chore['id']}/take")
    assert await street.sees(will, "/chores") == []
    await street.sees(will, f"/chores/{chore['id']}", status=404)
    assert [each["id"] for each in await street.sees(wanda, "/chores")] == [chore["id"]]


async def test_nobody_takes_along_what_is_not_theirs(street: Street) -> None:
    cleo, will = await street.pair()
    carl = await street.client_with("carl")
    wish = await street.asks(cleo, "/wishes", status=201, title="A shelf")
    stolen = {"wishId": wish["id"], "workerId": str(will.id), "slot": 1, "price": 5}
    assert (await street.asks(carl, "/visits", status=404, **stolen))["code"] == "NO_SUCH_ORDER"
    assert await street.state(wish) == "open"


async def test_a_party_without_the_role_of_it_may_do_nothing(street: Street) -> None:
    """An order may name anybody: a client as its worker, say."""
    cleo, _will = await street.pair()
    carl = await street.client_with("carl")
    visit = await street.visit(cleo, carl)
    await street.do("update orders set state = 'finished' where id = $1", visit["id"])
    refused = await street.asks(carl, f"/visits/{visit['id']}/dispute", status=403, reason="It leans.")
    assert refused["code"] == "STEP_NOT_YOURS"
    await street.asks(carl, f"/visits/{visit['id']}/finish", status=403)


# Shared paths


async def test_of_steps_that_share_a_path_each_gets_what_it_takes(street: Street) -> None:
    cleo, _will = await street.pair()
    sam = await street.head()
    wish, other = [await street.asks(cleo, "/wishes", status=201, title="A shelf") for _ in range(2)]
    without = await street.asks(cleo, f"/wishes/{wish['id']}/cancel", status=422)
    assert [(each["field"], "Reason" in each["problem"]) for each in without["details"]["fields"]] == [("body", True)]
    await street.asks(sam, f"/wishes/{wish['id']}/cancel", status=422, reason="Spam.")
    assert (await street.asks(cleo, f"/wishes/{wish['id']}/cancel", reason="No wall."))["state"] == "closed"
    assert (await street.asks(sam, f"/wishes/{other['id']}/cancel"))["state"] == "closed"
    await street.asks(cleo, f"/wishes/{other['id']}/cancel", status=422, reason="")


async def test_a_guard_that_asks_the_database_says_why_not(street: Street) -> None:
    cleo, will = await street.pair()
    chore = await street.chore(cleo)
    await street.do("insert into slots values ($1, 1, $2)", cleo.id, uuid4())
    assert await street.steps_open(will, f"/chores/{chore['id']}") == {"take": "The client is at work, and cannot let you in."}
    refused = await street.asks(will, f"/chores/{chore['id']}/take", status=409)
    assert refused["code"] == "CLIENT_IS_FREE"
    assert await street.waiting("orders.fire") > 0


async def test_every_step_is_announced_and_by_the_market_s_own_name_beside(street: Street) -> None:
    cleo, _will = await street.pair()
    sam = await street.head()
    first, second = [await street.asks(cleo, "/wishes", status=201, title="A shelf") for _ in range(2)]
    await street.asks(cleo, f"/wishes/{first['id']}/cancel", reason="No wall.")
    await street.asks(sam, f"/wishes/{second['id']}/cancel")
    topics = Counter(await street.announced())
    assert {name: topics[name] for name in topics if name.startswith("wish")} == {
        "wish.post": 2,
        "wish.wanted": 2,
        "wish.withdraw": 1,
        "wish.take_down": 1,
        "wish.closed": 2,
    }
    assert moved_as("wish.closed") is moved_as("wish.closed")


# Rehearsals


async def test_a_rehearsal_says_what_would_be_and_moves_nothing(street: Street) -> None:
    cleo, will = await street.pair()
    visit, sam = await street.finished(cleo, will), await street.head()
    chore = await street.taken(cleo, will, credits=40)
    before = await street.rows("select (select count(*) from order_steps), (select count(*) from journals), (select count(*) from events)")

    async def rehearsed(who: Any, path: str, **params: Any) -> Any:
        answer = await who.client.post(f"{path}?dry_run=true", json=params or None)
        assert answer.is_success, answer.text
        return told(answer)

    new = await rehearsed(cleo, "/chores", credits=30)
    assert new["money"] == [{"verb": "hold", "amount": 30, "asset": "CRD", "fee": 0, "net": 30, "to": {}}]
    approved = await rehearsed(cleo, f"/visits/{visit['id']}/approve")
    assert approved["state"] == "done"
    assert approved["money"] == [{"verb": "release", "amount": 10_000, "asset": "USD", "fee": 1_000, "net": 9_000, "to": {"worker": 9_000}}]
    assert (await rehearsed(will, f"/chores/{chore['id']}/hand-back"))["workerId"] is None
    assert (await rehearsed(will, f"/chores/{chore['id']}/extend", days=3))["agreed"] is False
    assert (await rehearsed(cleo, f"/visits/{visit['id']}/dispute", reason="It leans."))["state"] == "disputed"
    await street.work()
    counted = "select (select count(*) from order_steps), (select count(*) from journals), (select count(*) from events)"
    assert await street.rows(counted) == before
    assert await street.rows("select * from order_consents") == []
    await street.asks(cleo, f"/visits/{visit['id']}/dispute", reason="It leans.")
    half = await rehearsed(sam, f"/visits/{visit['id']}/resolve", workerAmount=5_000, platformAmount=0)
    assert half["money"] == [
        {"verb": "split", "amount": 10_000, "asset": "USD", "fee": 500, "net": 9_500, "to": {"client": 5_000, "worker": 4_500}}
    ]
    await street.lawful()


# People who go


async def test_a_worker_who_is_suspended_or_leaves_strands_nobody(street: Street) -> None:
    cleo, will = await street.pair()
    wanda, sam = await street.join("wanda", "worker"), await street.head()
    suspended, left = await street.active(cleo, will, slot=1), await street.active(cleo, wanda, slot=2)
    answer = await sam.client.post(f"/admin/users/{will.id}/suspend", json={"reason": "Rude."})
    assert answer.is_success, answer.text
    assert (await will.client.post(f"/visits/{suspended['id']}/finish")).status_code in {401, 403}
    answer = await wanda.client.request("DELETE", "/users/me", json={"password": PASSWORD})
    assert answer.is_success, answer.text
    assert (await wanda.client.post(f"/visits/{left['id']}/finish")).status_code == 401
    assert (await street.sees(cleo, f"/visits/{left['id']}"))["workerId"] == str(wanda.id)
    await street.later(days=3.1)
    await street.work()
    assert (await street.state(suspended), await street.state(left)) == ("lapsed", "lapsed")
    assert await street.has(cleo.id) == (0, 0)
    assert (await street.payment_of(left)).refunded == 10_000
    assert await street.failures() == []
    await street.lawful()


async def test_a_client_who_leaves_pays_for_what_was_done(street: Street) -> None:
    cleo, will = await street.pair()
    visit = await street.finished(cleo, will)
    assert (await cleo.client.request("DELETE", "/users/me", json={"password": PASSWORD})).is_success
    await street.later(days=2.1)
    assert (await street.state(visit), await street.has(will.id)) == ("done", (9_000, 0))
    await street.lawful()


async def test_people_take_along_their_orders_and_what_they_did(street: Street) -> None:
    cleo, will = await street.pair()
    chore = await street.taken(cleo, will)
    await street.asks(will, f"/chores/{chore['id']}/note", note="Seen.")
    ((mine,), (hers,)) = [(await street.sees(who, "/users/me/export"))["orders"] for who in (will, cleo)]
    assert (mine["id"], mine["process"], mine["credits"]) == (chore["id"], "chore", 60)
    assert [(step["step"], step["params"]) for step in mine["steps"]] == [("take", None), ("note", {"note": "Seen."})]
    assert [step["step"] for step in hers["steps"]] == ["post"]
