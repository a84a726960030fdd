"""Laws as a module writes them down, and what is told where one is broken."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, broken_laws, laws_of

WRITTEN = """-- What holds of numbers.

-- law: two is more than one
select one from (values (1)) numbers (one)
-- which of them?
where one >= 2;
-- A remark on the next; it has a semicolon.

-- law: no number is above seven
select number, 'seven -- or so' as most from generate_series(1, 20) number where number > 7;
"""


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    def written(text: str) -> Path:
        place = tmp_path / "laws.sql"
        place.write_text(text)
        return place

    return written


async def test_the_broken_are_told_with_their_first_rows(
    file: Callable[[str], Path], runtime_dsn: str, closing: Callable[[Callable[[], Awaitable[object]]], None]
) -> None:
    pool = Pool(runtime_dsn, size=1)
    closing(pool.close)
    laws = laws_of("numbers", file(WRITTEN))
    assert [law.sentence for law in laws] == ["two is more than one", "no number is above seven"]
    (broken,) = await broken_laws(Database(pool, Clock()), laws)
    assert str(broken) == "numbers: it does not hold that no number is above seven"
    assert [json.loads(row) for row in broken.rows] == [{"number": number, "most": "seven -- or so"} for number in range(8, 13)]


def test_a_module_without_laws_has_none(tmp_path: Path) -> None:
    assert laws_of("idle", tmp_path / "laws.sql") == []


def test_a_query_that_no_sentence_names_is_not_passed_over(file: Callable[[str], Path]) -> None:
    with pytest.raises(ValueError, match="a query without a sentence"):
        laws_of("numbers", file("-- low: two is more than one\nselect 1 where 1 >= 2;\n" + WRITTEN))
