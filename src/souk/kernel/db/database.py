"""`Database`: one market's data, and the edge that opens, retries and ends transactions on it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import asyncpg

from souk.kernel.clock import Clock
from souk.kernel.db.connection import Broken, Repartitioned, Unanswered
from souk.kernel.db.errors import Contended, DatabaseExhausted, DatabaseUnavailable, OutcomeUnknown, TooSlow, Unstorable
from souk.kernel.db.pool import ANSWER_SECONDS, Pool
from souk.kernel.db.query import only
from souk.kernel.db.tx import BEGIN, SNAPSHOT, Outbox, Tx, abandon, commit, roll_back

T = TypeVar("T")
Work = Callable[[Tx], Awaitable[T]]

TRIES: Final = 5

AGAIN: Final = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,
    Repartitioned,
)
"""Failures that say "run it again from the start"; nothing of the transaction remains."""

BROKEN: Final = (Broken, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError, asyncpg.CannotConnectNowError)
"""Failures after which the connection is gone. Before the commit was sent, nothing happened; after, nobody knows."""

SLOW: Final = (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError, asyncpg.IdleInTransactionSessionTimeoutError)

UNSTORABLE: Final[dict[type[BaseException], str]] = {
    asyncpg.CharacterNotInRepertoireError: "text contains a character that cannot be stored",
    asyncpg.UntranslatableCharacterError: "text contains a character that cannot be stored",
    UnicodeEncodeError: "text contains a character that cannot be stored",
    asyncpg.NumericValueOutOfRangeError: "a number is out of range",
    OverflowError: "a number is out of range",
    asyncpg.DatetimeFieldOverflowError: "a time is out of range",
    asyncpg.StringDataRightTruncationError: "text is too long",
    asyncpg.ProgramLimitExceededError: "a value is too large",
}
"""Values that only the database could refuse. The driver refuses some itself and names the cause."""

PATIENCE: Final = 600.0
"""How many seconds a statement of a survey may take."""

BE_PATIENT: Final = only(str, """select set_config('statement_timeout', $1, true) as "set!\"""")

IDLE_SECONDS: Final = 30.0
"""How long a role lets a transaction lie idle (`idle_in_transaction_session_timeout`)."""


class Database:
    """One market's pool, business clock and outbox."""

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        outbox: Callable[[Tx], Outbox] | None = None,
        *,
        idle: float = IDLE_SECONDS,
        kind: type[Tx] = Tx,
    ) -> None:
        self.pool = pool
        self.clock = clock
        self.outbox = outbox
        self.idle = idle
        self._kind: Final = kind

    def tx(self, *, reading: bool = False) -> Tx:
        """A new transaction, not yet begun. For the edge: whoever makes one ends it."""
        tx = self._kind(self.pool, self.clock, None, reading=reading)
        if self.outbox is not None and not reading:
            tx.outbox = self.outbox(tx)
        return tx

    async def read(self, work: Work[T]) -> T:
        """Run work that changes nothing, each statement by itself. Retried once when its connection turns out to be dead."""
        return await self._attempt(work, reading=True)

    async def write(self, work: Work[T]) -> T:
        """Run work in one transaction and commit it. Conflicts are retried from the start; work must be repeatable."""
        return await self._attempt(work)

    async def rehearse(self, work: Work[T]) -> T:
        """Run work as `write` does, then roll it back: the answer says what would have happened."""
        return await self._attempt(work, rehearsal=True)

    async def survey(self, work: Work[T], patience: float = PATIENCE) -> T:
        """Run work that changes nothing and may take long: all of it sees one moment, and no request waits for its connection."""
        pool = Pool(self.pool.dsn, size=1, answer=patience + ANSWER_SECONDS, prepared=self.pool.prepared)

        async def patiently(tx: Tx) -> T:
            await tx.run(BE_PATIENT, f"{patience}s")
            return await work(tx)

        try:
            return await Database(pool, self.clock, kind=self._kind)._attempt(patiently, begin=SNAPSHOT)
        finally:
            await pool.close()

    async def _attempt(self, work: Work[T], *, reading: bool = False, rehearsal: bool = False, begin: str = BEGIN) -> T:
        for attempt in range(1, TRIES + 1):
            tx = self.tx(reading=reading)
            tx.rehearsal, tx.begin = rehearsal, begin
            try:
                answer = await work(tx)
                await (roll_back(tx) if rehearsal else commit(tx))
            except BaseException as error:
                again = await give_up(tx, error, attempt, self.idle)
                if again is None:
                    raise
                if isinstance(again, Exception):
                    raise again from error
                continue
            return answer
        raise Contended

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        """One transaction as a block, without retries: for scripts, seeds and tests."""
        tx = self.tx()
        try:
            yield tx
            await commit(tx)
        except BaseException as error:
            again = await give_up(tx, error, TRIES, self.idle)
            if isinstance(again, Exception):
                raise again from error
            raise


async def give_up(tx: Tx, error: BaseException, attempt: int, idle: float = IDLE_SECONDS) -> Exception | bool | None:
    """End a failed transaction, and judge: True is "run it again", an exception is what to say, None is "raise it as it is"."""
    if isinstance(error, (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)):
        abandon(tx)
        return None
    if isinstance(error, (*BROKEN, Unanswered, asyncpg.InterfaceError)):
        abandon(tx)
    else:
        await _roll_back_quietly(tx)
    if isinstance(error, AGAIN):
        return await _pause(attempt) or Contended()
    if isinstance(error, Unanswered):
        return OutcomeUnknown() if tx.committing else TooSlow()
    if isinstance(error, BROKEN):
        return _judge_broken(tx, error, attempt, idle)
    return _judge_answer(error)


def _judge_broken(tx: Tx, error: BaseException, attempt: int, idle: float) -> Exception | bool:
    """A connection that broke before the commit was sent took the whole transaction with it, so all of it may run again."""
    if tx.committing and not (isinstance(error, Broken) and not error.sent):
        return OutcomeUnknown()
    if tx.begun_at and time.monotonic() - tx.begun_at >= idle:
        return TooSlow()
    # What broke this connection has probably broken those that lie idle: the next attempt gets a new one.
    tx.distrust_idle()
    return True if attempt == 1 else DatabaseUnavailable()


def _judge_answer(error: BaseException) -> Exception | None:
    """What the server refused, or the driver for it."""
    if isinstance(error, SLOW):
        return TooSlow()
    if isinstance(error, asyncpg.InsufficientResourcesError):
        return DatabaseExhausted()
    for found in (error, error.__cause__ if isinstance(error, asyncpg.DataError) else None):
        for kind, reason in UNSTORABLE.items():
            if isinstance(found, kind):
                return Unstorable(reason=reason)
    return None


async def _pause(attempt: int) -> bool:
    if attempt >= TRIES:
        return False
    await asyncio.sleep(random.uniform(0, 0.005 * 2**attempt))  # noqa: S311 - spreads retries, guards nothing
    return True


async def _roll_back_quietly(tx: Tx) -> None:
    """The first error is the one to tell; a rollback that fails as well only closes the connection."""
    try:
        await roll_back(tx)
    except (Broken, Unanswered, asyncpg.PostgresError, asyncpg.InterfaceError):
        abandon(tx)
