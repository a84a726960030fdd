"""Every statement of the program fits the migrated schema and the type it answers, and is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import souk
from souk.kernel.db import QUERIES, Query
from souk.kernel.db.checks import check_statements
from souk.kernel.db.usage import check_usage
from souk.kernel.migrate import Source
from tests.architecture.conftest import everything_imported

ADMINISTRATORS = "souk.kernel.migrate."
"""Whose statements are not the runtime role's."""

THE_SAMPLES = "souk.modules.sample."
"""They fit a market of its own (`test_statements_of_the_sample.py`)."""


def program() -> list[Query[Any]]:
    everything_imported()
    return [query for query in QUERIES if query.home.startswith("souk.")]


async def test_every_statement_fits_the_schema_and_the_type_it_answers(runtime_dsn: str) -> None:
    complaints = await check_statements(
        runtime_dsn, [query for query in program() if not query.home.startswith((ADMINISTRATORS, THE_SAMPLES))]
    )
    assert not complaints, "\n".join(complaints)


async def test_every_statement_of_the_administrator_does_as_well(admin_dsn: str) -> None:
    complaints = await check_statements(admin_dsn, [query for query in program() if query.home.startswith(ADMINISTRATORS)], schema="sample")
    assert not complaints, "\n".join(complaints)


def test_every_statement_is_used_and_given_its_arguments() -> None:
    complaints = check_usage(Path(str(souk.__file__)).parent, program())
    assert not complaints, "\n".join(complaints)


def test_there_are_statements_to_check(sources: tuple[Source, ...]) -> None:
    """Guards the two above against checking nothing."""
    assert len(program()) >= 10
    assert [source.name for source in sources][:1] == ["db"]
