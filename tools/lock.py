"""Write the locks from pyproject.toml, or say that they do not fit it.

    python tools/lock.py             resolve, keeping versions that still fit (needs a package index)
    python tools/lock.py --upgrade   resolve to the newest versions
    python tools/lock.py --check     compare only (offline)

Each lock names versions and hashes and no address (docs/decisions/0001). Its first line keeps a hash of the tables of
pyproject.toml that it was made from, so a forgotten `make lock` is found without resolving anything.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final

import bootstrap

ROOT: Final = Path(__file__).resolve().parent.parent
RUN: Final = ROOT / "requirements.lock"
TEST: Final = ROOT / "requirements-test.lock"
UV: Final = ROOT / "tools" / "uv.lock"
MARK: Final = "# made from pyproject.toml by `make lock`: "


def main(arguments: list[str]) -> int:
    """0 when the locks fit, or were written."""
    if arguments == ["--check"]:
        return check()
    if arguments not in ([], ["--upgrade"]):
        print(__doc__, file=sys.stderr)
        return 2
    write(arguments)
    return 0


def check() -> int:
    """Compare the hash that each lock keeps with pyproject.toml as it is now."""
    wrong = [lock.name for lock in (RUN, TEST, UV) if not lock.read_text().startswith(MARK + declared() + "\n")]
    if wrong:
        print(f"{', '.join(wrong)}: not made from this pyproject.toml. Run `make lock`.", file=sys.stderr)
        return 1
    addressed = [lock.name for lock in (RUN, TEST, UV) if "://" in lock.read_text()]
    if addressed:
        print(f"{', '.join(addressed)}: names an address; a lock holds versions and hashes only.", file=sys.stderr)
        return 1
    return 0


def write(more: list[str]) -> None:
    """Resolve for all platforms and Pythons at once; tests get the versions that run."""
    uv = bootstrap.find_uv() or bootstrap.fetch_uv()
    running = ["pyproject.toml", "--all-extras", "--group", "build", *more]
    compile_lock(uv, RUN, running)
    compile_lock(uv, TEST, [*running, "--group", "test", "--group", "docs"], constraint=RUN)
    leave_out(TEST, RUN)
    compile_lock(uv, UV, ["-", *more], stdin="uv")


def compile_lock(uv: str, lock: Path, arguments: list[str], *, constraint: Path | None = None, stdin: str = "") -> None:
    """Let uv write one lock, and put our mark on it."""
    options = ["--universal", "--generate-hashes", "--no-header", "--no-annotate", "--quiet", "--python-version", "3.11"]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as versions:
        # Versions only: given a constraint's hashes, uv would keep to them and lose the other platforms' files.
        versions.writelines(heading(entry) + "\n" for entry in (entries(constraint) if constraint else []))
        versions.flush()
        command = [uv, "pip", "compile", *arguments, *options, "--constraint", versions.name, "--output-file", str(lock)]
        done = subprocess.run(command, input=stdin, cwd=ROOT, env=bootstrap.uv_environment(), text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    lock.write_text(f"{MARK}{declared()}\n{lock.read_text()}")


def leave_out(lock: Path, other: Path) -> None:
    """Take out of a lock what the other one, which it is always installed with, already names."""
    known = set(entries(other))
    kept = "".join(entry for entry in entries(lock) if entry not in known)
    lock.write_text(f"{MARK}{declared()}\n{kept}")


def entries(lock: Path) -> list[str]:
    """A lock's requirements, each with its hashes."""
    return re.findall(r"^\w.*(?:\n .*)*\n", lock.read_text(), re.MULTILINE)


def heading(entry: str) -> str:
    """The version and the platforms of a requirement, without its hashes."""
    return entry.partition(" \\\n")[0].strip()


def declared() -> str:
    """A hash of everything in pyproject.toml that decides what is installed."""
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = tables["project"]
    deciding = [project["requires-python"], project["dependencies"], project["optional-dependencies"], tables["dependency-groups"]]
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:32]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
