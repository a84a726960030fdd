"""How a command ends: an exit code, and for a failure one readable line with its remedy.

| code | meaning |
|---|---|
| 0 | done |
| 1 | failed; the line says why |
| 2 | the command line is wrong |
| 3 | the configuration is wrong: environment variables |
| 4 | the database cannot be started or reached |
| 130 | interrupted |
"""

from __future__ import annotations

import errno
from enum import IntEnum

import msgspec

from souk.kernel.config import ConfigError
from souk.kernel.db import DatabaseUnavailable
from souk.kernel.errors import Refusal
from souk.kernel.migrate import MigrationError
from souk.kernel.postgres import CannotServe
from souk.process import Unlawful


class Code(IntEnum):
    """What a shell sees."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    DATABASE = 4
    INTERRUPTED = 130


class Outcome(msgspec.Struct, frozen=True):
    """A failure as it is told."""

    code: Code
    problem: str
    remedy: str = ""


def outcome(error: BaseException) -> Outcome:  # noqa: PLR0911 - a table, one line for each kind of failure
    """What a failure means for who typed the command."""
    match error:
        case ConfigError():
            return Outcome(Code.CONFIGURATION, str(error))
        case CannotServe():
            return Outcome(Code.DATABASE, error.problem, error.remedy)
        case DatabaseUnavailable():
            why = f" ({error.__cause__})" if error.__cause__ else ""
            return Outcome(Code.DATABASE, f"The database cannot be reached{why}.", "`souk doctor` looks closer")
        case MigrationError():
            return Outcome(Code.FAILED, str(error))
        case Unlawful():
            return Outcome(Code.FAILED, str(error), "mend the process; `souk market check` judges it again")
        case Refusal():
            return Outcome(Code.FAILED, error.text())
        case KeyboardInterrupt():
            return Outcome(Code.INTERRUPTED, "Interrupted.")
        case OSError(errno=errno.EADDRINUSE):
            return Outcome(Code.FAILED, f"The address is taken: {error.strerror}.", "stop what uses it, or set SOUK_PORT to another")
        case OSError():
            return Outcome(Code.FAILED, str(error), "`souk doctor` looks closer")
        case _:
            name = type(error).__name__
            return Outcome(Code.FAILED, f"Unexpected {name}: {error}", "run it again with `souk --debug …` to see where, and report it")
