"""`docs/your-marketplace.md` shows the lessons as they are; its requests work, and its mistakes are refused as it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import examples
from examples.lessons import LESSON
from souk.process import Unlawful, process
from tests.modules.orders.conftest import School

ROOT = Path(str(examples.__file__)).parents[1]
BLOCK = re.compile(r'^```\w+ title="(.+?)"\n(.*?)^```$', re.DOTALL | re.MULTILINE)
BLOCKS = BLOCK.findall((ROOT / "docs" / "your-marketplace.md").read_text())
SOURCE = (ROOT / "examples" / "lessons.py").read_text().splitlines()


@pytest.mark.parametrize("text", [text for title, text in BLOCKS if title == "lessons.py"])
def test_a_block_of_the_page_stands_in_the_file(text: str) -> None:
    lines = iter(SOURCE)
    missing = [line for line in text.splitlines() if line.strip() and line not in lines]
    assert missing == [], "the file no longer has this line, or not in this order"


async def test_the_requests_of_the_page_work_in_their_order(school: School) -> None:
    [steps] = [text for title, text in BLOCKS if title == "walkthrough"]
    people = {"Ada": await school.join("ada", "student"), "Tim": await school.join("tim", "tutor")}
    known = {"Tim": str(people["Tim"].id), "tomorrow": school.soon(days=1)}
    data: Any = None
    for step in steps.splitlines():
        who, method, path, *rest = re.sub(r"<(\w+)>", lambda found: known[found[1]], step).split(" ", 3)
        answer = await people[who].client.request(method, path, json=json.loads(rest[0]) if rest else None)
        assert answer.status_code in {200, 201}, f"{step}: {answer.text}"
        data = answer.json()["data"]
        if path == "/lessons":
            known["lesson"] = data["id"]
        if method == "GET" and path.startswith("/lessons/"):
            assert [each["step"] for each in data["steps"]] == ["move", "call_off", "teach"]
    assert data["available"] == 8_500


@pytest.mark.parametrize("title", [title for title, _text in BLOCKS if title.startswith("mistake")])
def test_the_mistakes_of_the_page_are_refused_as_it_says(title: str) -> None:
    [text] = [text for each, text in BLOCKS if each == title]
    if title == "mistake: money":
        steps = tuple(replace(step, money=()) if step.name == "confirm" else step for step in LESSON.steps)
    else:
        steps = tuple(step for step in LESSON.steps if step.name != "expire")
    declared = {name: getattr(LESSON, name) for name in ("order", "states", "parties", "waits", "ends")}
    with pytest.raises(Unlawful) as refused:
        process("lesson", steps=steps, **declared)
    assert str(refused.value) == text.strip()
