"""Who runs the server, who reaches it, and what they may not see: as root, as somebody else, and between the two."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from souk.kernel.postgres import Choices, Unreachable, serve
from souk.kernel.postgres.programs import find
from tests.plugins.embedded import QUICK, Other, ask, postmaster, runs_as
from tests.plugins.needs import need

Begin = Callable[..., Other]
as_root = pytest.mark.usefixtures("as_root")


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder like /root: nobody else may enter."""
    folder = Path(tempfile.mkdtemp(prefix="souk-closed-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def as_nobody(as_root: None) -> tuple[list[str], dict[str, str]]:
    """How to start Python as `nobody`, who may not be able to reach the one that runs the tests."""
    become = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nonexistent"}
    starts_itself = "import msgspec, subprocess, sys; subprocess.run([sys.executable, '-c', ''], check=True)"
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        tried = subprocess.run([*become, python, "-c", starts_itself], env=paths, cwd="/", check=False, capture_output=True)
        if tried.returncode == 0:
            break
    else:
        need("reachable-python", "install python3 of the same version for every user")
    return [*become, python], paths


def program_of(pid: int) -> Path:
    return Path(f"/proc/{pid}/exe").readlink()


def give(folder: Path, user: str) -> None:
    entry = pwd.getpwnam(user)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)


@as_root
def test_root_hands_the_server_to_an_unprivileged_user(home: Path) -> None:
    with serve(home, QUICK) as server:
        assert server.home.account is not None
        assert runs_as(home) == server.home.account.uid != 0
        assert (home / "postgres/data").stat().st_uid == runs_as(home)
        rights = dict(line.split(":", 1) for line in Path(f"/proc/{postmaster(home)}/status").read_text().splitlines())
        assert not rights["Groups"].strip()
        assert int(rights["CapEff"], 16) == 0


@as_root
async def test_another_user_runs_the_server_as_oneself(home: Path, other: Begin, as_nobody: tuple[list[str], dict[str, str]]) -> None:
    give(home, "nobody")
    command, env = as_nobody
    said = other(*command, **env).said()
    assert said.owned, said.sentence
    assert runs_as(home) == pwd.getpwnam("nobody").pw_uid
    assert await ask(said.dsn, "select 1") == 1


@as_root
async def test_root_runs_another_users_data_as_that_user(home: Path, other: Begin, as_nobody: tuple[list[str], dict[str, str]]) -> None:
    give(home, "nobody")
    command, env = as_nobody
    owner = other(*command, **env)
    assert owner.said().owned
    owner.stop()
    with serve(home, QUICK) as server:
        assert runs_as(home) == pwd.getpwnam("nobody").pw_uid
        assert await ask(server.dsn, "select 1") == 1
    assert other(*command, **env).said().owned


@as_root
def test_the_data_of_another_user_is_refused_with_his_name(home: Path, other: Begin, as_nobody: tuple[list[str], dict[str, str]]) -> None:
    with serve(home, QUICK) as server:
        assert server.home.account is not None
    command, env = as_nobody
    refused = other(*command, **env).said()
    assert refused.refusal == "NotYours"
    assert "belongs to root, and you are nobody.\nRemedy: run souk as root" in refused.sentence


@as_root
def test_a_home_that_cannot_be_written_is_refused_with_its_owners_name(other: Begin, as_nobody: tuple[list[str], dict[str, str]]) -> None:
    command, env = as_nobody
    refused = other(*command, **env).said()
    assert refused.refusal == "NotYours"
    assert "belongs to root, and you are nobody" in refused.sentence


@as_root
async def test_data_that_root_copied_is_given_back_to_the_user_who_runs_it(home: Path) -> None:
    with serve(home, QUICK):
        pass
    give(home, "root")
    with serve(home, QUICK) as server:
        assert await ask(server.dsn, "select 1") == 1


@as_root
async def test_in_a_home_closed_to_others_the_data_lies_elsewhere_behind_a_link(home: Path, closed: Path) -> None:
    choices = Choices(durable=False, elsewhere=home / "elsewhere")
    with serve(closed / "home", choices) as server:
        assert await ask(server.dsn, "create table kept as select 'a quilt' as word") is None
    assert (closed / "home/postgres").readlink().parent == home / "elsewhere"
    with serve(closed / "home", choices) as server:
        assert await ask(server.dsn, "select word from kept") == "a quilt"


@as_root
def test_a_home_closed_to_others_with_nowhere_else_to_go_is_refused(closed: Path) -> None:
    (closed / "file").write_text("")
    with pytest.raises(Unreachable, match=r"cannot reach .*\nRemedy: set SOUK_HOME to a folder that"):
        serve(closed / "home", Choices(durable=False, elsewhere=closed / "file"))
    with pytest.raises(Unreachable):
        serve(closed / "home", Choices(durable=False, elsewhere=closed / "elsewhere"))


@as_root
async def test_programs_closed_to_others_are_copied_once(home: Path, closed: Path) -> None:
    package = find().folder.parent.parent
    shutil.copytree(package, closed / package.name, ignore=shutil.ignore_patterns("include"))
    shutil.copytree(package.with_name(f"{package.name}.libs"), closed / f"{package.name}.libs")
    choices = Choices(durable=False, programs=closed / package.name / "pginstall" / "bin")
    with serve(home, choices) as server:
        copies = list((home / "postgres").glob("programs-*"))
        assert program_of(postmaster(home)).is_relative_to(copies[0])
        await ask(server.dsn, "create extension pg_trgm")
    made = copies[0].stat().st_mtime_ns
    with serve(home, choices):
        assert [copy.stat().st_mtime_ns for copy in (home / "postgres").glob("programs-*")] == [made]
    newer = choices.programs / "postgres" if choices.programs else closed
    os.utime(newer, (1, 1))
    with serve(home, choices) as server:
        assert len(list((home / "postgres").glob("programs-*"))) == 1
        assert await ask(server.dsn, "select similarity('bid', 'bids')") == 0.5


@as_root
def test_programs_of_the_system_that_are_closed_to_others_are_refused(home: Path, closed: Path) -> None:
    own = closed / "pgsql" / "bin"
    own.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (own / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.6'\n")
        (own / name).chmod(0o755)
    with pytest.raises(Unreachable, match=r"cannot reach .*pgsql/bin"):
        serve(home, Choices(programs=own))


async def test_nobody_connects_without_the_password(home: Path) -> None:
    with serve(home, QUICK) as server:
        for dsn in (server.dsn, server.socket_dsn):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(dsn, password="guessed")
        assert (home / "postgres/password").stat().st_mode & 0o7777 == 0o600
        assert (home / "postgres/data").stat().st_mode & 0o7777 == 0o700
        assert (home / "postgres/log").stat().st_mode & 0o7777 == 0o600


async def test_the_server_is_reached_from_this_machine_only(home: Path) -> None:
    with serve(home, QUICK) as server:
        assert await ask(server.dsn, "show listen_addresses") == "127.0.0.1"
        hosts = await ask(server.dsn, "select array_agg(distinct address) from pg_hba_file_rules where type <> 'local'")
        assert hosts == ["127.0.0.1"]
        methods = await ask(server.dsn, "select array_agg(distinct auth_method) from pg_hba_file_rules")
        assert methods == ["scram-sha-256"]


def test_the_server_is_not_told_our_secrets(home: Path, other: Begin) -> None:
    other(sys.executable, SOUK_SECRET="not for the database", PGPORT="1").said()
    environment = Path(f"/proc/{postmaster(home)}/environ").read_bytes()
    assert b"not for the database" not in environment


async def test_peoples_data_stays_out_of_the_log(home: Path) -> None:
    with serve(home, QUICK) as server:
        await ask(server.dsn, "create table people (mail text primary key)")
        await ask(server.dsn, "insert into people values ('amina@example.test')")
        with pytest.raises(asyncpg.UniqueViolationError) as refused:
            await ask(server.dsn, "insert into people values ('amina@example.test')")
        assert "amina" in str(refused.value.as_dict())
        log = (home / "postgres/log").read_text()
        assert "duplicate key" in log
        assert "amina" not in log


async def test_a_path_too_long_for_a_socket_gets_a_short_folder_for_it(home: Path) -> None:
    deep = home / ("a" * 60) / ("b" * 60)
    with serve(deep, QUICK) as server:
        assert str(home) not in server.socket_dsn
        assert await ask(server.socket_dsn, "select 1") == 1
    with serve(deep, QUICK) as again:
        assert again.socket_dsn == server.socket_dsn
        short = again.home.socket_folder()
    assert short is not None
    shutil.rmtree(short)


async def test_a_short_folder_that_somebody_else_made_is_not_trusted(home: Path) -> None:
    deep = home / ("a" * 60) / ("b" * 60)
    with serve(deep, QUICK) as server:
        short = server.home.socket_folder()
    assert short is not None
    short.chmod(0o755)
    with serve(deep, QUICK) as careful:
        assert careful.socket_dsn == careful.dsn
        assert await ask(careful.dsn, "select 1") == 1
    shutil.rmtree(short)
