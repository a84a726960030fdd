"""Where the server lives: the folder `postgres` of SOUK_HOME, what lies in it, and how it is made the first time.

| entry | what it is |
|---|---|
| `data` | PostgreSQL's data, owned by the user who runs the server; made under another name and renamed when it is whole |
| `password` | the password of the role `souk`, mode 0600 |
| `alive` | locked by the server and all its processes as long as any of them lives |
| `port` | the port it had last, taken again when free, so that addresses stay the same |
| `log`, `log.1` | what the server says; the older part |
| `programs-*` | a copy of the programs, where the server's user cannot reach the installed ones |
"""

from __future__ import annotations

import errno
import os
import secrets
import socket
import stat
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from souk.kernel.postgres.account import Account, account_for, user_name
from souk.kernel.postgres.errors import DiskFull, ForeignFolder, NotYours, OtherVersion, Unreachable

OURS: Final = {"data", "data.new", "password", "password.new", "alive", "port", "log", "log.1"}
LOG_LIMIT: Final = 16 << 20
LONGEST_SOCKET: Final = 103
"""Bytes a socket's path may have on every system: 107 on Linux, 103 on macOS."""


class Home(msgspec.Struct, frozen=True):
    """The server's folder, and the user who runs the server (None for oneself)."""

    folder: Path
    account: Account | None
    lock: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def password(self) -> str:
        return (self.folder / "password").read_text()

    @property
    def last_port(self) -> int:
        """The port the server had when it ran last; 0 before the first time."""
        file = self.folder / "port"
        text = file.read_text() if file.exists() else ""
        return int(text) if text.isdecimal() else 0

    def keep_port(self, port: int) -> None:
        (self.folder / "port").write_text(str(port))

    def socket_folder(self) -> Path | None:
        """Where the Unix socket goes: into the data, or a short folder of its own where that path is too long."""
        if len(os.fsencode(self.data)) + len("/.s.PGSQL.65535") <= LONGEST_SOCKET:
            return self.data
        uid = self.account.uid if self.account else os.geteuid()
        short = Path(tempfile.gettempdir()) / f"souk-{uid}-{zlib.crc32(os.fsencode(self.data)):08x}"
        try:
            short.mkdir(mode=0o700)
            self.own(short)
        except FileExistsError:
            found = short.lstat()
            if found.st_uid != uid or stat.filemode(found.st_mode) != "drwx------":
                return None  # somebody else's: a server without a socket is safer, and TCP is always there
        return short

    def own(self, path: Path) -> None:
        """Give a file or folder to the server's user."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)

    def turn_log(self) -> int:
        """Put the log aside when it has grown large; answer where the next words will begin."""
        size = self.log.stat().st_size if self.log.exists() else 0
        if size > LOG_LIMIT:
            self.log.rename(self.folder / "log.1")
            return 0
        return size

    def check(self, major: int) -> None:
        """Refuse data that these programs cannot read; take over data that was copied by root."""
        version = self.data / "PG_VERSION"
        if not version.exists():
            raise ForeignFolder(self.data, "it has no PG_VERSION")
        found = version.read_text().strip()
        if found != str(major):
            raise OtherVersion(self.data, found, major)
        if self.account is not None and self.data.stat().st_uid == 0:
            for inside, folders, files in os.walk(self.data):
                for name in (".", *folders, *files):
                    self.own(Path(inside) / name)


@contextmanager
def readable_refusals(home: Path) -> Iterator[None]:
    """Turn what the file system refuses in `home` into sentences."""
    try:
        yield
    except OSError as error:
        at = _nearest(Path(str(error.filename or home)))
        if error.errno == errno.ENOSPC:
            raise DiskFull(home, "") from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise NotYours(at, user_name(at.stat().st_uid), user_name(os.geteuid())) from error
        if error.errno in (errno.EEXIST, errno.ENOTDIR):
            raise ForeignFolder(at, "it is a file") from error
        raise


def open_home(home: Path, elsewhere: Path) -> Home:
    """The server's folder in `home`, made if need be. Called under the lock, for the folder is made step by step.

    Root's own folders are closed to the user who must run the server. Then the folder lies below `elsewhere`, and in
    `home` there is a link to it.
    """
    link = home / "postgres"
    if link.is_symlink() and not link.exists():
        raise ForeignFolder(link, f"it points to {link.readlink()}, which is gone")
    folder = link.resolve()
    _check_contents(home, folder)
    account = account_for(folder / "data")
    if not folder.exists():
        folder = _make(link, elsewhere, account).resolve()
    _make_password(folder)
    if account is not None and not account.can_enter(folder):
        raise Unreachable(folder, account.name)
    return Home(folder, account, lock_file(home))


def lock_file(home: Path) -> Path:
    """What processes that start at once wait for."""
    return home / "postgres.lock"


def _make(link: Path, elsewhere: Path, account: Account | None) -> Path:
    if account is None or account.can_enter(link.parent):
        link.mkdir()
        link.chmod(0o755)
        return link
    try:
        elsewhere.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=elsewhere))
    except OSError as error:
        raise Unreachable(link, account.name, f"a folder above it is closed to others, and {elsewhere} cannot be used: {error}") from error
    folder.chmod(0o755)
    link.symlink_to(folder)
    return folder


def _check_contents(home: Path, folder: Path) -> None:
    if (home / "PG_VERSION").exists():
        raise ForeignFolder(home, "it is the data of a PostgreSQL server itself")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ForeignFolder(folder, "it is a file")
    strange = sorted(entry.name for entry in folder.iterdir() if entry.name not in OURS and not entry.name.startswith("programs-"))
    if strange:
        raise ForeignFolder(folder, f"it holds {', '.join(strange[:5])}")
    if (folder / "data").exists() and not (folder / "password").exists():
        raise ForeignFolder(folder, "it holds data, but no password to it")


def _make_password(folder: Path) -> None:
    """A password that never leaves this file; written whole or not at all."""
    file = folder / "password"
    if file.exists():
        os.close(os.open(file, os.O_RDONLY))  # refuses here, readably, when it is another user's
        return
    fresh = folder / "password.new"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(secrets.token_urlsafe(32))
    fresh.rename(file)


def _nearest(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if os.path.exists(folder))  # noqa: PTH110 - False where one may not look


def free_port(wanted: int) -> int:
    """`wanted` when it is free on the loopback address, else 0; with 0, any that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
        return int(probe.getsockname()[1])
