"""PostgreSQL without an ORM: typed statements, a lean pool, and transactions that only the edge can commit."""

from souk.kernel.db.database import Database
from souk.kernel.db.errors import Contended, DatabaseBusy, DatabaseUnavailable, OutcomeUnknown, TooSlow, Unstorable
from souk.kernel.db.pool import Pool
from souk.kernel.db.query import QUERIES, NoRow, Query, Rider, count, many, one, only, value, values
from souk.kernel.db.tx import Outbox, Tx, abandon, commit, roll_back

__all__ = [
    "QUERIES",
    "Contended",
    "Database",
    "DatabaseBusy",
    "DatabaseUnavailable",
    "NoRow",
    "Outbox",
    "OutcomeUnknown",
    "Pool",
    "Query",
    "Rider",
    "TooSlow",
    "Tx",
    "Unstorable",
    "abandon",
    "commit",
    "count",
    "many",
    "one",
    "only",
    "roll_back",
    "value",
    "values",
]
