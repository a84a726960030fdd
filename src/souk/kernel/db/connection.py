"""One connection: asyncpg's, with the statements it has prepared."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from souk.kernel.db.query import NoRow, Query

T = TypeVar("T")

NO_ANSWER: Final = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OutdatedSchemaCacheError,
)
"""What the driver raises when the server gave no answer, or one that it cannot read any more."""


class Broken(Exception):
    """The connection is gone. `sent` tells whether the server may have received what was being said."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__("the connection broke " + ("while the server was asked" if sent else "before the server was asked"))
        self.sent = sent


class Repartitioned(Exception):
    """The table got a partition for this row while the statement waited for it. Nothing was written; run it all again."""


class Violated(Exception):
    """A rule of the schema (unique, exclusion, check, foreign key) refused a change.

    A command that expects it says what it means:

        except Violated as violated:
            raise SlotTaken() from violated
    """

    def __init__(self, constraint: str, detail: str = "") -> None:
        super().__init__(f"the schema's rule {constraint} refused the change")
        self.constraint = constraint
        self.detail = detail
        """What the server adds. A function that refuses may say there, as JSON, what its caller needs."""


class Unanswered(Exception):
    """The server did not answer in time. What became of the statement is not known."""


class Connection:
    """Runs typed statements. Each is prepared once a connection, by the constant itself, not by its text.

    `prepared=False` is for a PgBouncer that keeps no statements: then the text travels with each execution, parsed, bound
    and run in one message batch, so that it does not matter which server connection receives it. What the statement was
    described as the first time is kept all the same; a later execution is one round trip here, too.
    """

    __slots__ = ("_prepared", "_prepared_count", "_statements", "idle_since", "raw")

    def __init__(self, raw: asyncpg.Connection[Any], *, prepared: bool = True) -> None:
        self.raw = raw
        self.idle_since = 0.0
        self._prepared = prepared
        self._prepared_count = 0
        self._statements: dict[Query[Any], PreparedStatement[Any]] = {}

    def usable(self) -> bool:
        return not self.raw.is_closed()

    async def run(self, query: Query[T], args: tuple[object, ...]) -> T:
        """Run one statement; the first time on this connection it is prepared."""
        statement = self._statements.get(query)
        if statement is None:
            statement = await self._prepare(query)
        try:
            rows = await statement.fetch(*args)
        except asyncpg.InvalidCachedStatementError:
            # A migration changed what the statement answers. Inside a transaction the edge runs it all again.
            del self._statements[query]
            if self.raw.is_in_transaction():
                raise
            statement = await self._prepare(query)
            rows = await statement.fetch(*args)
        except asyncpg.NoDataFoundError as error:  # `must_exist` of the ground migration
            raise NoRow(f"no row for {query!r}") from error
        except asyncpg.IntegrityConstraintViolationError as error:
            if not error.constraint_name and not error.column_name:
                raise Repartitioned from error
            raise Violated(str(error.constraint_name or error.column_name), error.detail or "") from error
        except NO_ANSWER as error:
            raise self._judge(error) from error
        if query.shape == "count":
            return int(statement.get_statusmsg().rpartition(" ")[2])  # type: ignore[return-value, union-attr]
        return query.answer(rows)

    async def execute(self, sql: str) -> str:
        """`begin`, `commit` and their like: no parameters, and only the server's word for what it did."""
        try:
            return await self.raw.execute(sql)
        except NO_ANSWER as error:
            raise self._judge(error) from error

    async def _prepare(self, query: Query[Any]) -> PreparedStatement[Any]:
        # asyncpg parses a statement without a name again at every execution: only a named one is prepared.
        self._prepared_count += 1
        try:
            statement = await self.raw.prepare(query.sql, name=f"souk_{self._prepared_count}" if self._prepared else "")
        except NO_ANSWER as error:
            judged = self._judge(error)
            raise (Broken(sent=False) if isinstance(judged, Broken) else judged) from error
        self._statements[query] = statement
        return statement

    def _judge(self, error: Exception) -> Exception:
        """What a failure that is not the database's answer means. A misuse of the driver is raised as it is."""
        if isinstance(error, TimeoutError):
            return Unanswered()
        if isinstance(error, asyncpg.InterfaceError):
            return Broken(sent=False) if self.raw.is_closed() else error
        if isinstance(error, asyncpg.InternalClientError):
            # The server's last words came while nobody had asked anything, and the driver refuses to say more on that connection.
            return Broken(sent="cannot switch to state" not in str(error))
        return Broken(sent=True)
