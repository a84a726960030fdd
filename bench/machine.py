"""The machine the figures are of: its cores, who is pinned to which, and processes started for the time of a block."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

ROOT: Final = Path(__file__).resolve().parents[1]
CORES: Final = sorted(os.sched_getaffinity(0))
SERVER_CORE: Final = CORES[0]
OTHER_CORE: Final = CORES[-1]
"""PostgreSQL and the load share it, so that one process of Souk has a core of its own."""


def pin(*cores: int, pid: int = 0) -> None:
    """Keep a process, and whatever it starts from now on, on these cores."""
    os.sched_setaffinity(pid, cores)


def describe() -> str:
    """The machine in a line."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(": ")[2]
            break
    memory = psutil.virtual_memory().total / 2**30
    return f"{model}, {len(CORES)} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def revision() -> str:
    """The git revision, with `+` where the working tree differs from it."""
    said = subprocess.run(["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True, check=False)
    return said.stdout.strip() or "no revision"


def free_port() -> int:
    """A port nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Program:
    """A process started for a measurement. What it says goes to a file: a pipe that nobody reads would stop it."""

    def __init__(self, words: Sequence[str | Path], *, cores: Sequence[int], environ: Mapping[str, str] | None = None) -> None:
        self.words = words
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed by `stop`
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            words,
            cwd=ROOT,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: pin(*cores),  # noqa: PLW1509 - one thread, before anything else runs
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def said(self) -> str:
        """Everything it has said."""
        self._said.seek(0)
        return self._said.read()

    def wait_for(self, words: str, patience: float = 60) -> float:
        """Wait until it says these words; answer how many seconds after the start that was."""
        while words not in self.said():
            waited = time.perf_counter() - self.began
            if self.process.poll() is not None or waited > patience:
                text = self.said()
                self.stop()
                raise RuntimeError(f"{' '.join(map(str, self.words))} never said {words!r}:\n{text[-4000:]}")
            time.sleep(0.005 if waited < 2 else 0.05)  # seldom enough not to be measured itself
        return time.perf_counter() - self.began

    def stop(self) -> None:
        """End it politely, then by force."""
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._said.close()


@contextmanager
def running(
    words: Sequence[str | Path], *, ready: str, cores: Sequence[int], environ: Mapping[str, str] | None = None
) -> Iterator[Program]:
    """A program for the length of a block, from the moment it says it is ready."""
    program = Program(words, cores=cores, environ=environ)
    try:
        program.wait_for(ready)
        yield program
    finally:
        program.stop()


def python(module: str, *words: object) -> list[str]:
    """The words that run a module of this repository."""
    return [sys.executable, "-m", module, *map(str, words)]


def proportional_memory(pid: int) -> float:
    """MiB of a process and all its children, shared pages counted by their share."""
    tree = psutil.Process(pid)
    total = 0
    for process in (tree, *tree.children(recursive=True)):
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024
