"""Every statement of notify fits its schema, and all of them are used."""

from __future__ import annotations

from souk.kernel.db import QUERIES
from souk.kernel.db.checks import check_statements

HOME = "souk.modules.notify"


async def test_every_statement_fits_the_schema(runtime_dsn: str) -> None:
    statements = [query for query in QUERIES if query.home.startswith(HOME)]
    assert statements
    complaints = await check_statements(runtime_dsn, statements)
    assert not complaints, "\n".join(complaints)
