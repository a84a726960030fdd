"""Two server processes against one, everything else on the same cores in both."""

from __future__ import annotations

from statistics import median

from bench.cases.http import reading_one
from bench.filled import sample
from bench.load import load
from bench.machine import CORES
from bench.report import Figure, judged, noise, rate
from bench.run import Run
from bench.server import souk

ENOUGH_CORES = 4
"""Two for the servers, two for the database and the load; with fewer the processes wait for cores, not for each other."""


def cases(run: Run) -> list[Figure]:
    """E1 by one process and by two."""
    first, second = CORES[0], CORES[1 % len(CORES)]
    with sample(run.server, run.rows) as made, souk(made, run.home, cores=[first]) as one, souk(made, run.home, cores=[second]) as two:
        case = reading_one(made, one.tokens("customer", min(made.people, made.persons())))
        alone: list[float] = []
        both: list[float] = []
        for number in range(run.rounds + 1):
            rates = [load(ports, case.calls, run.seconds).per_second for ports in ([one.port], [one.port, two.port])]
            if number:
                alone.append(rates[0])
                both.append(rates[1])
    ratio = median(b / a for a, b in zip(alone, both, strict=True))
    verdict = judged(ratio >= 1.7) if len(CORES) >= ENOUGH_CORES else "not judged"
    note = f"one {rate(median(alone))}, {noise(both)}" + ("" if verdict != "not judged" else f"; {len(CORES)} cores for everything")
    return [Figure("E1 by two processes", rate(median(both)), f"{ratio:.2f}", "≥ 1.70 of one", verdict, note=note)]
