"""The suite's own rule: no test leaves the machine."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest

from tests.plugins.loopback_only import LeavesTheMachine, check

ELSEWHERE = "192.0.2.1"  # set aside for documentation: nobody answers there


def test_a_connection_to_another_machine_is_refused() -> None:
    with socket.socket() as sock, pytest.raises(LeavesTheMachine, match=ELSEWHERE):
        sock.connect((ELSEWHERE, 80))


def test_a_name_of_another_machine_is_not_even_looked_up() -> None:
    with pytest.raises(LeavesTheMachine, match=r"example\.org"):
        socket.getaddrinfo("example.org", 443)


def test_an_http_client_cannot_leave_either() -> None:
    with pytest.raises(LeavesTheMachine):
        httpx.get("https://example.org/")


async def test_the_event_loop_refuses_below_python_as_well() -> None:
    with pytest.raises(LeavesTheMachine):
        await asyncio.open_connection(ELSEWHERE, 80)


async def test_this_machine_can_be_reached() -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"here")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        assert await reader.read() == b"here"
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", b"localhost", "", None])
def test_what_counts_as_this_machine(host: object) -> None:
    check(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "fe80::1%eth0", "localhost.example.org", b"example.org"])
def test_what_counts_as_another(host: object) -> None:
    with pytest.raises(LeavesTheMachine):
        check(host)
