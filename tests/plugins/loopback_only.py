"""Tests talk to this machine only: anything that would leave it fails, naming where it wanted to go.

An audit hook sees every connection and lookup that Python itself makes. uvloop makes its own below Python, so tests run
on `Loop`, which asks the same question first. Programs that tests start are not watched.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any

import uvloop

LOCAL_NAMES = frozenset({"localhost", "ip6-localhost", "testserver"})


class LeavesTheMachine(RuntimeError):
    """A test wanted to reach another machine."""

    def __init__(self, host: object) -> None:
        super().__init__(f"tests reach this machine only, and this one wants {host!r}: let a real small server stand in for it")


def check(host: object) -> None:
    """Refuse a host that is not this machine. No host at all means a Unix socket, or any address to listen on."""
    if host is None or host in ("", b""):
        return
    name = host.decode() if isinstance(host, bytes) else str(host)
    try:
        local = ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        local = name.lower().rstrip(".") in LOCAL_NAMES or name == socket.gethostname()
    if not local:
        raise LeavesTheMachine(host)


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        if isinstance(address, tuple) and arguments[0].family in (socket.AF_INET, socket.AF_INET6):
            check(address[0])
    elif event == "socket.getaddrinfo" and arguments[0] not in ("0.0.0.0", "::"):  # noqa: S104 - what a server listens on
        check(arguments[0])


class Loop(uvloop.Loop):
    """uvloop's loop, for which leaving the machine is an error."""

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **more: Any) -> Any:
        check(host)
        return await super().create_connection(protocol_factory, host, port, **more)

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            check(address[0])
        await super().sock_connect(sock, address)

    async def create_datagram_endpoint(self, protocol_factory: Any, local_addr: Any = None, remote_addr: Any = None, **more: Any) -> Any:
        check(remote_addr and remote_addr[0])
        return await super().create_datagram_endpoint(protocol_factory, local_addr, remote_addr, **more)


sys.addaudithook(_watch)
