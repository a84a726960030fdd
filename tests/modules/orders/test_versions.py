"""An order keeps the version that it began with, and is moved to another where it fits there."""

from __future__ import annotations

from enum import StrEnum, auto
from typing import Annotated
from uuid import UUID

import pytest
from msgspec import Meta
from msgspec.structs import replace

from examples.lessons import FEE, LESSON, LESSONS, STUDENT, TUTOR, Lesson, NewLesson, S
from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool
from souk.kernel.messages import Catalogue, Outbox
from souk.kernel.record import Record
from souk.modules import orders
from souk.modules.orders import Change, Sold, look, move
from souk.modules.orders import migrating as batches
from souk.process import CLOCK, START, Process, Unlawful, after, field, first_of, hold, process, refund, release, step, waits_on
from tests.modules.identity.conftest import Visitor
from tests.modules.orders.conftest import School, told


class N(StrEnum):
    """Where a lesson of the second version can be: what is accepted is paid."""

    ASKED = auto()
    ACCEPTED = auto()
    GIVEN = auto()
    DONE = auto()
    DECLINED = auto()
    CANCELLED = auto()


class Brief(Lesson):
    """A lesson whose subject is short, and which has a room."""

    subject: Annotated[str, Meta(max_length=10)]
    room: str = "here"


UNHEARD = first_of(after(N.ACCEPTED, days=20), after(field("starts_at"), days=3))
HELD = hold("price", payer=STUDENT, fee=FEE)
SECOND = process(
    "lesson",
    version=2,
    order=Brief,
    states=N,
    parties={STUDENT: "student_id", TUTOR: "tutor_id"},
    steps=(
        step("book", by=STUDENT, source=START, target=N.ASKED, takes=NewLesson),
        step("accept", by=TUTOR, source=N.ASKED, target=N.ACCEPTED, money=HELD),
        step("decline", by=TUTOR | CLOCK, source=N.ASKED, target=N.DECLINED, at=after(N.ASKED, days=2)),
        step("teach", by=TUTOR, source=N.ACCEPTED, target=N.GIVEN),
        step("forget", by=CLOCK, source=N.ACCEPTED, target=N.CANCELLED, at=UNHEARD, money=refund()),
        step("approve", by=STUDENT | CLOCK, source=N.GIVEN, target=N.DONE, at=after(N.GIVEN, days=5), money=release(TUTOR)),
    ),
    waits={N.ASKED: waits_on(TUTOR), N.ACCEPTED: waits_on(TUTOR), N.GIVEN: waits_on(STUDENT)},
    ends=(N.DONE, N.DECLINED, N.CANCELLED),
)
MOVES = {(1, 2): {S.PAID: N.ACCEPTED, S.TAUGHT: N.GIVEN}}
SALES = orders.sells(Sold(SECOND, "lessons", before=(LESSON,), moves=MOVES))


def of_two_versions() -> Market:
    """The market of lessons, a release later."""
    rules = (*(rule for rule in LESSONS.rules if not isinstance(rule, orders.Processes)), SALES.processes)
    return replace(LESSONS, modules=(*LESSONS.modules[:-1], SALES.module), rules=rules)


LATER = of_two_versions()


@pytest.fixture
def later_school(school: School, pool: Pool, clock: Clock, runtime_dsn: str) -> School:
    """The same school after the release: its data, its people, its clock."""
    catalogue = Catalogue(LATER.modules)
    later = School(LATER, Database(pool, clock, lambda tx: Outbox(catalogue, tx)), clock, catalogue, runtime_dsn)
    later.closing = school.closing
    return later


async def again(school: School, visitor: Visitor) -> Visitor:
    """Somebody at the door of another release, with the token that they have."""
    return replace(visitor, client=await school.client(visitor.token))


def change() -> Change:
    return Change(SALES.processes, "lesson", 1, 2)


async def test_an_order_goes_on_by_the_version_it_began_with(school: School, later_school: School) -> None:
    ada, tim = await school.pupil(), await school.join("tim", "tutor")
    old = await school.paid(ada, tim)
    ada, tim = await again(later_school, ada), await again(later_school, tim)
    read = await later_school.reads(tim, old)
    assert ([each["step"] for each in read["steps"]], "room" in read) == (["move", "call_off", "teach"], False)
    new = await later_school.books(ada, tim)
    assert [(each["version"], each.get("room")) for each in told(await ada.client.get("/lessons"))] == [(2, "here"), (1, None)]
    await later_school.steps(tim, old, "teach")
    assert (await later_school.steps(ada, old, "confirm"))["state"] == "done", "a step that only the first version has"
    refused = await later_school.steps(ada, new, "confirm", status=409)
    assert (refused["code"], refused["details"]["open"]) == ("STEP_NOT_OPEN", [])
    assert await later_school.has(tim.id) == (8_500, 0)
    await later_school.lawful()


