"""`serve`: the embedded server, running when it returns: started here, or joined where another process started it.

What it promises:

- The server is a child of its owner, the process that started it, and dies with it, even by `kill -9`; joined processes
  then see their connections break, and may call `serve` again to become the owner themselves. Where it can be had, the
  port stays the same from one start to the next, so that addresses do too.
- A server that is killed is started again by its owner, on the same port. What was committed is there.
- Any number of processes may start at once: one owns the server, the others join.
- It can be used from this machine only, with a password that only the owner of the folder can read.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import msgspec

from souk.kernel.postgres.errors import CannotServe, PortTaken, ServerFailed
from souk.kernel.postgres.home import Home, free_port, lock_file, open_home, readable_refusals
from souk.kernel.postgres.making import DATABASE, USER, make_data
from souk.kernel.postgres.processes import Running, await_ready, forget_stale, live_or_lock, locked, spawn
from souk.kernel.postgres.programs import Programs, find, reachable

log: Final = logging.getLogger(__name__)

SHORT_LIFE: Final = 5.0
LONGEST_PAUSE: Final = 10.0

SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    # Small memory: a laptop's share, and no processes that wait for work that never comes.
    "shared_buffers": "64MB",
    "effective_cache_size": "512MB",
    "maintenance_work_mem": "32MB",
    "max_worker_processes": "4",
    "max_parallel_workers_per_gather": "0",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "2",
    "max_wal_senders": "2",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Only the first line of each message: details and statements quote people's data.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "cluster_name": "souk",
}
NOT_DURABLE: Final = {"fsync": "off", "full_page_writes": "off"}
"""What is committed survives a killed server even so, for the system has it; a crash of the machine it may not survive."""
IO_METHODS: Final = 18
"""The first version that would start three processes to read for others: a gain only where tables outgrow the memory."""
IO_SETTINGS: Final = {"io_method": "sync"}


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """How to run a server. Who joins one takes it as it is."""

    port: int = 0
    """0 takes the last one again, or any that is free."""
    durable: bool = True
    """False is for tests: a crash of the machine may lose data."""
    programs: Path | None = None
    """A folder of PostgreSQL's programs to use instead of those found."""
    elsewhere: Path = Path("/var/lib/souk")
    """Where the data goes when root's home is closed to the user who runs the server."""
    patience: float = 60.0
    """Seconds to wait for a start, one's own or another's."""


USUAL: Final = Choices()


class Server:
    """A running server. `with serve(home) as server:` stops it at the end, if it was started here."""

    def __init__(self, home: Home, running: Running, keeper: Keeper | None = None) -> None:
        self.home = home
        self.port = running.port
        self._socket_folder = running.socket_folder
        self._keeper = keeper

    @property
    def owned(self) -> bool:
        """Whether this process runs the server; False where it joined another's."""
        return self._keeper is not None and self._keeper.keeps

    @property
    def dsn(self) -> str:
        """The address for the administrator, over TCP: every client understands it."""
        return f"postgresql://{USER}:{self.home.password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def socket_dsn(self) -> str:
        """The same over the Unix socket, which is a little faster; over TCP where there is no socket."""
        if self._socket_folder is None:
            return self.dsn
        return f"postgresql://{USER}:{self.home.password}@/{DATABASE}?host={quote(str(self._socket_folder))}&port={self.port}"

    def stop(self) -> None:
        """Stop the server, if it was started here: connections are closed, everything is written. A second call does nothing."""
        if self._keeper is not None:
            self._keeper.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


