"""The story of a lesson, from a question to money in a tutor's wallet, and the other ways it can go."""

from __future__ import annotations

import asyncio
from uuid import UUID

from tests.modules.identity.conftest import Visitor
from tests.modules.orders.conftest import School, told


async def test_a_lesson_is_booked_paid_given_and_its_tutor_paid(school: School) -> None:
    ada, tim = await school.pupil(), await school.join("tim", "tutor")
    lesson = await school.books(ada, tim)
    assert (lesson["state"], lesson["revision"], lesson["studentId"]) == ("asked", 1, str(ada.id))
    assert [step["step"] for step in (await school.reads(tim, lesson))["steps"]] == ["accept", "decline"]
    await school.steps(tim, lesson, "accept")
    await school.steps(ada, lesson, "pay")
    assert await school.has(ada.id) == (10_000, 10_000)
    await school.steps(tim, lesson, "teach")
    done = await school.steps(ada, lesson, "confirm")
    assert (done["state"], done["revision"]) == ("done", 5)
    assert await school.has(ada.id) == (10_000, 0)
    assert await school.has(tim.id) == (8_500, 0)
    history = (await ada.client.get(f"/lessons/{lesson['id']}/history")).json()["data"]
    assert [(each["step"], each["actor"], each["source"], each["target"]) for each in history] == [
        ("book", "student", "start", "asked"),
        ("accept", "tutor", "asked", "accepted"),
        ("pay", "student", "accepted", "paid"),
        ("teach", "tutor", "paid", "taught"),
        ("confirm", "student", "taught", "done"),
    ]
    assert [(each["verb"], each["amount"]) for entry in history for each in entry["money"]] == [("hold", 10_000), ("release", 10_000)]
    assert await school.announced("lesson.book", "lesson.confirm") == ["lesson.book", "lesson.confirm"]
    await school.lawful()


async def test_the_clock_confirms_what_nobody_disputes(school: School) -> None:
    ada, tim = await school.pupil(), await school.join("tim", "tutor")
    lesson = await school.paid(ada, tim)
    await school.steps(tim, lesson, "teach")
    await school.later(days=1.9)
    assert await school.state(lesson) == "taught"
    await school.later(days=0.2)
    assert await school.state(lesson) == "done"
    assert await school.has(tim.id) == (8_500, 0)


async def test_a_lesson_is_paid_by_card(school: School) -> None:
    ada, tim = await school.pupil(money=0), await school.join("tim", "tutor")
    lesson = await school.books(ada, tim)
    await school.steps(tim, lesson, "accept")
    early = await school.steps(tim, lesson, "payment", status=403)
    assert early["code"] == "NOT_ALLOWED"
    begun = await school.steps(ada, lesson, "payment", status=201, method="pm_card_visa")
    assert (begun["amount"], begun["fee"], begun["netAmount"]) == (10_000, 1_500, 8_500)
    await school.work()
    assert await school.state(lesson) == "paid"
    late = await school.steps(ada, lesson, "payment", status=409, method="pm_card_visa")
    assert late["code"] == "STEP_NOT_OPEN"
    await school.steps(tim, lesson, "teach")
    await school.steps(ada, lesson, "confirm")
    assert await school.has(tim.id) == (8_500, 0)
    await school.lawful()


async def test_a_card_payment_that_comes_too_late_goes_back(school: School) -> None:
    ada, tim = await school.pupil(money=0), await school.join("tim", "tutor")
    lesson = await school.books(ada, tim)
    await school.steps(tim, lesson, "accept")
    await school.later(days=1.1)
    assert await school.state(lesson) == "expired"
    row = await school.escrow(ada.id, tim.id, 10_000, 1_500, key="card", kind="lesson", reference_id=UUID(lesson["id"]))
    await school.work()
    assert (await school.payment(row.id)).refunded == 10_000
    assert await school.has(ada.id) == (0, 0)
    await school.lawful()


