"""Chat: how long a message takes from HTTP to the ear of another client, and a page of a long conversation.

`python -m bench.cases.chat serve` is the market that is measured: the sample's name and addresses, with chat alone in it.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import msgspec
import uvloop

from bench.cases.jobs import percentiles
from bench.filled import DATABASE_SECRET, SECRET, Sample, database
from bench.listener import connected
from bench.load import WrongAnswer
from bench.machine import CORES, free_port, running
from bench.report import Figure, judged
from bench.run import Run
from bench.server import READY, Server, settings
from souk.cli import main
from souk.kernel.config import Settings
from souk.kernel.db import Tx
from souk.kernel.http import Actor, Tokens
from souk.kernel.live import Live, Namespace
from souk.kernel.migrate import Source, kernel_sources, market_dsn, migrate
from souk.markets.sample import SAMPLE
from souk.modules import chat

CONNECTED: Final = 1_000
POSTED: Final = 400
WARM_UP: Final = 40
LONG: Final = 10_000
PAGES: Final = 200
MOST: Final = (20.0, 80.0)
"""Milliseconds from asking to the ear: p50, p99."""
MOST_PAGE: Final = 20.0

FILL: Final = """
with people as (select person, n from unnest($1::uuid[]) with ordinality each(person, n)),
pairs as (select gen_random_uuid() as id, p.person as one, o.person as other
    from people p join people o on o.n = 1 + p.n % (select count(*) from people)),
begun as (insert into conversations (id, direct, begun_at) select id, true, now() from pairs),
joined as (
    insert into participants (conversation_id, person_id, joined_at, touched_at)
    select id, one, now(), now() from pairs union all select id, other, now(), now() from pairs)
select id, one, other from pairs
"""
LENGTHEN: Final = """
insert into chat_messages (id, conversation_id, place, author_id, type, content, counts, sent_at, words)
select gen_random_uuid(), $1, n, $2, 'text', 'Message ' || n || ': is Tuesday all right for the fence?', true, now(),
    to_tsvector('simple', 'message ' || n || ': is tuesday all right for the fence?')
