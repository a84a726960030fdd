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
    """An argument that is made anew for each execution, where `{}` stands for a given text, and `:n` for the script's own number."""

    expression: str
    given: str = ""


Argument = str | int | None | Fresh
Statement = tuple[str, Sequence[Argument]]
OWN_NUMBER: Final = "\\set n random(1, 9000000000000000000)\n"
COUNTED: Final = "\\set k :k + 1\n\\set n :client_id * 1000000 + :k\n"
"""The script's own number where it may not come twice: each connection counts its own millions, from a given number on."""


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


def scripts(stories: Sequence[Sequence[Statement]], folder: Path, counted: int | None = None) -> list[str]:
    """Write a script for each story; answer the words that give them to pgbench."""
    words: list[str] = [] if counted is None else ["-D", f"k={counted}"]
    own = OWN_NUMBER if counted is None else COUNTED
    for number, story in enumerate(stories[:SCRIPTS]):
        lines = [line(sql, arguments, f"a{number}_{step}", words) for step, (sql, arguments) in enumerate(story)]
        script = folder / f"{number}.sql"
        script.write_text(own + "".join(lines))
        words += ["-f", str(script)]
    return words


def line(sql: str, arguments: Sequence[Argument], prefix: str, words: list[str]) -> str:
    """A statement as a script has it. What it is given goes to pgbench's words."""
    names: dict[int, str] = {}
    for at, argument in enumerate(arguments, 1):
        if argument is None:
            names[at] = "null"
            continue
        given = argument.given if isinstance(argument, Fresh) else argument
        expression = argument.expression if isinstance(argument, Fresh) else "{}"
        names[at] = expression.format(f":{prefix}_{at}")
        if given != "":
            words += ["-D", f"{prefix}_{at}={given}"]
    text = re.sub(r"\$(\d+)", lambda found: names[int(found[1])], sql)
    return " ".join(each.strip() for each in text.splitlines()) + ";\n"


def pgbench(dsn: str, sql: str, sets: Sequence[Sequence[Argument]], seconds: float) -> Limit:
    """Run a statement with these arguments, at random, for so many seconds."""
    return pgbench_stories(dsn, [[(sql, arguments)] for arguments in sets], seconds)


def pgbench_stories(dsn: str, stories: Sequence[Sequence[Statement]], seconds: float, counted: int | None = None) -> Limit:
    """Run these stories, at random, for so many seconds: each statement of theirs is a transaction.

    counted: where a connection's own numbers begin, if none may come twice.
    """
    url = urlsplit(dsn)
    bare = urlunsplit(url._replace(netloc=url.netloc.replace(f":{url.password}@", "@") if url.password else url.netloc))
    environ = {**os.environ, "PGPASSWORD": url.password or ""}
    with tempfile.TemporaryDirectory() as folder:
        words = ["-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "1", "-T", str(max(1, round(seconds)))]
        words += scripts(stories, Path(folder), counted)
        done = subprocess.run([pgbench_program(), *words, bare], env=environ, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    latency = re.search(r"latency average = ([\d.]+)", done.stdout)
    failed = re.search(r"number of failed transactions: ([1-9]\d*)", done.stdout)
    if done.returncode != 0 or rate is None or latency is None or failed is not None:
        raise RuntimeError(f"pgbench: {said[-3000:]}")
    return Limit(float(rate[1]), float(latency[1]))
