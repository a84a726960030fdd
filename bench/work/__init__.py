"""The jobs that are measured. Each writes what lets the measurement be checked, or nothing at all."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Final

from souk.kernel.assembly import Market, Module
from souk.kernel.db import Tx, count
from souk.kernel.messages import job
from souk.kernel.record import Record

MARK: Final = count("insert into marks (number, handled_at) values ($1, $2)")
DAWDLE: Final = "SOUK_BENCH_DAWDLE"
"""Set in a worker that is going to be killed: it never comes to an end with what it has begun."""


class Ask(Record):
    """Which of the jobs it is."""

    number: int


class Tally:
    """How many jobs this process has run, and how many of them are waited for."""

    def __init__(self) -> None:
        self.ran = 0
        self.wanted = 0
        self.began = 0.0
        self.reached = asyncio.Event()

    def another(self) -> None:
        """One more."""
        self.ran += 1
        if self.ran == 1:
            self.began = time.perf_counter()
        if self.ran == self.wanted:
            self.reached.set()


TALLY: Final = Tally()


@job("bench.nothing")
async def nothing(_tx: Tx, _ask: Ask) -> None:
    """Do nothing: what is measured is the queue."""
    TALLY.another()


@job("bench.mark")
async def mark(tx: Tx, ask: Ask) -> None:
    """Write one row."""
    TALLY.another()
    await tx.finish(MARK, ask.number, time.time())


@job("bench.dawdle")
async def dawdle(tx: Tx, ask: Ask) -> None:
    """Write one row, unless this worker is the one that dies over it."""
    if os.environ.get(DAWDLE):
        print("worker: holding", flush=True)
        await asyncio.sleep(600)
    await tx.finish(MARK, ask.number, time.time())


MODULE: Final = Module("bench", Path(__file__).parent, jobs=(nothing, mark, dawdle))
MARKET: Final = Market("bench", base="/bench/v1", title="Bench", roles=(), modules=(MODULE,))
