"""The audit log over HTTP."""

from __future__ import annotations

from typing import Final

from souk.kernel.db import Tx
from souk.kernel.http.guards import who
from souk.kernel.http.operation import operation
from souk.kernel.http.paging import CursorPage
from souk.modules.audit import commands
from souk.modules.audit.model import AuditLog, LogsQuery

READER: Final = who("audit.reader")
"""Sees everything that was done in the market, by whom and from where."""


@operation("GET", "/admin/audit-logs", who=READER, shared=True)
async def list_audit_logs(tx: Tx, query: LogsQuery) -> CursorPage[AuditLog]:
    """List who did what, newest first."""
    return await commands.logs(tx, query)
