"""Laws: queries that must never answer a row. A module keeps them in its `laws.sql`, each below a sentence that says what holds.

-- law: no order counts more messages than it has
select …;
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from souk.kernel.db.database import Database
from souk.kernel.db.query import Query
from souk.kernel.db.tx import Tx

SHOWN: Final = 5
"""Rows of a broken law that are told; there may be millions."""

SENTENCE: Final = re.compile(r"^-- law: (.+)$", re.MULTILINE)
COMMENT: Final = re.compile(r"^--.*$", re.MULTILINE)
AFTER: Final = re.compile(r"(?:\s|;|^--.*$)+\Z", re.MULTILINE)
"""What may stand below a query: remarks on the next one."""


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
    ahead, *parts = SENTENCE.split(text)
    if COMMENT.sub("", ahead).strip():
        raise ValueError(f"the laws of {module}: a query without a sentence would never be asked; put `-- law: …` above it")
    for sentence, sql in zip(parts[::2], parts[1::2], strict=True):
        told = f'select to_jsonb(broken)::text as "row!" from ({AFTER.sub("", sql)}\n) broken limit {SHOWN}'  # noqa: S608 - the module's own text
        yield Law(module, sentence, Query("values", str, told, f"the laws of {module}"))


async def broken_laws(database: Database, laws: Iterable[Law]) -> list[Broken]:
    """Those that do not hold, all as of one moment. They may take their time."""

    async def ask(tx: Tx) -> list[Broken]:
        return [Broken(law, rows) for law in laws if (rows := await tx.run(law.query))]

    return await database.survey(ask)