async def test_orders_move_with_their_money_their_history_and_their_time(school: School, later_school: School) -> None:
    ada, tim = await school.pupil(money=40_000), await school.join("tim", "tutor")
    asked, taught, over = await school.books(ada, tim), await school.paid(ada, tim), await school.books(ada, tim)
    await school.steps(tim, over, "decline")
    await school.steps(tim, taught, "teach")
    await school.later(days=1)
    moved = await move(later_school.database, change())
    assert (moved.moves, moved.misfits, moved.overdue) == ({"asked → asked": 1, "taught → given": 1}, [], 0)
    ada = await again(later_school, ada)
    assert (await later_school.reads(ada, taught))["room"] == "here"
    (*_, last) = told(await ada.client.get(f"/lessons/{taught['id']}/history"))
    assert (last["step"], last["actor"], last["source"], last["target"]) == ("migrated", "platform", "taught", "given")
    assert (last["params"]["from"], last["params"]["to"]) == (1, 2)
    await later_school.lawful()
    await later_school.later(days=2)
    assert await later_school.state(taught) == "given", "the first version would have paid after two days"
    assert await later_school.state(asked) == "declined", "it has waited two days, one of them before"
    await later_school.later(days=2.1)
    assert await later_school.state(taught) == "done", "five days since the lesson was given, not since the order moved"
    assert await later_school.has(tim.id) == (8_500, 0)
    assert await later_school.state(over) == "declined"
    await later_school.lawful()


async def test_an_order_that_moves_twice_has_waited_since_it_came(school: School, later_school: School) -> None:
    ada, tim = await school.pupil(), await school.join("tim", "tutor")
    lesson = await school.books(ada, tim)
    await school.later(days=1)
    await move(later_school.database, change())
    await move(later_school.database, Change(SALES.processes, "lesson", 2, 1))
    assert await later_school.rows("select version, revision from orders") == [(1, 3)]
    await later_school.later(days=0.9)
    assert await later_school.state(lesson) == "asked"
    await later_school.later(days=0.2)
    assert await later_school.state(lesson) == "expired"
    await later_school.lawful()


async def test_a_step_that_stayed_where_it_was_does_not_count_as_coming_there(school: School, later_school: School) -> None:
    ada, tim = await school.pupil(), await school.join("tim", "tutor")
    lesson = await school.paid(ada, tim, days=30)
    await school.later(days=10)
    another = school.soon(days=25)
    await school.steps(ada, lesson, "move", startsAt=another)
    await school.steps(tim, lesson, "move", startsAt=another)
    await move(later_school.database, change())
    await later_school.later(days=9.9)
    assert await later_school.state(lesson) == "accepted"
    await later_school.later(days=0.2)
    assert await later_school.state(lesson) == "cancelled"
    await later_school.lawful()


async def test_what_does_not_fit_is_found_and_stays(school: School, later_school: School) -> None:
    ada, tim = await school.pupil(money=60_000), await school.join("tim", "tutor")
    accepted, disputed, wordy = await school.books(ada, tim), await school.paid(ada, tim), await school.books(ada, tim, subject="x" * 11)
    fits = await school.paid(ada, tim)
    await school.steps(tim, accepted, "accept")
    await school.steps(tim, disputed, "teach")
    await school.steps(ada, disputed, "dispute", reason="Late.")
    looked = await look(later_school.database, change())
    assert looked.moves == {"paid → accepted": 1}
    said = {str(each.order_id): (each.state, each.why) for each in looked.misfits}
    assert said == {
        accepted["id"]: ("accepted", "its money is nothing, and in accepted it is held"),
        disputed["id"]: ("disputed", "version 2 has no such state, and nobody says where its orders go"),
        wordy["id"]: ("asked", "Brief cannot be read from it: Expected `str` of length <= 10 - at `$.subject`"),
    }
    assert await later_school.rows("select count(*) from orders where version = 2") == [(0,)]
    moved = await move(later_school.database, change())
    assert moved.misfits == looked.misfits
    assert await later_school.rows("select id, state from orders where version = 2") == [(UUID(fits["id"]), "accepted")]
    await later_school.lawful()