async def test_who_cancels_early_gets_all_and_late_gets_half(school: School) -> None:
    ada, tim = await school.pupil(), await school.join("tim", "tutor")
    early, late = await school.paid(ada, tim, days=5), await school.paid(ada, tim, days=0.5)
    await school.steps(ada, early, "cancel")
    assert (await school.has(ada.id), await school.has(tim.id)) == ((10_000, 10_000), (0, 0))
    await school.steps(ada, late, "cancel")
    assert (await school.has(ada.id), await school.has(tim.id)) == ((15_000, 0), (4_250, 0)), (
        "half to the tutor, less their part of the fee"
    )
    await school.lawful()


async def test_a_tutor_who_calls_off_gets_nothing(school: School) -> None:
    ada, tim = await school.pupil(), await school.join("tim", "tutor")
    lesson = await school.paid(ada, tim, days=0.5)
    assert (await school.steps(tim, lesson, "cancel"))["state"] == "cancelled"
    assert (await school.has(ada.id), await school.has(tim.id)) == ((20_000, 0), (0, 0))
    await school.lawful()


async def test_staff_divide_what_is_disputed(school: School) -> None:
    ada, tim, sam = await school.pupil(), await school.join("tim", "tutor"), await school.head()
    lesson = await school.paid(ada, tim)
    await school.steps(tim, lesson, "teach")
    await school.steps(ada, lesson, "dispute", reason="It was Latin.")
    wrong = await school.steps(sam, lesson, "resolve", tutorAmount=6_000, studentAmount=5_000, status=422)
    assert (wrong["code"], wrong["details"]["held"]) == ("SPLIT_DIFFERS", 10_000)
    await school.steps(sam, lesson, "resolve", tutorAmount=6_000, studentAmount=4_000)
    assert (await school.has(ada.id), await school.has(tim.id)) == ((14_000, 0), (5_100, 0))
    await school.lawful()


async def test_a_card_that_paid_gets_back_what_was_not_earned(school: School) -> None:
    ada, tim, sam = await school.pupil(money=0), await school.join("tim", "tutor"), await school.head()
    lesson = await school.books(ada, tim)
    await school.steps(tim, lesson, "accept")
    row = await school.escrow(ada.id, tim.id, 10_000, 1_500, key="card", kind="lesson", reference_id=UUID(lesson["id"]))
    await school.work()
    await school.steps(tim, lesson, "teach")
    await school.steps(ada, lesson, "dispute", reason="It was Latin.")
    await school.steps(sam, lesson, "resolve", tutorAmount=6_000, studentAmount=4_000)
    await school.work()
    assert ((await school.payment(row.id)).refunded, await school.has(ada.id), await school.has(tim.id)) == (4_000, (0, 0), (5_100, 0))
    await school.lawful()


async def test_both_agree_on_another_time_and_the_clock_follows_it(school: School) -> None:
    ada, tim = await school.pupil(), await school.join("tim", "tutor")
    lesson = await school.paid(ada, tim, days=2)
    other, third = school.soon(10), school.soon(20)
    assert (await school.steps(ada, lesson, "move", startsAt=other))["startsAt"] == lesson["startsAt"], "the other has to agree"
    (moves,) = [step for step in (await school.reads(tim, lesson))["steps"] if step["step"] == "move"]
    assert moves["agreed"] == ["student"]
    await school.steps(tim, lesson, "move", startsAt=third)
    assert (await school.reads(ada, lesson))["startsAt"] == lesson["startsAt"], "that was something else"
    await school.steps(ada, lesson, "move", startsAt=third)
    assert (await school.reads(ada, lesson))["startsAt"][:19] == third[:19]
    await school.later(days=6)
    assert await school.state(lesson) == "paid", "the time that it counts from was moved"
    await school.later(days=18)
    assert await school.state(lesson) == "cancelled"
    assert await school.has(ada.id) == (20_000, 0)


