"""How long `souk up` takes to answer, and how much memory it holds when nothing happens."""

from __future__ import annotations

import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from bench.load import WrongAnswer
from bench.machine import CORES, Program, free_port, proportional_memory
from bench.report import Figure, judged
from bench.run import Run
from bench.server import READY, SOUK

QUIET: float = 8.0
"""Seconds after which a server that nobody asks has settled."""


def cases(run: Run) -> list[Figure]:
    """Cold, then warm, with every market and an embedded database of its own."""
    del run
    return list(started())


def started() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="souk-bench-") as folder:
        Path(folder).chmod(0o755)  # the database's own user has to enter it
        for name, target in (("souk up, cold", 15.0), ("souk up, warm", 3.0)):
            port = free_port()
            environ = {"SOUK_HOME": str(Path(folder) / "home"), "SOUK_PORT": str(port)}
            program = Program([SOUK, "up"], cores=CORES, environ=environ)
            try:
                seconds = program.wait_for(READY, patience=120)
                answers(port)
                yield Figure(f"{name}, to ready", f"{seconds:.2f} s", "", f"≤ {target:.0f} s", judged(seconds <= target))
                if name.endswith("warm"):
                    yield memory(program)
            finally:
                program.stop()


def answers(port: int) -> None:
    """Ready has to mean it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=10) as answer:
        if answer.status != 200:
            raise WrongAnswer(f"ready was said, but /ready answers {answer.status}")


def memory(program: Program) -> Figure:
    time.sleep(QUIET)
    held = proportional_memory(program.pid)
    return Figure("idle memory, every market, database included", f"{held:.0f} MiB", "", "≤ 250 MiB", judged(held <= 250))