from generate_series(1, $3::int) n
"""


async def unblocked(_tx: Tx, _one: UUID, _other: UUID) -> bool:
    """Nobody has blocked anybody."""
    return False


RULES: Final = chat.Rules(may_begin=chat.anybody, blocked=unblocked)


class Pair(msgspec.Struct, frozen=True):
    """Two who have a conversation."""

    id: UUID
    one: UUID
    other: UUID


def cases(run: Run) -> list[Figure]:
    """Both figures, on one market."""
    people = [uuid4() for _ in range(CONNECTED)]
    with database(run.server) as dsn:
        made = Sample(dsn, market_dsn(dsn, SAMPLE.name, DATABASE_SECRET), 0, 0)
        pairs = uvloop.run(_fill(dsn, people))
        with serving(run, made) as server:
            return [uvloop.run(heard(server, people, pairs)), *paged(server, pairs[0])]


async def _fill(dsn: str, people: Sequence[UUID]) -> list[Pair]:
    """A ring of people, each with a conversation with the next; the first one is long."""
    await migrate(dsn, SAMPLE.name, (*kernel_sources(), Source("chat", chat.MODULE.migrations)), secret=DATABASE_SECRET)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"set search_path to {SAMPLE.name}")
        pairs = [Pair(*row) for row in await connection.fetch(FILL, list(people))]
        await connection.execute(LENGTHEN, pairs[0].id, pairs[0].one, LONG)
        await connection.execute("update conversations set places = $2 where id = $1", pairs[0].id, LONG)
        await connection.execute("vacuum analyze")
        return pairs
    finally:
        await connection.close()


@contextmanager
def serving(run: Run, made: Sample) -> Iterator[Server]:
    """A process of the market."""
    port = free_port()
    with running(
        [sys.executable, "-m", "bench.cases.chat", "serve"], ready=READY, cores=CORES, environ=settings(made, port, run.home)
    ) as program:
        yield Server(port, program)


def token(person: UUID) -> str:
    """What a person shows."""
    tokens = Tokens(SAMPLE.name, Settings.load({"SOUK_SECRET": SECRET}).keys(f"access tokens of {SAMPLE.name}"), SAMPLE.roles)
    return tokens.issue(Actor(person, frozenset({"customer"}), uuid4(), SAMPLE.name))


async def heard(server: Server, people: Sequence[UUID], pairs: Sequence[Pair]) -> Figure:
    """From asking to post until the other client's socket has it, with everybody connected. Nobody else hears it."""
    tokens = {person: token(person) for person in people}
    sockets = dict(zip(people, await connected(server.port, [tokens[person] for person in people]), strict=True))
    delays: list[float] = []
    for number, pair in enumerate(random.Random(1).sample(list(pairs[1:]), WARM_UP + POSTED)):
        body = {"conversationId": str(pair.id), "content": f"Is Tuesday all right? {number}", "type": "text"}
        asked = time.perf_counter()
        answer = await asyncio.to_thread(server.ask, "POST", "/messages", token=tokens[pair.one], body=body)
        while not sockets[pair.other].heard:
            if time.perf_counter() - asked > 10:
                raise WrongAnswer("the other one did not hear")
            await asyncio.sleep(0.001)
        at, frame = sockets[pair.other].heard[0]
        if answer["data"]["id"].encode() not in frame:
            raise WrongAnswer("the other one heard something else")
        await asyncio.sleep(0.01)
        listening = [person for person, socket in sockets.items() if socket.heard]
        if set(listening) != {pair.one, pair.other} or any(len(sockets[person].heard) != 1 for person in listening):
            raise WrongAnswer("a message was heard twice, or by somebody whom it does not concern")
        for person in listening:
            sockets[person].heard.clear()
        if number >= WARM_UP:
            delays.append((at - asked) * 1000)
    for socket in sockets.values():
        socket.transport.close()
    p50, p99 = percentiles(delays)
    note = f"from asking to the ear, a connection for each request, {CONNECTED:,} connected, {POSTED} messages"
    reached = judged(p50 <= MOST[0] and p99 <= MOST[1])
    wanted = f"≤ {MOST[0]:.0f} ms, p99 ≤ {MOST[1]:.0f} ms"
    return Figure("a message to another client's socket, p50", f"{p50:.1f} ms", "", wanted, reached, p99=f"{p99:.1f} ms", note=note)


def paged(server: Server, pair: Pair) -> Iterator[Figure]:
    """Pages all over a long conversation, and searching in it."""
    shown = token(pair.other)
    for name, query, wanted in (
        ("a page of 50", "limit=50", 50),
        ("searching", "limit=20&q=9999", 1),
    ):
        times: list[float] = []
        cursor = ""
        for _ in range(PAGES):
            asked = time.perf_counter()
            page = server.ask("GET", f"/conversations/{pair.id}/messages?{query}&cursor={cursor}", token=shown)
            times.append((time.perf_counter() - asked) * 1000)
            if len(page["data"]) != wanted:
                raise WrongAnswer(f"a page has {len(page['data'])} messages")
            cursor = page["pagination"]["nextCursor"] or ""
        p50, p99 = percentiles(times)
        note = "walked from the newest to the oldest, a connection for each request"
        yield Figure(
            f"{name} in a conversation of {LONG:,} messages, p50",
            f"{p50:.1f} ms",
            "",
            f"≤ {MOST_PAGE:.0f} ms",
            judged(p50 <= MOST_PAGE),
            p99=f"{p99:.1f} ms",
            note=note,
        )


if __name__ == "__main__":
    for field, value in {
        "modules": (chat.MODULE,),
        "rules": (RULES,),
        "live": Live((Namespace(path="/", says=chat.SAYS),)),
    }.items():
        msgspec.structs.force_setattr(SAMPLE, field, value)
    main(prog_name="souk")