async def test_what_nobody_answers_ends_by_itself(school: School) -> None:
    ada, tim = await school.pupil(), await school.join("tim", "tutor")
    slow, soon = await school.books(ada, tim, days=9), await school.books(ada, tim, days=1)
    await school.later(hours=23.5)
    assert (await school.state(slow), await school.state(soon)) == ("asked", "expired"), "whichever comes first"
    await school.later(days=2)
    assert await school.state(slow) == "expired"


async def test_steps_are_refused_with_what_is_open_instead(school: School) -> None:
    ada, tim, eve = await school.pupil(), await school.join("tim", "tutor"), await school.pupil("eve")
    lesson = await school.books(ada, tim)
    early = await school.steps(ada, lesson, "pay", status=409)
    assert (early["code"], early["details"]["state"], early["details"]["open"]) == ("STEP_NOT_OPEN", "asked", [])
    assert "Nothing is open to you now" in early["message"]
    await school.steps(tim, lesson, "accept")
    assert (await school.steps(tim, lesson, "accept", status=409))["details"]["open"] == []
    assert (await school.steps(tim, lesson, "pay", status=403))["code"] == "NOT_ALLOWED"
    assert (await school.steps(eve, lesson, "pay", status=404))["code"] == "NO_SUCH_ORDER", "nobody else is told that it exists"
    assert (await eve.client.get(f"/lessons/{lesson['id']}")).status_code == 404
    assert (await eve.client.get(f"/lessons/{lesson['id']}/history")).status_code == 404
    assert (await eve.client.get("/lessons")).json()["data"] == []


async def test_guards_say_what_is_missing(school: School) -> None:
    ada = await school.pupil()
    refused = await school.books(ada, ada, status=409)
    assert (refused["code"], refused["message"]) == ("IS_WITH_ANOTHER", "A lesson with yourself needs no market.")
    tim = await school.join("tim", "tutor")
    wrong = await school.books(ada, tim, price=0, status=422)
    assert wrong["details"]["fields"][0]["field"] == "price"


async def test_who_cannot_pay_is_told_what_is_missing_and_the_order_waits(school: School) -> None:
    ada, tim = await school.pupil(money=4_000), await school.join("tim", "tutor")
    lesson = await school.books(ada, tim)
    await school.steps(tim, lesson, "accept")
    short = await school.steps(ada, lesson, "pay", status=422)
    assert (short["code"], short["details"]["missing"]) == ("INSUFFICIENT_FUNDS", 6_000)
    assert await school.state(lesson) == "accepted"


async def test_a_rehearsal_moves_nothing(school: School) -> None:
    ada, tim = await school.pupil(), await school.join("tim", "tutor")
    lesson = await school.books(ada, tim)
    answer = await tim.client.post(f"/lessons/{lesson['id']}/accept?dry_run=true")
    assert answer.json()["data"]["state"] == "accepted"
    assert await school.state(lesson) == "asked"


async def test_a_repeated_request_is_one_step(school: School) -> None:
    ada, tim = await school.pupil(), await school.join("tim", "tutor")
    lesson = await school.paid(ada, tim)
    answers = [await tim.client.post(f"/lessons/{lesson['id']}/teach", headers={"Idempotency-Key": "once"}) for _ in range(3)]
    assert len({answer.content for answer in answers}) == 1
    assert await school.rows("select count(*) from order_steps where step = 'teach'") == [(1,)]


async def test_of_many_at_once_one_wins_and_the_rest_are_told(school: School) -> None:
    ada, tim = await school.pupil(money=50_000), await school.join("tim", "tutor")
    for _ in range(3):
        lesson = await school.books(ada, tim)
        wanted = ["accept", "decline"] * 12
        answers = await asyncio.gather(*(tim.client.post(f"/lessons/{lesson['id']}/{step}") for step in wanted))
        won = [answer for answer in answers if answer.is_success]
        assert len(won) == 1
        assert {answer.status_code for answer in answers} == {200, 409}
        assert {told(answer)["code"] for answer in answers if not answer.is_success} == {"STEP_NOT_OPEN"}
        assert await school.state(lesson) == told(won[0])["state"]


