"""PostgreSQL without an ORM: typed statements, a lean pool, and transactions that only the edge can commit."""

from souk.kernel.db.connection import Violated
from souk.kernel.db.database import Database
from souk.kernel.db.errors import Contended, DatabaseBusy, DatabaseExhausted, DatabaseUnavailable, OutcomeUnknown, TooSlow, Unstorable
from souk.kernel.db.laws import Broken, Law, broken_laws, laws_of
from souk.kernel.db.pool import Pool
from souk.kernel.db.query import QUERIES, NoRow, Query, Rider, call, count, many, one, only, value, values
from souk.kernel.db.tx import Outbox, Tx, abandon, commit, roll_back

__all__ = [
    "QUERIES",
    "Broken",
    "Contended",
    "Database",
    "DatabaseBusy",
    "DatabaseExhausted",
    "DatabaseUnavailable",
    "Law",
    "NoRow",
    "Outbox",
    "OutcomeUnknown",
    "Pool",
    "Query",
    "Rider",
    "TooSlow",
    "Tx",
    "Unstorable",
    "Violated",
    "abandon",
    "broken_laws",
    "call",
    "commit",
    "count",
    "laws_of",
    "many",
    "one",
    "only",
    "roll_back",
    "value",
    "values",
]
