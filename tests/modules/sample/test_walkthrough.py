"""`docs/add-a-module.md` shows the sample as it is, and its requests work as they are written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import souk
from souk.kernel.db import Database
from souk.modules.sample import MODULE
from tests.modules.sample.test_over_http import opened

PAGE = Path(str(souk.__file__)).parents[2] / "docs" / "add-a-module.md"
BLOCK = re.compile(r'^```\w+ title="(.+?)"\n(.*?)^```$', re.DOTALL | re.MULTILINE)
BLOCKS = BLOCK.findall(PAGE.read_text())


@pytest.mark.parametrize(("file", "text"), [block for block in BLOCKS if block[0] != "walkthrough"])
def test_a_block_of_the_page_stands_in_its_file(file: str, text: str) -> None:
    lines = iter((MODULE.folder / file).read_text().splitlines())
    missing = [line for line in text.splitlines() if line.strip() and line not in lines]
    assert missing == [], f"{file} no longer has this line, or not in this order"


async def test_the_requests_of_the_page_work_in_their_order(database: Database) -> None:
    [steps] = [text for file, text in BLOCKS if file == "walkthrough"]
    known: dict[str, str] = {}
    data: Any = ()
    async with opened(database) as counter:
        client = await counter.client()
        for step in steps.splitlines():
            method, path, *rest = re.sub(r"<(\w+)>", lambda found: known[found[1]], step).split(" ", 2)
            body: Any = json.loads(rest[0]) if rest else None
            answer = await client.request(method, path, json=body)
            assert answer.status_code in (200, 201), f"{step}: {answer.text}"
            data = answer.json()["data"]
            if path == "/sign-in":
                known[body["name"]] = data["id"]
                client.headers.setdefault("Authorization", f"Bearer {data['accessToken']}")
            elif path == "/orders":
                known["order"] = data["id"]
        assert [message["body"] for message in data] == ["Is Tuesday all right?"]
