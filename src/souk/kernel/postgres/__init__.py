"""The embedded PostgreSQL server: nothing to install, started by the first `souk` process, joined by the others."""

from souk.kernel.postgres.errors import (
    CannotServe,
    DiskFull,
    ForeignFolder,
    NotYours,
    NoUser,
    OtherVersion,
    PortTaken,
    ProgramsMissing,
    ServerFailed,
    ServerSilent,
    Unreachable,
)
from souk.kernel.postgres.server import Choices, Server, serve, start

__all__ = [
    "CannotServe",
    "Choices",
    "DiskFull",
    "ForeignFolder",
    "NoUser",
    "NotYours",
    "OtherVersion",
    "PortTaken",
    "ProgramsMissing",
    "Server",
    "ServerFailed",
    "ServerSilent",
    "Unreachable",
    "serve",
    "start",
]
