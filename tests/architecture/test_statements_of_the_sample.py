"""The sample's statements fit the schema of a market that has nothing else."""

from __future__ import annotations

import pytest

from souk.kernel.db.checks import check_statements
from souk.kernel.migrate import Source
from tests.architecture.conftest import SAMPLE, all_modules, of
from tests.architecture.test_statements import THE_SAMPLES, program


@pytest.fixture
def sources() -> tuple[Source, ...]:
    return of(module for module in all_modules() if module.name == SAMPLE)


async def test_every_statement_of_the_sample_fits_its_schema(runtime_dsn: str) -> None:
    statements = [query for query in program() if query.home.startswith(THE_SAMPLES)]
    assert statements
    complaints = await check_statements(runtime_dsn, statements)
    assert not complaints, "\n".join(complaints)
