"""The first start: the data, the database `souk`, its password, and who may connect."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Final

from souk.kernel.postgres.home import Home
from souk.kernel.postgres.processes import finish
from souk.kernel.postgres.programs import Programs

USER: Final = "souk"
DATABASE: Final = "souk"

BUILTIN_LOCALES: Final = 17
"""The first version with locales of its own."""

WHO_MAY_CONNECT: Final = """\
# Everybody needs a password; nobody comes from outside this machine.
local all,replication all scram-sha-256
host  all,replication all 127.0.0.1/32 scram-sha-256
"""


def make_data(home: Home, programs: Programs, alive: int, *, durable: bool) -> None:
    """Make the data in `data.new` and rename it when it is whole, so that an interrupted first start leaves nothing behind."""
    fresh = home.folder / "data.new"
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir(mode=0o700)
    home.own(fresh)
    try:
        finish(home, [programs.initdb, "-D", fresh, *_choices(programs.major, durable=durable)], alive)
        (fresh / "pg_hba.conf").write_text(WHO_MAY_CONNECT)
        settings = ["-c", "exit_on_error=on", "-c", f"fsync={'on' if durable else 'off'}"]
        finish(
            home,
            [programs.postgres, "--single", "-D", fresh, *settings, "postgres"],
            alive,
            said=f"create database {DATABASE}\nalter role {USER} password '{home.password}'\n",
        )
    except BaseException:
        shutil.rmtree(fresh)
        raise
    fresh.rename(home.data)
    _sync(home)


def _choices(major: int, *, durable: bool) -> list[str]:
    choices = ["--username", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--data-checksums"]
    choices.append("--lc-ctype=C.UTF-8" if sys.platform == "linux" else "--lc-ctype=en_US.UTF-8")
    if major >= BUILTIN_LOCALES:
        # Sorts by code point and knows upper and lower case of every script, the same on every system for ever.
        choices += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return choices if durable else [*choices, "--no-sync"]


def _sync(home: Home) -> None:
    handle = os.open(home.folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
