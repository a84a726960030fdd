"""`Tx`: what a command receives. It runs statements and carries the outbox; only the edge can commit it.

`begin` is sent with the first statement that needs it, so a request that is refused before costs nothing, a reading
one never opens a transaction, and a change made by one statement is one round trip (`finish`).
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final, Protocol, TypeVar

from souk.kernel.clock import Clock
from souk.kernel.db.connection import Connection, Violated
from souk.kernel.db.pool import Pool
from souk.kernel.db.query import Query, Rider, count

T = TypeVar("T")

BEGIN: Final = "begin"
SNAPSHOT: Final = "begin isolation level repeatable read, read only"
"""All of it sees one moment, and the server refuses a change."""


class Outbox(Protocol):
    """What a transaction still has to write before it commits: events and jobs (`kernel/messages`)."""

    def unload(self) -> tuple[Rider, tuple[object, ...]] | None:
        """Hand over everything that waits, as CTEs and their arguments; None when nothing does."""

    def committed(self) -> None:
        """The transaction is committed: wake whoever waits for it."""


class ReadsOnly(TypeError):
    """A change in a transaction that was opened for reading: it would commit by itself, past every retry and refusal."""


class Tx:
    """One transaction of one market."""

    __slots__ = (
        "_begun",
        "_connection",
        "_finished",
        "_now",
        "_pool",
        "begin",
        "begun_at",
        "clock",
        "committing",
        "outbox",
        "reading",
        "rehearsal",
    )

    def __init__(self, pool: Pool, clock: Clock, outbox: Outbox | None, *, reading: bool = False) -> None:
        self._pool = pool
        self._connection: Connection | None = None
        self._begun = False
        self._finished = False
        self._now: datetime | None = None
        self.begin = BEGIN
        """How it begins, when it has to."""
        self.begun_at = 0.0
        self.clock = clock
        self.reading = reading
        self.rehearsal = False
        """Whether it will be rolled back whatever happens: then nothing may commit by itself."""
        self.committing = False
        """Whether a commit was sent whose answer has not come."""
        self.outbox = outbox

    @property
    def now(self) -> datetime:
        """Business time: one moment for the whole transaction."""
        if self._now is None:
            self._now = self.clock.now()
        return self._now

    @property
    def over(self) -> bool:
        """Whether its last statement has committed it already."""
        return self._finished

    @property
    def untouched(self) -> bool:
        """Whether no statement has been run yet."""
        return self._connection is None

    async def run(self, query: Query[T], *args: object) -> T:
        """Run one statement."""
        connection = self._connection
        if connection is None:
            connection = await self._connect()
        if not self._begun:
            if not self.reading:
                await self._begin(connection)
            elif query.changes:
                raise ReadsOnly(f"{query!r} changes rows, but this transaction only reads")
        return await connection.run(query, args)

    async def glance(self, query: Query[T], *args: object) -> T:
        """Read before the transaction begins. What is seen may be old when something is changed, so the change has to check it."""
        if self._begun or query.changes:
            raise RuntimeError(f"{query!r} cannot be looked at in passing: it changes rows, or the transaction has begun")
        connection = self._connection
        if connection is None:
            connection = await self._connect()
        return await connection.run(query, args)

    async def finish(self, query: Query[T], *args: object) -> T:
        """Run the last statement of a change, and everything that waits in the outbox, in the same round trip.

        When it is also the first, no transaction is opened around it: one statement is one by itself. Unless messages ride
        on a statement that may find nothing to do: a refusal after it must be able to take them back.
        """
        connection = self._connection
        if connection is None:
            connection = await self._connect()
        may_undo = self.rehearsal
        unloaded = self.outbox.unload() if self.outbox is not None else None
        if unloaded is not None:
            may_undo = may_undo or not query.certain
            query = query.carrying(unloaded[0])
            args = (*args, *unloaded[1])
        if may_undo and not self._begun:
            await self._begin(connection)
        alone = not self._begun
        self.committing = alone
        try:
            answer = await connection.run(query, args)
        except Violated:
            # The server said no: nothing of it happened, and the caller may go on from there.
            self.committing = False
            raise
        self.committing = False
        self._finished = alone
        return answer

    def distrust_idle(self) -> None:
        """Close the connections nobody uses: this one broke, so those are probably dead as well."""
        self._pool.close_idle(0)

    async def _connect(self) -> Connection:
        connection = self._pool.take_idle()
        if connection is None:
            connection = await self._pool.take()
            if self._connection is not None:
                # Another statement was started meanwhile. The driver refuses two at once; no connection may be lost by it.
                self._pool.give_back(connection)
                return self._connection
        self._connection = connection
        return connection

    async def _begin(self, connection: Connection) -> None:
        if self._finished:
            raise RuntimeError("this transaction was finished by its last statement; nothing can follow it")
        await connection.execute(self.begin)
        self._begun = True
        self.begun_at = time.monotonic()


# For the edge only: commands receive a Tx and cannot end it.


class NotCommitted(RuntimeError):
    """A statement failed, its error was swallowed, and the work went on: PostgreSQL answered the commit with a rollback."""

    def __init__(self) -> None:
        super().__init__("nothing was committed: a statement of this transaction failed and its error was swallowed")


async def commit(tx: Tx) -> None:
    """Write what waits in the outbox, commit, and give the connection back."""
    unloaded = tx.outbox.unload() if tx.outbox is not None else None
    if unloaded is not None:
        await tx.run(NOTHING_ELSE.carrying(unloaded[0]), *unloaded[1])
    connection = tx._connection
    if connection is not None:
        if tx._begun:
            tx.committing = True
            said = await connection.execute("commit")
            tx.committing = False
            tx._begun = False
            if said != "COMMIT":
                raise NotCommitted
        tx._connection = None
        tx._pool.give_back(connection)
    if tx.outbox is not None:
        tx.outbox.committed()


async def roll_back(tx: Tx) -> None:
    """Undo everything and give the connection back; a connection that cannot even do that is closed."""
    connection, tx._connection = tx._connection, None
    if connection is None:
        return
    try:
        if tx._begun and connection.usable():
            await connection.execute("rollback")
    finally:
        tx._begun = False
        tx._pool.give_back(connection)


def abandon(tx: Tx) -> None:
    """Close the connection without a word: the caller was cancelled, so what state it is in is not known."""
    connection, tx._connection = tx._connection, None
    if connection is not None:
        tx._pool.drop(connection)


NOTHING_ELSE = count("select 1 where false")
