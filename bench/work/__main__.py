"""A worker in a process of its own: `python -m bench.work <dsn> [jobs]`. With a number it says how long so many took, and ends."""

from __future__ import annotations

import asyncio
import sys
import time

import uvloop

from bench.work import MARKET, TALLY
from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool
from souk.kernel.messages import JOBS, Catalogue, Outbox, Worker, listen


async def main(dsn: str, jobs: int) -> None:
    catalogue = Catalogue(MARKET.modules)
    database = Database(Pool(dsn), Clock(), lambda tx: Outbox(catalogue, tx))
    worker = Worker(database, catalogue)
    hints = asyncio.create_task(listen(database, {JOBS: worker.wake}))
    print("worker: ready", flush=True)
    working = asyncio.create_task(worker.run())
    if jobs:
        await counted(worker, working, jobs)
    await working
    hints.cancel()


async def counted(worker: Worker, working: asyncio.Task[None], jobs: int) -> None:
    """Say how long it takes from the first of these jobs to the last one's completion."""
    TALLY.wanted = jobs
    await TALLY.reached.wait()
    worker.stop()
    await working
    print(f"worker: {jobs} in {time.perf_counter() - TALLY.began:.6f} s.", flush=True)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
