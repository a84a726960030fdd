"""Who may do what where, for every step, actor and state: what HTTP answers is what the process says, and so is what is shown as open."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31

from examples.lessons import ADMIN, LESSON, LESSONS, STUDENT, TUTOR, S
from souk.kernel.assembly import Market
from souk.kernel.http.openapi import describe
from souk.process import START, Actor
from souk.process.matrix import may
from tests.modules.identity.conftest import Visitor
from tests.modules.orders.conftest import School, told
from tests.modules.orders.errands import ERRANDS

HELD = {S.PAID, S.TAUGHT, S.DISPUTED}
GIVEN = {
    "move": {"startsAt": "2099-01-01T10:00:00Z"},
    "dispute": {"reason": "It was Latin."},
    "resolve": {"tutorAmount": 6_000, "studentAmount": 4_000},
}
OF_PEOPLE = [step for step in LESSON.steps if START not in step.sources and any(actor.roles for actor in step.by.each)]
PATHS = list(dict.fromkeys(step.public for step in OF_PEOPLE))


async def brought(school: School, lesson: Any, state: S) -> None:
    """A lesson is in a state, past everything."""
    await school.do("update orders set state = $2, entered = revision where id = $1", lesson["id"], str(state))


def expected(state: S, actor: Actor | None, role: str, path: str) -> int:
    """What somebody with that role, who is that in the lesson or nothing, is told."""
    steps = [step for step in LESSON.steps if step.public == path]
    if not any(role in each.roles for step in steps for each in step.by.each):
        return 403
    if actor is None:
        return 404
    if not any(actor in step.by for step in steps):
        return 403
    return 200 if any(step.public == path for step in may(LESSON, state, actor)) else 409


@pytest.mark.parametrize("state", list(S), ids=str)
async def test_every_step_is_open_to_whom_the_process_says_and_to_nobody_else(school: School, state: S) -> None:
    ada, tim, sam = await school.pupil(), await school.join("tim", "tutor"), await school.head()
    eve, tom = await school.join("eve", "student"), await school.join("tom", "tutor")
    people: list[tuple[Visitor, Actor | None, str]] = [
        (ada, STUDENT, "student"),
        (tim, TUTOR, "tutor"),
        (sam, ADMIN, "admin"),
        (eve, None, "student"),
        (tom, None, "tutor"),
    ]
    lesson = await (school.paid(ada, tim) if state in HELD else school.books(ada, tim))
    await brought(school, lesson, state)
    anybody = await school.client()
    for path in PATHS:
        url = f"/lessons/{lesson['id']}/{path}?dry_run=true"
        assert (await anybody.post(url, json=GIVEN.get(path))).status_code == 401
        for visitor, actor, role in people:
            answer = await visitor.client.post(url, json=GIVEN.get(path))
            assert answer.status_code == expected(state, actor, role, path), (path, role, actor and actor.name, answer.text)
    for visitor, actor, _role in people:
        answer = await visitor.client.get(f"/lessons/{lesson['id']}")
        assert answer.status_code == (200 if actor is not None else 404)
        if actor is not None:
            shown = {each["path"].rsplit("/", 1)[1]: each for each in told(answer)["steps"]}
            assert set(shown) == {step.public for step in may(LESSON, state, actor)}
            assert all(each["whyNot"] is None and each["method"] == "POST" for each in shown.values())
            history = await visitor.client.get(f"/lessons/{lesson['id']}/history")
            assert history.status_code == 200


@pytest.mark.parametrize("market_told", [LESSONS, ERRANDS], ids=lambda each: each.name)
def test_what_is_made_of_processes_is_described_whole(market_told: Market) -> None:
    operations = [operation for module in market_told.modules for operation in module.operations]
    examples = {kind: each for module in market_told.modules for kind, each in module.examples.items()}
    document = describe(market_told.title, market_told.base, operations, market_told.roles, examples=examples)
    jsonschema_rs.Draft202012Validator(OPENAPI_31).validate(document)
    names = [told_of["operationId"] for path in document["paths"].values() for told_of in path.values()]
    assert len(names) == len(set(names))
    of_orders = [
        (path, method, told_of)
        for path, methods in document["paths"].items()
        for method, told_of in methods.items()
        if path.split("/")[1] in {"lessons", "wishes", "visits", "chores"}
    ]
    assert len(of_orders) > 10
    for path, method, told_of in of_orders:
        for content in told_of.get("requestBody", {}).get("content", {}).values():
            assert content.get("example") or content.get("examples"), (method, path)
        for answer in told_of["responses"].values():
            for content in answer.get("content", {}).values():
                assert content.get("example") or content.get("examples"), (method, path)
