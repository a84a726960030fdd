"""Cost grows with the work, not with what is stored: the same operations on a small and on a large table."""

from __future__ import annotations

from statistics import median

from bench.cases.http import NOTHING, every_case
from bench.filled import sample
from bench.load import load
from bench.report import Figure, judged, rate
from bench.run import Run
from bench.server import souk


def cases(run: Run) -> list[Figure]:
    """Each operation, small and large."""
    small, large = rates(run, run.rows), rates(run, run.large)
    return [
        Figure(
            f"{name} of {run.large:,} orders",
            rate(large[name]),
            f"{large[name] / small[name]:.2f}",
            f"≥ 0.80 of {run.rows:,}",
            judged(large[name] >= 0.8 * small[name]),
            note=f"{rate(small[name])} of {run.rows:,}",
        )
        for name in small
    ]


def rates(run: Run, rows: int) -> dict[str, float]:
    """What each operation reaches on so many orders."""
    found = {}
    with sample(run.server, rows) as made, souk(made, run.home) as server:
        for case in every_case(made, server):
            rounds, books = [], case.books or NOTHING
            for number in range(run.rounds + 1):
                figures = load([server.port], case.calls, run.seconds)
                books.verify(made, figures.answers)
                books.clean(made)
                rounds += [figures.per_second] if number else []
            found[case.name] = median(rounds)
    return found
