"""`python -m bench [case …]`: measure, compare, say what came out. Without a case, all but those that take long."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import uvloop

from bench import report
from bench.cases import ceiling, chat, http, jobs, live, matching, money, orders, payments, people, processes, scaling, search, size, start
from bench.filled import ask, postgres
from bench.machine import OTHER_CORE, describe, pin, revision
from bench.report import Figure, Report
from bench.run import Run

CASES: Final[dict[str, Callable[[Run], list[Figure]]]] = {
    "ceiling": ceiling.cases,
    "http": http.cases,
    "scaling": scaling.cases,
    "people": people.cases,
    "live": live.cases,
    "money": money.cases,
    "payments": payments.cases,
    "orders": orders.cases,
    "processes": processes.cases,
    "chat": chat.cases,
    "search": search.cases,
    "matching": matching.cases,
    "jobs": jobs.cases,
    "start": start.cases,
    "size": size.cases,
}
LONG: Final = frozenset({"size", "search", "matching"})
USUAL: Final = tuple(name for name in CASES if name not in LONG)
"""What runs when nothing is named: all but what needs minutes to be filled."""


def main() -> int:
    """Run what is asked for. 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("cases", nargs="*", help=f"which of {', '.join(CASES)}; all but {', '.join(sorted(LONG))} by default")
    parser.add_argument("--seconds", type=float, default=4, help="how long a round is (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="how many rounds count (default 3)")
    parser.add_argument("--rows", type=int, default=10_000, help="how many orders there are (default 10,000)")
    parser.add_argument("--large", type=int, default=1_000_000, help="how many orders `size` compares with (default 1,000,000)")
    parser.add_argument("--unsynced", action="store_true", help="do not wait for the disk: what is left is what the software costs")
    parser.add_argument("--record", action="store_true", help="put the figures into bench/README.md")
    chosen = parser.parse_args()
    unknown = set(chosen.cases) - set(CASES)
    if unknown:
        parser.error(f"there is no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    made = measure(chosen.cases or USUAL, chosen)
    report.show(made)
    report.keep(made)
    if chosen.record:
        report.record(made)
    return int(any(figure.verdict == "missed" for figure in made.figures))


def measure(names: Sequence[str], chosen: argparse.Namespace) -> Report:
    """The cases in turn, on one server."""
    pin(OTHER_CORE)
    home = Path(tempfile.mkdtemp(prefix="souk-bench-"))
    figures: list[Figure] = []
    try:
        with postgres(os.environ.get("SOUK_BENCH_DATABASE_URL", ""), durable=not chosen.unsynced) as server:
            run = Run(server, home, chosen.seconds, chosen.rounds, chosen.rows, chosen.large)
            settings = uvloop.run(ask(server, SETTINGS))
            for name in names:
                print(f"{name} …", file=sys.stderr, flush=True)
                figures += CASES[name](run)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    how = f"{chosen.rounds} rounds of {chosen.seconds:g} s, {chosen.rows:,} orders, 32 connections; medians, noise is the farthest round"
    return Report(revision(), describe(), settings, report.now(), how, figures)


SETTINGS: Final = """
select 'PostgreSQL ' || current_setting('server_version') || ', ' || string_agg(name || ' ' || setting, ', ' order by name)
from pg_settings where name in ('fsync', 'synchronous_commit', 'shared_buffers')
"""

if __name__ == "__main__":
    sys.exit(main())
