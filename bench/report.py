"""The figures as a table for people, as JSON for tools, and in `bench/README.md` for later."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final, Literal

import msgspec
from rich.console import Console
from rich.table import Table

Verdict = Literal["reached", "missed", "not judged", ""]

HERE: Final = Path(__file__).parent
LATEST: Final = HERE / "results" / "latest.json"
README: Final = HERE / "README.md"
MARKS: Final = re.compile(r"(<!-- figures -->\n).*?(<!-- end of figures -->)", re.DOTALL)


class Figure(msgspec.Struct, frozen=True):
    """One thing that was measured."""

    name: str
    value: str
    ratio: str = ""
    target: str = ""
    verdict: Verdict = ""
    p99: str = ""
    note: str = ""


class Report(msgspec.Struct, frozen=True):
    """A run: where and when it was made, and what it gave."""

    revision: str
    machine: str
    database: str
    made_at: datetime
    how: str
    figures: list[Figure]


def judged(reached: bool) -> Verdict:  # noqa: FBT001 - it is the answer to one question
    return "reached" if reached else "missed"


def noise(values: Sequence[float]) -> str:
    """How far rounds lie from their median."""
    middle = median(values)
    return f"±{max(abs(value - middle) for value in values) / middle:.0%}" if middle else ""


def rate(per_second: float) -> str:
    return f"{per_second:,.0f}/s"


def show(report: Report) -> None:
    """Print the report."""
    table = Table(
        title=f"{report.revision} · {report.made_at:%Y-%m-%d %H:%M} UTC", caption=f"{report.machine}\n{report.database}\n{report.how}"
    )
    for column in HEAD:
        table.add_column(column, justify="right" if column in ("figure", "ratio", "target", "p99") else "left")
    for row in rows(report):
        colour = {"missed": "red", "reached": "green"}.get(row[4], "")
        table.add_row(*row, style=colour)
    Console(width=max(Console().width, 150)).print(table)


HEAD: Final = ("what", "figure", "ratio", "target", "verdict", "p99", "note")


def rows(report: Report) -> list[tuple[str, ...]]:
    return [(f.name, f.value, f.ratio, f.target, f.verdict, f.p99, f.note) for f in report.figures]


def keep(report: Report) -> None:
    """Write the report where the next one overwrites it."""
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))


def record(report: Report) -> None:
    """Put the figures into `bench/README.md`, each in place of its last one; those of other cases stay, with the revision they are of."""
    text = README.read_text()
    lines = known(text) | {row[0]: (*row, report.revision) for row in rows(report)}
    about = f"Last run: {report.made_at:%Y-%m-%d}. {report.machine}. {report.database}. {report.how}\n\n"
    head = (*HEAD, "revision")
    table = [f"| {' | '.join(each)} |" for each in (head, *lines.values())]
    table.insert(1, f"|{'---|' * len(head)}")
    README.write_text(MARKS.sub(lambda found: found[1] + about + "\n".join(table) + "\n" + found[2], text))


def known(text: str) -> dict[str, tuple[str, ...]]:
    """The figures that stand in the page, by what they are of."""
    recorded = MARKS.search(text)
    found = [line[2:-2].split(" | ") for line in (recorded[0] if recorded else "").splitlines() if line.startswith("| ")]
    return {cells[0]: tuple(cells) for cells in found[1:] if len(cells) == len(HEAD) + 1}


def now() -> datetime:
    return datetime.now(UTC)
