"""Embedded servers as their tests see them: other processes that run one, and its life and death as a process."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
from pathlib import Path

import asyncpg
import msgspec

from souk.kernel.postgres import Choices
from souk.kernel.postgres.account import Account

QUICK = Choices(durable=False)

OWNER = """
import sys
from pathlib import Path
import msgspec
from souk.kernel.postgres import CannotServe, Choices, serve
try:
    server = serve(Path(sys.argv[1]), Choices(durable=False))
except CannotServe as refusal:
    print(msgspec.json.encode({"refusal": type(refusal).__name__, "sentence": str(refusal)}).decode(), flush=True)
else:
    print(msgspec.json.encode({"dsn": server.dsn, "owned": server.owned}).decode(), flush=True)
    sys.stdin.read()
    server.stop()
"""


class Said(msgspec.Struct):
    """What another process found when it called `serve`."""

    dsn: str = ""
    owned: bool = False
    refusal: str = ""
    sentence: str = ""


class Other:
    """Another process that calls `serve` and then waits to be ended."""

    def __init__(self, home: Path, command: list[str], env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [*command, "-c", OWNER, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **env},
        )

    def said(self) -> Said:
        """Wait until it serves, or refuses to."""
        assert self.process.stdout is not None
        return msgspec.json.decode(self.process.stdout.readline(), type=Said)

    def stop(self) -> None:
        """Let it end in its own time."""
        self.process.communicate()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def postmaster(home: Path) -> int:
    """The server's process id, as its data says."""
    return int((home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def runs_as(home: Path) -> int:
    """The user id of the server's process."""
    return Path(f"/proc/{postmaster(home)}").stat().st_uid


def run_as(account: Account | None, *command: str | Path) -> subprocess.Popen[bytes]:
    """Start a program as the user who runs a server."""
    return subprocess.Popen([*map(str, command)], user=account.uid if account else None, cwd="/", stderr=subprocess.DEVNULL)


def ends(pid: int, within: float = 20) -> bool:
    """Wait until a process, whoever's child it is, has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], within)[0])
    finally:
        os.close(handle)


def kill(pid: int) -> None:
    """`kill -9`, and wait until it has worked."""
    os.kill(pid, signal.SIGKILL)
    assert ends(pid)


async def ask(dsn: str, sql: str) -> object:
    """The one value that a statement answers."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def answers(dsn: str, within: float = 10) -> bool:
    """Wait until the server takes connections (again)."""
    async with asyncio.timeout(within):
        while True:
            try:
                return await ask(dsn, "select true") is True
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(0.02)
