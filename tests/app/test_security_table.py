"""`docs/security.md` promises; this keeps it from promising what nothing shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.app.test_fault_table import names_in

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
ROWS = [line.strip("|").split(" | ") for line in PAGE.splitlines() if re.match(r"\| (?!section|risk)", line)]
CODE = re.compile(r"`([\w/]+\.py)`")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0].strip()}: {row[1]}")
def test_every_row_names_code_and_tests_that_exist(row: list[str]) -> None:
    _, _, code, shown = row
    where = CODE.fullmatch(code)
    assert where, f"no file is named: {code}"
    assert (ROOT / "src" / "souk" / where[1]).exists(), f"{where[1]} does not exist"
    named = NAMED.findall(shown)
    assert len(named) == shown.count("::") >= 1, f"no test is named: {shown}"
    assert [f"{file}::{name}" for file, name in named if name not in names_in(file)] == [], "these do not exist"


def test_every_attack_that_is_tried_here_stands_in_the_table() -> None:
    assert len(ROWS) >= 50
    assert names_in("tests/modules/identity/test_attacks.py") - {name for _, name in NAMED.findall(PAGE)} == set()