async def test_people_see_their_own_and_staff_all(school: School) -> None:
    ada, eve, tim, sam = await school.pupil(), await school.pupil("eve"), await school.join("tim", "tutor"), await school.head()
    mine, hers = await school.books(ada, tim), await school.books(eve, tim)
    await school.steps(tim, mine, "accept")

    async def seen(by: Visitor, **query: str) -> list[str]:
        return [each["id"] for each in (await by.client.get("/lessons", params=query)).json()["data"]]

    assert await seen(ada) == [mine["id"]]
    assert await seen(tim) == [hers["id"], mine["id"]] == await seen(sam)
    assert await seen(tim, state="accepted") == [mine["id"]]
    first = (await tim.client.get("/lessons", params={"limit": "1"})).json()
    assert await seen(tim, cursor=first["pagination"]["nextCursor"]) == [mine["id"]]


async def test_the_process_is_told_to_clients(school: School) -> None:
    (told_of,) = (await (await school.client()).get("/processes")).json()["data"]
    assert (told_of["name"], told_of["collection"], told_of["waits"]["paid"]) == ("lesson", "lessons", "tutor")
    pay = next(step for step in told_of["steps"] if step["name"] == "pay")
    assert (pay["by"], pay["source"], pay["target"], pay["money"]) == (["student"], ["accepted"], "paid", ["hold"])
    assert "paid --> taught: teach (tutor)" in told_of["diagram"]


async def test_of_a_payment_that_was_sent_back_in_part_everybody_gets_their_share(school: School) -> None:
    ada, tim = await school.pupil(money=0), await school.join("tim", "tutor")
    lesson = await school.books(ada, tim)
    await school.steps(tim, lesson, "accept")
    row = await school.escrow(ada.id, tim.id, 10_000, 1_500, key="card", kind="lesson", reference_id=UUID(lesson["id"]))
    await school.work()
    await school.refunds(row, 4_000)
    await school.steps(tim, lesson, "teach")
    await school.steps(ada, lesson, "confirm")
    assert await school.has(tim.id) == (5_100, 0), "85 % of the 60.00 that are left"
    await school.lawful()


async def test_a_lesson_whose_money_a_bank_took_ends_all_the_same(school: School) -> None:
    ada, tim = await school.pupil(money=0), await school.join("tim", "tutor")
    lesson = await school.books(ada, tim)
    await school.steps(tim, lesson, "accept")
    row = await school.escrow(ada.id, tim.id, 10_000, 1_500, key="card", kind="lesson", reference_id=UUID(lesson["id"]))
    await school.work()
    await school.bank.open_dispute(row.provider_id or "")
    await school.tells()
    await school.steps(tim, lesson, "teach")
    await school.steps(ada, lesson, "confirm")
    assert (await school.state(lesson), await school.has(tim.id)) == ("done", (0, 0))
    await school.lawful()


async def test_a_payment_for_somebody_else_pays_for_nothing_and_goes_back(school: School) -> None:
    ada, tim = await school.pupil(money=0), await school.join("tim", "tutor")
    eve = await school.join("eve", "tutor")
    lesson = await school.books(ada, tim)
    await school.steps(tim, lesson, "accept")
    for number, (payer, payee) in enumerate([(ada.id, eve.id), (eve.id, tim.id)]):
        row = await school.escrow(payer, payee, 10_000, 1_500, key=f"wrong {number}", kind="lesson", reference_id=UUID(lesson["id"]))
        await school.work()
        assert (await school.state(lesson), (await school.payment(row.id)).refunded) == ("accepted", 10_000)
    await school.lawful()
