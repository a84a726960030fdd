"""Where migrations come from: a `Source` is a name and a folder with `NNNN_what.sql`, numbered without gaps from 0001."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from souk.kernel.migrate.errors import Misnamed

NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
KERNEL: Final = ("db", "messages", "http", "live")
"""The parts of the kernel that have tables, in the order in which they need each other."""


class Source(msgspec.Struct, frozen=True):
    """One owner of tables: a part of the kernel, a module or a market."""

    name: str
    folder: Path

    @property
    def declaration(self) -> Path:
        """The file that shows all its tables as they are now. With a single migration that one is it."""
        return self.folder.parent / "schema.sql"


class Migration(msgspec.Struct, frozen=True):
    """One step forward."""

    source: str
    file: str
    sql: str
    checksum: str

    def __str__(self) -> str:
        return f"{self.source}/{self.file}"


def kernel_sources() -> tuple[Source, ...]:
    """What every market has, before its modules."""
    kernel = Path(__file__).parents[1]
    return tuple(Source(name, folder) for name in KERNEL if (folder := kernel / name / "migrations").is_dir())


def migrations_of(sources: Iterable[Source]) -> tuple[Migration, ...]:
    """Every migration of the sources, in the order in which they run."""
    return tuple(migration for source in sources for migration in _read(source))


def _read(source: Source) -> list[Migration]:
    found = []
    for number, path in enumerate(sorted(source.folder.glob("*")), start=1):
        name = NAME.fullmatch(path.name)
        if name is None:
            raise Misnamed(f"{path} is not a migration: call it NNNN_what.sql (small letters, digits, _) or move it elsewhere.")
        if int(name[1]) != number:
            raise Misnamed(f"{path} should be number {number:04}: migrations of a source are numbered from 0001 without gaps or doubles.")
        text = path.read_bytes().replace(b"\r\n", b"\n")
        found.append(Migration(source.name, path.name, text.decode(), hashlib.sha256(text).hexdigest()))
    return found
