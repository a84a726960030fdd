"""The server's life: it starts, is joined, survives what kills it, and dies with its owner."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from souk.kernel.postgres import Choices, Server, serve, start
from tests.plugins.embedded import QUICK, Other, answers, ask, ends, kill, postmaster, run_as

Begin = Callable[..., Other]


async def keep(server_dsn: str, word: str) -> None:
    await ask(server_dsn, f"create table kept as select '{word}' as word")


async def kept(server_dsn: str) -> object:
    return await ask(server_dsn, "select word from kept")


async def test_a_first_start_serves_an_empty_database_to_its_administrator(home: Path) -> None:
    with serve(home) as server:
        assert server.owned
        assert await ask(server.dsn, "select current_database() || ' ' || current_user") == "souk souk"
        assert await ask(server.socket_dsn, "select rolsuper from pg_roles where rolname = current_user") is True


async def test_what_is_committed_is_on_the_disk(home: Path) -> None:
    with serve(home) as server:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert await ask(server.dsn, f"show {setting}") == "on"


async def test_text_is_sorted_by_code_point_and_knows_upper_case_of_every_script(home: Path) -> None:
    with serve(home, QUICK) as server:
        assert await ask(server.dsn, "select 'Z' < 'a'") is True
        assert await ask(server.dsn, "select lower('ÉÇЖΩ')") == "éçжω"


async def test_the_next_start_finds_the_data_at_the_same_address(home: Path) -> None:
    with serve(home, QUICK) as first:
        await keep(first.dsn, "a lamp")
    with serve(home, QUICK) as second:
        assert second.owned
        assert second.dsn == first.dsn
        assert await kept(second.dsn) == "a lamp"


async def test_when_the_last_port_is_taken_another_one_serves(home: Path) -> None:
    with serve(home, QUICK) as first:
        pass
    squatter = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", first.port)
    async with squatter:
        with serve(home, QUICK) as second:
            assert second.port != first.port
            assert await ask(second.dsn, "select 1") == 1


async def test_a_second_process_joins_the_running_server(home: Path, other: Begin) -> None:
    with serve(home, QUICK) as server:
        joined = other().said()
        assert not joined.owned
        assert joined.dsn == server.dsn
        assert await ask(joined.dsn, "select 1") == 1


async def test_a_joined_process_that_stops_leaves_the_server_running(home: Path, other: Begin) -> None:
    with serve(home, QUICK) as server:
        joiner = other()
        joiner.said()
        joiner.stop()
        with serve(home, QUICK) as again:
            assert not again.owned
        assert await ask(server.dsn, "select 1") == 1


async def test_of_two_first_starts_at_once_one_owns_and_one_joins(other: Begin) -> None:
    said = [process.said() for process in (other(), other())]
    assert sorted(one.owned for one in said) == [False, True]
    assert said[0].dsn == said[1].dsn
    assert [await ask(one.dsn, "select 1") for one in said] == [1, 1]


async def test_when_the_owner_stops_a_joined_process_is_cut_off_and_can_serve_itself(home: Path, other: Begin) -> None:
    owner = other()
    owner.said()
    joined = serve(home, QUICK)
    await keep(joined.dsn, "a rug")
    connection = await asyncpg.connect(joined.dsn)
    owner.stop()
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.AdminShutdownError)):
        await connection.fetchval("select 1")
    await connection.close()
    with serve(home, QUICK) as own:
        assert own.owned
        assert own.dsn == joined.dsn
        assert await kept(own.dsn) == "a rug"


def test_the_server_dies_when_its_owner_is_killed(home: Path, other: Begin) -> None:
    owner = other()
    owner.said()
    server = postmaster(home)
    owner.kill()
    assert ends(server)


async def test_a_server_outlives_the_thread_that_called_for_it(home: Path) -> None:
    found: list[Server] = []
    caller = threading.Thread(target=lambda: found.append(serve(home, QUICK)))
    caller.start()
    caller.join()
    with found[0] as server:
        assert not ends(postmaster(home), within=0.2)
        assert await ask(server.dsn, "select 1") == 1


async def test_an_interrupt_from_the_terminal_reaches_souk_but_not_the_server(home: Path, other: Begin) -> None:
    owner = other()
    dsn = owner.said().dsn
    pid = postmaster(home)
    assert os.getpgid(pid) != os.getpgid(owner.process.pid)
    assert os.getsid(pid) != os.getsid(owner.process.pid)
    assert await ask(dsn, "select 1") == 1


async def test_a_killed_server_is_started_again_by_its_owner_at_the_same_address(home: Path) -> None:
    with serve(home, QUICK) as server:
        await keep(server.dsn, "a kettle")
        before = postmaster(home)
        kill(before)
        assert await answers(server.dsn)
        assert postmaster(home) != before
        assert await kept(server.dsn) == "a kettle"


async def test_a_server_killed_again_and_again_comes_back_each_time(home: Path) -> None:
    with serve(home, QUICK) as server:
        await keep(server.dsn, "a kettle")
        for _ in range(3):
            kill(postmaster(home))
            assert await answers(server.dsn)
        assert await kept(server.dsn) == "a kettle"


async def test_an_owner_tries_until_its_server_starts_again(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    rules = home / "postgres/data/pg_hba.conf"
    with serve(home, QUICK) as server:
        right = rules.read_text()
        rules.write_text("nonsense\n")
        kill(postmaster(home))
        async with asyncio.timeout(10):
            while "cannot be started again" not in caplog.text:  # noqa: ASYNC110 - it is another thread that logs
                await asyncio.sleep(0.02)
        rules.write_text(right)
        assert await answers(server.dsn)
        assert server.owned


async def test_an_owner_that_was_overtaken_leaves_the_server_to_the_new_one(home: Path, other: Begin) -> None:
    owner = other()
    owner.said()
    os.kill(owner.process.pid, signal.SIGSTOP)
    kill(postmaster(home))
    with serve(home, QUICK) as server:
        assert server.owned
        os.kill(owner.process.pid, signal.SIGCONT)
        owner.stop()
        assert await ask(server.dsn, "select 1") == 1


async def test_after_owner_and_server_were_killed_the_next_start_finds_the_data(home: Path, other: Begin) -> None:
    owner = other()
    dsn = owner.said().dsn
    await keep(dsn, "a carpet")
    server = postmaster(home)
    os.kill(owner.process.pid, signal.SIGSTOP)  # so that it cannot start the server again
    os.kill(server, signal.SIGKILL)
    owner.kill()
    assert ends(server)
    with serve(home, QUICK) as next_one:
        assert next_one.owned
        assert await kept(next_one.dsn) == "a carpet"


async def test_a_stale_pid_that_now_belongs_to_another_program_is_no_hindrance(home: Path) -> None:
    with serve(home, QUICK) as server:
        await keep(server.dsn, "a stool")
        left = (home / "postgres/data/postmaster.pid").read_text()
    with run_as(server.home.account, "sleep", "60") as stranger:
        (home / "postgres/data/postmaster.pid").write_text(left.replace(left.split("\n", 1)[0], str(stranger.pid), 1))
        with serve(home, QUICK) as again:
            assert await kept(again.dsn) == "a stool"
        stranger.kill()


async def test_connections_left_open_do_not_hold_up_the_stop(home: Path) -> None:
    server = serve(home, QUICK)
    pid = postmaster(home)
    connection = await asyncpg.connect(server.dsn)
    await asyncio.to_thread(server.stop)
    assert ends(pid, within=0)
    connection.terminate()


def test_stopping_twice_is_stopping_once(home: Path) -> None:
    server = serve(home, QUICK)
    server.stop()
    server.stop()
    assert not server.owned


async def test_a_start_that_is_cancelled_leaves_no_server_behind(home: Path) -> None:
    starting = asyncio.ensure_future(start(home, QUICK))
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    with serve(home, QUICK) as server:
        assert server.owned


async def test_a_start_does_not_hold_up_the_event_loop(home: Path) -> None:
    starting = asyncio.ensure_future(start(home, QUICK))
    turns = 0
    while not starting.done():
        await asyncio.sleep(0.001)
        turns += 1
    server = await starting
    await asyncio.to_thread(server.stop)
    assert turns > 1


async def test_an_interrupted_first_start_leaves_nothing_in_the_way(home: Path) -> None:
    with serve(home, QUICK):
        pass
    (home / "postgres/data").rename(home / "postgres/data.new")
    (home / "postgres/data.new/PG_VERSION").unlink()
    with serve(home, QUICK) as server:
        assert await ask(server.dsn, "select 1") == 1


async def test_a_port_that_is_asked_for_is_used(home: Path) -> None:
    probe = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = probe.sockets[0].getsockname()[1]
    probe.close()
    await probe.wait_closed()
    with serve(home, Choices(durable=False, port=port)) as server:
        assert server.port == port
        assert f"127.0.0.1:{port}/" in server.dsn
