"""The audit log: every privileged or money action, with who, what, before and after, from where; chained and sealed, so that
whoever changes it afterwards is found (`souk audit verify`).

    await audit.record(tx, "user.suspended", "user", person_id, by=actor, before={…}, after={…}, why="…")
"""

from souk.kernel.assembly import module
from souk.modules.audit import commands, jobs, routes
from souk.modules.audit.commands import erase, export, record
from souk.modules.audit.jobs import sealer_of
from souk.modules.audit.model import AuditLog, Head
from souk.modules.audit.routes import READER
from souk.modules.audit.sealing import Sealer, seal
from souk.modules.audit.verifying import Finding, Report, verify

MODULE = module("audit", routes, jobs, commands)

__all__ = [
    "MODULE",
    "READER",
    "AuditLog",
    "Finding",
    "Head",
    "Report",
    "Sealer",
    "erase",
    "export",
    "record",
    "seal",
    "sealer_of",
    "verify",
]
