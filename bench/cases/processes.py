"""Processes: how long the checker takes, and how much of what is wrong it finds."""

from __future__ import annotations

import time
from statistics import median

from bench.report import Figure, judged
from bench.run import Run
from souk.process import check
from souk.process.together import together
from tests.process.markets import MARKETS, PROCESSES, templates
from tests.process.mutations import score

ROUNDS = 20


def cases(run: Run) -> list[Figure]:
    """All processes of the five contracts, judged alone and together."""
    del run
    return [checking(), mutations()]


def checking() -> Figure:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for process in PROCESSES:
            check(process)
        for processes in MARKETS.values():
            together(processes, {"en": templates(processes)})
        times.append(time.perf_counter() - began)
    seconds = median(times)
    return Figure(f"{len(PROCESSES)} processes judged", f"{seconds * 1000:.1f} ms", "", "≤ 200 ms", judged(seconds <= 0.2))


def mutations() -> Figure:
    found = score()
    refused, made = found.refused.total(), found.made.total()
    kinds = ", ".join(f"{kind} {found.refused[kind]}/{count}" for kind, count in found.made.items())
    return Figure(
        "processes made wrong that are refused",
        f"{refused} of {made}",
        f"{refused / made:.1%}",
        "≥ 95 %",
        judged(refused >= 0.95 * made),
        note=kinds,
    )
