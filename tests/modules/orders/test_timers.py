"""What the clock does with orders: it counts anew on return, forgets what was left, and looks again when it fires."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from souk.kernel.messages import dead_letters, replay
from souk.modules.orders.model import Timer
from souk.modules.orders.taking import fire
from tests.modules.identity.conftest import Visitor
from tests.modules.orders.errands import SALES
from tests.modules.orders.street import Street, market, street

__all__ = ["market", "street"]


async def looks(street: Street, who: Visitor, order: Any, collection: str = "chores") -> Any:
    return await street.sees(who, f"/{collection}/{order['id']}")


async def test_a_chore_is_offered_at_once_and_again_and_again_until_a_guard_says_no(street: Street) -> None:
    cleo, _will = await street.pair()
    chore = await street.chore(cleo)
    await street.work()
    assert (await looks(street, cleo, chore))["offers"] == 1
    await street.later(minutes=14)
    assert (await looks(street, cleo, chore))["offers"] == 1
    for expected in (2, 3, 3):
        await street.later(minutes=16)
        assert (await looks(street, cleo, chore))["offers"] == expected
    await street.later(hours=2)
    assert await street.state(chore) == "open"
    assert await street.failures() == []


async def test_a_timer_that_fires_twice_or_too_early_does_nothing(street: Street) -> None:
    cleo, _will = await street.pair()
    chore = await street.chore(cleo)
    await street.work()
    again = Timer("chore", UUID(chore["id"]), "offer", 1, 1)
    for _ in range(2):
        await street.database.write(lambda tx: fire(tx, again, SALES.processes, street.till))
    assert (await looks(street, cleo, chore))["offers"] == 1
    await street.later(minutes=16)
    await street.database.write(lambda tx: fire(tx, again, SALES.processes, street.till))
    assert (await looks(street, cleo, chore))["offers"] == 2
    await street.later(minutes=16)
    assert (await looks(street, cleo, chore))["offers"] == 3


async def test_timers_of_a_state_that_was_left_are_stale_and_count_anew_on_return(street: Street) -> None:
    cleo, will = await street.pair()
    chore = await street.taken(cleo, will)
    await street.later(minutes=50)
    await street.asks(will, f"/chores/{chore['id']}/hand-back")
    taken = await street.asks(will, f"/chores/{chore['id']}/take")
    await street.later(minutes=50)
    assert (await looks(street, will, chore))["reminders"] == 0
    await street.later(minutes=15)
    assert (await looks(street, will, chore))["reminders"] == 1
    old = Timer("chore", UUID(chore["id"]), "take_away", 0, taken["revision"] - 2)
    await street.database.write(lambda tx: fire(tx, old, SALES.processes, street.till))
    assert await street.state(chore) == "taken"
    await street.later(hours=1)
    assert (await looks(street, cleo, chore))["reminders"] == 2
    await street.later(hours=22)
    assert await street.state(chore) == "open"
    await street.lawful()


async def test_what_was_revised_is_approved_after_its_own_two_days(street: Street) -> None:
    cleo, will = await street.pair()
    chore = await street.taken(cleo, will)
    await street.asks(will, f"/chores/{chore['id']}/submit", note="Done.")
    await street.later(days=1)
    await street.asks(cleo, f"/chores/{chore['id']}/revise")
    await street.asks(will, f"/chores/{chore['id']}/submit", note="Really done.")
    await street.later(days=1.5)
    assert await street.state(chore) == "review"
    await street.later(days=0.6)
    assert await street.state(chore) == "done"


async def wish(street: Street, who: Visitor, days: float | None) -> Any:
    until = street.soon(days) if days is not None else None
    return await street.asks(who, "/wishes", status=201, title="A shelf", until=until)


async def moved(street: Street, who: Visitor, order: Any, days: float | None) -> None:
    until = street.soon(days) if days is not None else None
    await street.asks(who, f"/wishes/{order['id']}/edit", title="A shelf", until=until)


async def test_a_moment_that_is_moved_counts_where_it_is(street: Street) -> None:
    cleo, _will = await street.pair()
    later, sooner, never, now_and_then = [await wish(street, cleo, days) for days in (2, 5, 2, None)]
    await moved(street, cleo, later, 4)
    await moved(street, cleo, sooner, 1)
    await moved(street, cleo, never, None)
    await moved(street, cleo, now_and_then, 3)
    found = []
    for _ in range(5):
        await street.later(days=1.01)
        found.append([await street.state(each) for each in (later, sooner, never, now_and_then)])
    assert found[0] == ["open", "closed", "open", "open"]
    assert found[1] == ["open", "closed", "open", "open"]
    assert found[2] == ["open", "closed", "open", "closed"]
    assert found[3] == ["closed", "closed", "open", "closed"]


async def test_an_edit_does_not_begin_the_time_of_a_state_anew(street: Street) -> None:
    """Whoever edits every day would otherwise never see the ten days end."""
    cleo, _will = await street.pair()
    mine = await wish(street, cleo, 60)
    for _ in range(9):
        await street.later(days=1)
        await moved(street, cleo, mine, 60)
    assert await street.state(mine) == "open"
    await street.later(days=1.1)
    assert await street.state(mine) == "closed"


async def test_a_timer_that_was_claimed_before_a_date_was_moved_waits_for_the_new_date(street: Street) -> None:
    cleo, _will = await street.pair()
    mine = await wish(street, cleo, 2)
    claimed = Timer("wish", UUID(mine["id"]), "close", 0, 1)
    street.clock.move_to(street.clock.offset + timedelta(days=2.1))
    await moved(street, cleo, mine, 1)
    await street.database.write(lambda tx: fire(tx, claimed, SALES.processes, street.till))
    assert await street.state(mine) == "open"
    await street.later(days=1.1)
    assert await street.state(mine) == "closed"


async def test_a_timer_that_fails_is_tried_again_ends_as_a_dead_letter_and_stops_no_other(street: Street) -> None:
    cleo, will = await street.pair()
    chore, other = await street.taken(cleo, will, credits=30), await street.taken(cleo, will, credits=30)
    await street.asks(will, f"/chores/{chore['id']}/note", note="trouble")
    await street.later(hours=1.1)
    ((attempts, run_at),) = await street.rows("select attempts, run_at from jobs where error is not null")
    assert attempts == 1
    assert run_at > street.clock.now() - timedelta(seconds=1), "it is tried again later, not at once"
    assert (await looks(street, cleo, other))["reminders"] == 1
    for _ in range(12):
        await street.later(hours=1)
    assert set(await street.failures()) == {"orders.fire"}
    assert (await looks(street, cleo, other))["reminders"] == 2
    assert await street.state(chore) == "taken"
    await street.asks(will, f"/chores/{chore['id']}/note", note="no more of it")
    for letter in await street.database.read(dead_letters):
        assert "trouble" in letter.error
        await street.database.write(partial(replay, job=letter.id))
    await street.work()
    assert (await looks(street, cleo, chore))["reminders"] == 2
    assert await street.failures() == []
    await street.later(hours=12)
    assert (await street.state(chore), await street.state(other)) == ("open", "open")


async def test_a_dead_letter_that_is_run_when_the_order_has_gone_on_does_nothing(street: Street) -> None:
    cleo, will = await street.pair()
    chore = await street.taken(cleo, will)
    await street.asks(will, f"/chores/{chore['id']}/note", note="trouble")
    for _ in range(12):
        await street.later(hours=1)
    await street.asks(will, f"/chores/{chore['id']}/submit", note="Done.")
    letters = await street.database.read(dead_letters)
    assert len(letters) == 2
    for letter in letters:
        await street.database.write(partial(replay, job=letter.id))
    await street.work()
    assert await street.failures() == []
    assert (await looks(street, cleo, chore))["reminders"] == 0


async def test_a_clock_that_takes_others_along_frees_them(street: Street) -> None:
    cleo, will = await street.pair()
    visit = await street.visit(cleo, will)
    await street.later(hours=1.1)
    assert await street.state(visit) == "lapsed"
    assert (await looks(street, cleo, {"id": visit["wishId"]}, "wishes"))["state"] == "open"
    assert await street.rows("select * from slots") == []
    again = await street.asks(cleo, "/visits", status=201, wishId=visit["wishId"], workerId=str(will.id), slot=1, price=1)
    assert again["state"] == "asked"


async def test_many_that_are_due_at_once_all_go(street: Street) -> None:
    cleo, _will = await street.pair()
    wishes = [await wish(street, cleo, 1) for _ in range(30)]
    await street.later(days=1.1)
    assert {await street.state(each) for each in wishes} == {"closed"}
    assert await street.waiting() == 0