class Keeper:
    """Runs one server in a thread that lives as long as it: the server is stopped when the thread that started it ends."""

    def __init__(self, home: Home, programs: Programs, settings: dict[str, str], patience: float) -> None:
        self.home = home
        self.programs = programs
        self.settings = settings
        self.patience = patience
        self.keeps = False
        self._stopping = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._keep, name="souk-postgres", daemon=True)
        self._first: tuple[int, int] = (0, 0)
        self._started: Future[Running] = Future()

    def start(self, alive: int, port: int) -> Running:
        """Start the server, which inherits the lock `alive`."""
        self._first = alive, port
        self._thread.start()
        return self._started.result()

    def stop(self) -> None:
        with self._guard:
            self._stopping.set()
        # Fast; then without a word to the clients; then by force. The data survives each.
        for how, seconds in ((signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            if self._process is not None:
                self._process.send_signal(how)
            self._thread.join(seconds)
            if not self._thread.is_alive():
                return

    def _keep(self) -> None:
        try:
            running = self._launch(*self._first)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._started.set_exception(error)
            return
        self.keeps = True
        self._started.set_result(running)
        short_lives = 0
        while self.keeps and self._process is not None:
            began = time.monotonic()
            code = self._process.wait()
            short_lives = short_lives + 1 if time.monotonic() - began < SHORT_LIFE else 0
            if self._stopping.wait(min(0.05 * 2**short_lives, LONGEST_PAUSE)):
                break
            log.error("the database server ended by itself (%s); starting it again", code)
            self.keeps = self._launch_again(running.port)
        self.keeps = False

    def _launch_again(self, port: int) -> bool:
        """Start the server once more; False when another process was faster, which owns it now. A start that fails is repeated."""
        try:
            with locked(self.home.lock, self.patience, self.home.log):
                alive = live_or_lock(self.home, self.patience)
                if isinstance(alive, Running):
                    return False
                try:
                    self._launch(alive, port)
                finally:
                    os.close(alive)
        except (CannotServe, OSError) as error:
            if not self._stopping.is_set():
                log.error("the database server cannot be started again: %s", error)  # noqa: TRY400 - the sentence says it all
        return True

    def _launch(self, alive: int, port: int) -> Running:
        begin = self.home.turn_log()
        forget_stale(self.home)
        with self._guard:
            if self._stopping.is_set():
                raise ServerFailed("postgres", self.home.log, "")
            self._process = spawn(self.home, command(self.home, self.programs, self.settings, port), alive)
        return await_ready(self.home, self._process, begin, self.patience)


def serve(home: Path, choices: Choices = USUAL) -> Server:
    """Run the embedded server of `home` (SOUK_HOME), or join the one that runs."""
    home = home.absolute()
    with readable_refusals(home):
        home.mkdir(parents=True, exist_ok=True)
        with locked(lock_file(home), choices.patience, home / "postgres" / "log"):
            opened = open_home(home, choices.elsewhere)
            alive = live_or_lock(opened, choices.patience)
            if isinstance(alive, Running):
                return Server(opened, alive)
            try:
                return _own(opened, choices, alive)
            finally:
                os.close(alive)  # the server has it now


async def start(home: Path, choices: Choices = USUAL) -> Server:
    """`serve`, without holding up the event loop. Stop it by `await asyncio.to_thread(server.stop)`."""
    starting = asyncio.ensure_future(asyncio.to_thread(serve, home, choices))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        (await starting).stop()
        raise


def _own(home: Home, choices: Choices, alive: int) -> Server:
    programs = reachable(find(choices.programs), home.account, home.folder)
    if not home.data.exists():
        make_data(home, programs, alive, durable=choices.durable)
    home.check(programs.major)
    if choices.port and not free_port(choices.port):
        raise PortTaken(choices.port)
    settings = {**SETTINGS, **(IO_SETTINGS if programs.major >= IO_METHODS else {}), **({} if choices.durable else NOT_DURABLE)}
    keeper = Keeper(home, programs, settings, choices.patience)
    running = keeper.start(alive, choices.port or free_port(home.last_port) or free_port(0))
    home.keep_port(running.port)
    return Server(home, running, keeper)


def command(home: Home, programs: Programs, settings: dict[str, str], port: int) -> list[str | Path]:
    """The server's command line. Settings are given here, not in its files, so that data of an older souk gets them too."""
    folder = home.socket_folder()
    every = {**settings, "port": str(port), "unix_socket_directories": str(folder or "")}
    words: list[str | Path] = [programs.postgres, "-D", home.data]
    for name, value in every.items():
        words += ["-c", f"{name}={value}"]
    return words
