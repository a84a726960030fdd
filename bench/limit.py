"""The limit: `pgbench` running the very statements that Souk runs, prepared, over as many connections as Souk has.

pgbench cannot choose among texts, so each of up to 100 sets of arguments gets a script of its own; what must be new each
time (an id) is made by the server.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import msgspec

from souk.kernel.postgres.programs import find

CONNECTIONS: Final = 10
SCRIPTS: Final = 100


class Fresh(msgspec.Struct, frozen=True):
    """An argument that the server makes anew for each execution, where `{}` stands for a given text."""

    expression: str
    given: str = ""


Argument = str | int | None | Fresh


class Limit(msgspec.Struct, frozen=True):
    """What pgbench reached."""

    per_second: float
    latency: float
    """Mean, in milliseconds."""


def pgbench_program() -> Path:
    """The pgbench beside the server's programs, or the one on the path."""
    beside = find().folder / "pgbench"
    if beside.exists():
        return beside
    found = shutil.which("pgbench")
    if found is None:
        raise FileNotFoundError("pgbench is needed as the limit: install PostgreSQL's contrib package")
    return Path(found)


def scripts(sql: str, sets: Sequence[Sequence[Argument]], folder: Path) -> list[str]:
    """Write one script a set of arguments; answer the words that give them to pgbench."""
    words: list[str] = []
    for number, arguments in enumerate(sets[:SCRIPTS]):
        names: dict[int, str] = {}
        for at, argument in enumerate(arguments, 1):
            if argument is None:
                names[at] = "null"
                continue
            given = argument.given if isinstance(argument, Fresh) else argument
            expression = argument.expression if isinstance(argument, Fresh) else "{}"
            names[at] = expression.format(f":a{number}_{at}")
            if given != "":
                words += ["-D", f"a{number}_{at}={given}"]
        text = re.sub(r"\$(\d+)", lambda found, names=names: names[int(found[1])], sql)  # type: ignore[misc]
        script = folder / f"{number}.sql"
        script.write_text(" ".join(line.strip() for line in text.splitlines()) + ";\n")
        words += ["-f", str(script)]
    return words


def pgbench(dsn: str, sql: str, sets: Sequence[Sequence[Argument]], seconds: float) -> Limit:
    """Run a statement with these arguments, in turn and at random, for so many seconds."""
    url = urlsplit(dsn)
    bare = urlunsplit(url._replace(netloc=url.netloc.replace(f":{url.password}@", "@") if url.password else url.netloc))
    environ = {**os.environ, "PGPASSWORD": url.password or ""}
    with tempfile.TemporaryDirectory() as folder:
        words = ["-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "1", "-T", str(max(1, round(seconds)))]
        words += scripts(sql, sets, Path(folder))
        done = subprocess.run([pgbench_program(), *words, bare], env=environ, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    latency = re.search(r"latency average = ([\d.]+)", done.stdout)
    failed = re.search(r"number of failed transactions: ([1-9]\d*)", done.stdout)
    if done.returncode != 0 or rate is None or latency is None or failed is not None:
        raise RuntimeError(f"pgbench: {said[-3000:]}")
    return Limit(float(rate[1]), float(latency[1]))
