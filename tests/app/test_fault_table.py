"""`docs/faults.md` promises; this keeps it from promising what nothing shows, and from forgetting what is shown."""

from __future__ import annotations

import re
from pathlib import Path

from souk.kernel.errors import REFUSALS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "faults.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| fault ")]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
OF_PROBES = {"NOT_READY"}


def names_in(file: str) -> set[str]:
    return set(re.findall(r"^ *(?:async )?def (test_\w+)", (ROOT / file).read_text(), re.MULTILINE))


def test_every_row_names_a_test_that_exists() -> None:
    assert len(ROWS) >= 30
    for row in ROWS:
        named = NAMED.search(row.rsplit("|", 2)[1])
        assert named, f"no test is named: {row}"
        assert (ROOT / named[1]).exists(), f"{named[1]} does not exist"
        assert named[2] in names_in(named[1]), f"{named[1]} has no {named[2]}"


def test_every_fault_that_is_tested_here_stands_in_the_table() -> None:
    named = {name for _, name in NAMED.findall(PAGE)}
    assert (names_in("tests/app/test_faults.py") | names_in("tests/app/test_kills.py")) - named == set()


def test_every_code_that_the_table_names_exists() -> None:
    import souk.app.development  # noqa: F401, PLC0415 - its refusals are known once it is imported

    codes = {code for row in ROWS for code in re.findall(r"`([A-Z]{2,}(?:_[A-Z]+)*)`", row)} - OF_PROBES
    assert codes - set(REFUSALS) == set()