async def test_who_has_waited_too_long_by_the_new_version_is_counted_and_goes_on_at_once(school: School, later_school: School) -> None:
    ada, tim = await school.pupil(), await school.join("tim", "tutor")
    lesson = await school.books(ada, tim, days=30)
    await school.steps(tim, lesson, "accept")
    await school.steps(ada, lesson, "pay")
    await school.do("update orders set content = content || jsonb_build_object('startsAt', $1::text)", school.soon(days=-4))
    assert (await look(later_school.database, change())).overdue == 1
    await move(later_school.database, change())
    await later_school.work()
    assert await later_school.state(lesson) == "cancelled"
    await later_school.lawful()


async def test_there_are_as_many_batches_as_it_takes(school: School, later_school: School) -> None:
    ada, tim = await school.pupil(), await school.join("tim", "tutor")
    lesson = await school.books(ada, tim)
    many = batches.BATCH * 2
    await school.do(
        "insert into orders (id, process, version, state, revision, entered, content, created_at, updated_at) select gen_random_uuid(), "
        f"process, version, state, revision, entered, content, created_at, updated_at from orders, generate_series(1, {many})"
    )
    await school.do(
        "insert into order_steps (order_id, revision, process, step, actor, person_id, source, target, params, at) "
        "select o.id, s.revision, s.process, s.step, s.actor, s.person_id, s.source, s.target, s.params, s.at "
        "from orders o, order_steps s where o.id <> $1",
        UUID(lesson["id"]),
    )
    heard: list[str] = []
    moved = await move(later_school.database, change(), heard.append)
    assert (moved.fit, heard) == (many + 1, ["200 orders", "400 orders", "401 orders"])
    await later_school.lawful()


class Other(Record):
    """Other parameters of the same path."""

    reason: str


def changed(name: str, **how: object) -> Process:
    """The second version, with one of its steps otherwise."""
    steps = tuple(replace(each, **how) if each.name == name else each for each in SECOND.steps)
    return replace(SECOND, steps=steps)


@pytest.mark.parametrize(
    ("sold", "says"),
    [
        (Sold(SECOND, "l", (LESSON,), {(1, 3): {}}), "moved from version 1 to 3; there are 1, 2"),
        (Sold(SECOND, "l", (LESSON,), {(1, 2): {S.DONE: N.DONE}}), "done is no state of lesson, version 1, in which an order waits"),
        (Sold(SECOND, "l", (LESSON,), {(1, 2): {S.PAID: S.TAUGHT}}), "taught is no state of lesson, version 2"),
        (
            Sold(SECOND, "l", (LESSON,), {(1, 2): {S.PAID: N.ASKED}}),
            "in paid money is held in version 1, and in asked money is nothing in version 2",
        ),
        (Sold(SECOND, "l", (replace(LESSON, version=2),)), "two versions of lesson have the same number"),
        (Sold(SECOND, "l", (replace(LESSON, name="class"),)), "class is no version of lesson"),
        (Sold(changed("teach", takes=Other, path="dispute"), "l", (LESSON,)), "takes Other in version 2 and Complaint in version 1"),
    ],
)
def test_versions_that_do_not_fit_are_refused_where_they_are_declared(sold: Sold, says: str) -> None:
    with pytest.raises(Unlawful) as refused:
        orders.Processes(sold)
    assert says in str(refused.value)


def test_a_step_cannot_be_called_what_the_platform_writes_down() -> None:
    declared = {name: getattr(SECOND, name) for name in ("order", "states", "parties", "waits", "ends")}
    steps = tuple(replace(each, name="migrated") if each.name == "teach" else each for each in SECOND.steps)
    with pytest.raises(Unlawful, match="Call the step otherwise"):
        process("lesson", steps=steps, **declared)


def test_only_versions_that_are_sold_can_be_moved_to() -> None:
    with pytest.raises(orders.NoSuchVersion, match="lesson 2, lesson 1"):
        Change(SALES.processes, "lesson", 1, 3)
    with pytest.raises(orders.NoSuchVersion):
        Change(SALES.processes, "course", 1, 2)
