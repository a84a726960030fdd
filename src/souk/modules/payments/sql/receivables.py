"""Statements of debts."""

from __future__ import annotations

from souk.kernel.db import only

# Two that read one debt must not both net it. Taken last of all rows, before the ledger's own.
LOCK_DEBTS = only(bool, """select pg_advisory_xact_lock(hashtextextended('debts of ' || $1, 0)) is null as "locked!\"""")
