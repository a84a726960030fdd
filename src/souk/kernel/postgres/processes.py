"""Starting PostgreSQL's programs, and knowing which of them live.

The lock file `alive` is locked once by whoever starts a program and is inherited by it and all its children, so it is
free exactly when none of them lives any more: no guessing from process ids, which are soon given to others.
"""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from souk.kernel.postgres.errors import DiskFull, ServerFailed, ServerSilent
from souk.kernel.postgres.home import Home

CHILD: Final = Path(__file__).with_name("child.py")
PAUSE: Final = 0.004
RECOVERY: Final = 10
"""How many times longer than everything else the way up may take: killed on its way, it would begin again from the start."""
NO_SPACE: Final = 1 << 20


class Running(msgspec.Struct, frozen=True):
    """A server that answers, as its `postmaster.pid` tells."""

    pid: int
    port: int
    socket_folder: Path | None


@contextmanager
def locked(file: Path, seconds: float, log: Path) -> Iterator[None]:
    """Only one process at a time: the others wait here until the first has finished its start."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + seconds
        while not _lock(handle):
            if time.monotonic() > deadline:
                raise ServerSilent("Another souk process did not finish starting the server", seconds, log)
            time.sleep(PAUSE)
        yield
    finally:
        os.close(handle)


def live_or_lock(home: Home, seconds: float) -> Running | int:
    """The server that runs already, or the lock `alive` where none does. A server that is on its way down is waited for."""
    deadline = time.monotonic() + seconds
    while True:
        handle = os.open(home.folder / "alive", os.O_RDWR | os.O_CREAT, 0o600)
        if _lock(handle):
            return handle
        os.close(handle)
        running = running_server(home.data)
        if running is not None and _listens(running.port):
            return running
        if time.monotonic() > deadline:
            raise ServerSilent("The server that uses this folder neither answered nor ended", seconds, home.log)
        time.sleep(PAUSE)


def running_server(data: Path) -> Running | None:
    """What `postmaster.pid` says of a server that is ready. It may be stale."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    match lines:
        case [pid, _data, _began, port, sockets, _address, _memory, status] if status.strip() == "ready":
            return Running(int(pid), int(port), Path(sockets) if sockets else None)
    return None


def forget_stale(home: Home) -> None:
    """Remove what a killed server left, for PostgreSQL would believe it while its process id is another program's, or a
    zombie's in a container where nobody collects them.

    Called while `alive` is ours, so none of our servers lives. One that somebody runs by hand has the data as its working
    directory, and is left alone; where the system cannot tell, PostgreSQL decides.
    """
    file = home.data / "postmaster.pid"
    if not file.exists() or not Path("/proc/self/cwd").exists():
        return
    try:
        by_hand = Path(f"/proc/{int(file.read_text().split()[0])}/cwd").readlink() == home.data
    except (OSError, ValueError, IndexError):
        by_hand = False
    if not by_hand:
        file.unlink()
        for left in (home.socket_folder() or home.data).glob(".s.PGSQL.*"):
            left.unlink()


def spawn(home: Home, words: list[str | Path], alive: int, *, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    """Start a program as the server's user. It is stopped when the calling *thread* ends: keep that one alive."""
    uid, gid = (home.account.uid, home.account.gid) if home.account else (-1, -1)
    child = [sys.executable, "-I", "-S", str(CHILD), str(os.getpid()), str(uid), str(gid), *map(str, words)]
    with os.fdopen(os.open(home.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as log:
        return subprocess.Popen(  # noqa: S603 - our own script and PostgreSQL's programs
            child,
            stdin=stdin,
            stdout=log,
            stderr=log,
            text=True,
            cwd=home.folder,
            # Nothing of our environment, which holds secrets, is passed on; nor may PGDATA and its like interfere.
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            pass_fds=(alive,),
            # Ctrl-C in a terminal goes to the whole group: requests in flight must still find their database.
            start_new_session=True,
        )


def finish(home: Home, words: list[str | Path], alive: int, *, said: str = "") -> None:
    """Run a program to its end, with `said` as its input."""
    begin = home.turn_log()
    process = spawn(home, words, alive, stdin=subprocess.PIPE)
    process.communicate(said)
    if process.returncode != 0:
        raise failure(home, Path(words[0]).name, begin)


def await_ready(home: Home, process: subprocess.Popen[str], begin: int, seconds: float) -> Running:
    """Wait until the server that `process` became takes connections. After a crash it first redoes what its disk missed."""
    deadline = time.monotonic() + seconds * RECOVERY
    while True:
        running = running_server(home.data)
        if running is not None and running.pid == process.pid:
            return running
        if process.poll() is not None:
            raise failure(home, "postgres", begin)
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise ServerSilent("The server did not become ready", seconds * RECOVERY, home.log)
        time.sleep(PAUSE)


def failure(home: Home, program: str, begin: int) -> DiskFull | ServerFailed:
    """Why a program ended, from what it said since `begin`. A full disk may not even have room for that."""
    with home.log.open("rb") as log:
        log.seek(begin)
        said = log.read().decode(errors="replace")
    disk = os.statvfs(home.folder)
    if "No space left on device" in said or disk.f_bavail * disk.f_frsize < NO_SPACE:
        return DiskFull(home.folder, said)
    return ServerFailed(program, home.log, said)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
