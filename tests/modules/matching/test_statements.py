"""Every statement of matching, and of the fair, fits the migrated schema, and is used."""

from __future__ import annotations

from pathlib import Path

from souk.kernel.db import QUERIES
from souk.kernel.db.checks import check_statements
from souk.kernel.db.usage import check_usage
from souk.modules import matching
from tests.modules.matching import fair


async def test_every_statement_fits_the_schema(runtime_dsn: str) -> None:
    own = [query for query in QUERIES if query.home.startswith(("souk.modules.matching", fair.__name__))]
    assert len(own) > 30
    complaints = await check_statements(runtime_dsn, own)
    assert not complaints, "\n".join(complaints)


def test_every_statement_is_used() -> None:
    own = [query for query in QUERIES if query.home.startswith("souk.modules.matching")]
    complaints = check_usage(Path(str(matching.__file__)).parent, own)
    assert not complaints, "\n".join(complaints)
