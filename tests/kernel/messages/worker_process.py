"""A worker in a process of its own, for those who want to kill it: `python -m tests.kernel.messages.worker_process <dsn>`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
import uvloop

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Tx
from souk.kernel.messages import Completion, Event, Rhythm, emit, enqueue, event, job, on
from tests.kernel.messages.stage import ADD_EFFECT, Say, Stage, note

RHYTHM = Rhythm(lease=1.0, beat=0.1, longest=0.1, backoff=0.2)


class Link(msgspec.Struct, frozen=True):
    """One link of a chain of jobs: what is left to do after it."""

    chain: int
    left: int


@asynccontextmanager
async def at_work() -> AsyncIterator[None]:
    """Let whoever started this process know that it is in the middle of something."""
    os.write(1, b"+")
    yield
    os.write(1, b"-")


@event("link.done")
class LinkDone(Event):
    chain_id: UUID
    chain: int
    revision: int


@job("link", attempts=1000)
async def link(tx: Tx, args: Link) -> None:
    """Leave an effect, announce it, and ask for the next link: by one statement or by several, inside or outside."""
    await note(tx, f"link {args.chain} {args.left}")
    async with at_work():
        await asyncio.sleep(0.01)
    await emit(tx, LinkDone(UUID(int=args.chain), args.chain, 100 - args.left))
    if args.left:
        await enqueue(tx, (link, swift, calling)[args.left % 3], Link(args.chain, args.left - 1))


@job("swift", attempts=1000)
async def swift(tx: Tx, args: Link) -> None:
    """The same in one round trip."""
    await emit(tx, LinkDone(UUID(int=args.chain), args.chain, 100 - args.left))
    if args.left:
        await enqueue(tx, (link, swift, calling)[args.left % 3], Link(args.chain, args.left - 1))
    await tx.finish(ADD_EFFECT, f"link {args.chain} {args.left}")


@job("calling", attempts=1000)
async def calling(database: Database, args: Link) -> Completion:
    """The same by way of a call to another."""
    del database
    await asyncio.sleep(0.01)

    async def record(tx: Tx) -> None:
        await link(tx, args)

    return record


@on(LinkDone, attempts=1000)
async def follow(tx: Tx, fact: LinkDone) -> None:
    """Leave a trace of each link; in order, within a chain."""
    await note(tx, f"followed {fact.chain} {fact.revision}")


@job("poison", attempts=3)
async def poison(tx: Tx, args: Say) -> None:
    """Kill the worker, at once and without a word."""
    await note(tx, args.what)
    os._exit(9)


@job("nap", attempts=5)
async def nap(tx: Tx, args: Say) -> None:
    """Take long."""
    await note(tx, args.what)
    await asyncio.sleep(60)


DECLARED = (link, swift, calling, follow, poison, nap)


async def main(dsn: str) -> None:
    stage = Stage(Pool(dsn, size=4), Clock()).open(*DECLARED)
    await stage.worker(rhythm=RHYTHM, concurrency=4).run()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
