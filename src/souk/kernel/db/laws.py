"""Laws: queries that must never answer a row. A module keeps them in its `laws.sql`, each below a sentence that says what holds.

-- law: no order counts more messages than it has
select …;
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from souk.kernel.db.database import Database
from souk.kernel.db.query import Query, only
from souk.kernel.db.tx import Tx

SHOWN: Final = 5
"""Rows of a broken law that are told; there may be millions."""
PATIENCE: Final = "600s"

SENTENCE: Final = re.compile(r"^-- law: (.+)$", re.MULTILINE)
BE_PATIENT = only(str, """select set_config('statement_timeout', $1, true) as "set!\"""")


class Law(msgspec.Struct, frozen=True):
    """A sentence, and the query that answers where it is not true."""

    module: str
    sentence: str
    query: Query[list[str]]


class Broken(msgspec.Struct, frozen=True):
    """A law that does not hold, and the first rows that say so."""

    law: Law
    rows: list[str]

    def __str__(self) -> str:
        return f"{self.law.module}: it does not hold that {self.law.sentence}"


def laws_of(module: str, file: Path) -> list[Law]:
    """The laws of a module's file; none where there is no file."""
    return list(_read(module, file.read_text("utf-8"))) if file.exists() else []


def _read(module: str, text: str) -> Iterator[Law]:
    _, *parts = SENTENCE.split(text)
    for sentence, sql in zip(parts[::2], parts[1::2], strict=True):
        asked = sql.strip().rstrip(";")
        told = f'select to_jsonb(broken)::text as "row!" from ({asked}) broken limit {SHOWN}'  # noqa: S608 - the module's own text
        yield Law(module, sentence, Query("values", str, told, f"the laws of {module}"))


async def broken_laws(database: Database, laws: Iterable[Law]) -> list[Broken]:
    """Those that do not hold. Each is asked by itself, and may take its time."""
    found = []
    for law in laws:
        rows = await database.rehearse(partial(_ask, law=law))
        if rows:
            found.append(Broken(law, rows))
    return found


async def _ask(tx: Tx, law: Law) -> list[str]:
    await tx.run(BE_PATIENT, PATIENCE)
    return await tx.run(law.query)
