"""Calls to addresses that strangers gave: a name is looked up once, refused unless all of it is public, and called by what was found.

So a name that means one thing when it is checked and another when it is called reaches nothing, and neither does a redirect.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx

from souk.modules.notify.errors import EndpointRefused

WHOLE: Final = 10.0
"""Seconds that one call may take."""
AT_ONCE: Final = 32
MOST_ANSWERED: Final = 64 * 1024
"""Bytes of an answer that are read."""
NO_ADDRESS: Final = "its host is not known"
TRANSLATING: Final = ("64:ff9b::", "64:ff9b:1::", "2002:")
"""Ranges of IPv6 that lead to any address of IPv4, private ones too."""

Address = IPv4Address | IPv6Address
LookUp = Callable[[str, int], Awaitable[list[str]]]


class Answered(Exception):
    """Base of what can go wrong with a call."""


class NotReached(Answered):
    """Nothing was sent: it may be tried again."""


class NoAnswer(Answered):
    """It was sent, and nobody knows what became of it."""


async def looked_up(host: str, port: int) -> list[str]:
    """Every address of a host."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


@cache
def trusted() -> ssl.SSLContext:
    """Whom we trust out there. The list takes a while to read, so it is read once."""
    return httpx.create_ssl_context(trust_env=False)


class Outgoing:
    """The way out. `local` lets it go to private addresses and without encryption: for development that says so, and tests."""

    def __init__(self, *, local: bool = False, look_up: LookUp = looked_up, whole: float = WHOLE) -> None:
        self.local = local
        self._look_up = look_up
        self._whole = whole
        # Kept connections are known by their address alone: one that was opened for a name could be used for another's.
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0)
        timeout = httpx.Timeout(whole, connect=whole / 2)
        self._client = httpx.AsyncClient(verify=trusted(), timeout=timeout, limits=limits, follow_redirects=False, trust_env=False)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def check(self, url: str) -> SplitResult:
        """Whether an address may be called at all, as far as it says by itself."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise EndpointRefused(reason="it cannot be read") from None
        if parts.scheme != "https" and not (self.local and parts.scheme == "http"):
            raise EndpointRefused(reason="it does not begin with https://")
        if not parts.hostname or not url.isascii() or not url.isprintable() or " " in url:
            raise EndpointRefused(reason="it cannot be read")
        if parts.username is not None or parts.password is not None:
            raise EndpointRefused(reason="it names a user")
        if not self.local and port not in {None, 443}:
            raise EndpointRefused(reason="its port is not 443")
        if (literal := _literal(parts.hostname)) is not None:
            self._check_public([literal])
        return parts

    async def post(self, url: str, headers: Mapping[str, str], content: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """Post to an address, and answer status, headers and the beginning of the body."""
        parts = self.check(url)
        host = str(parts.hostname)
        try:
            async with asyncio.timeout(self._whole):
                found = await self._address_of(host, parts.port or (443 if parts.scheme == "https" else 80))
        except TimeoutError:
            raise NotReached(NO_ADDRESS) from None
        return await self._call(parts, found, headers, content)

    async def _call(
        self, parts: SplitResult, found: Address, headers: Mapping[str, str], content: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        """By the address that was checked; the name is for the certificate and the other side's eyes."""
        literal = f"[{found}]" if found.version == 6 else str(found)
        target = parts._replace(netloc=literal if parts.port is None else f"{literal}:{parts.port}", fragment="").geturl()
        named = {**headers, "Host": parts.netloc}
        try:
            async with (
                asyncio.timeout(self._whole),
                self._client.stream(
                    "POST", target, headers=named, content=content, extensions={"sni_hostname": str(parts.hostname)}
                ) as answer,
            ):
                return answer.status_code, answer.headers, await _beginning(answer)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            raise NotReached(f"{parts.hostname}: {type(error).__name__}") from error
        except (httpx.HTTPError, httpx.StreamError, TimeoutError) as error:
            raise NoAnswer(f"{parts.hostname}: {type(error).__name__}") from error

    async def _address_of(self, host: str, port: int) -> Address:
        literal = _literal(host)
        try:
            found = [literal] if literal is not None else [ip_address(each.partition("%")[0]) for each in await self._look_up(host, port)]
        except (OSError, UnicodeError):
            raise NotReached(NO_ADDRESS) from None
        if not found:
            raise NotReached(NO_ADDRESS)
        self._check_public(found)
        return found[0]

    def _check_public(self, found: list[Address]) -> None:
        """One that is not public among them is one too many: it could be the one that is called next time."""
        if not self.local and not all(is_public(each) for each in found):
            raise EndpointRefused(reason="its address is not a public one")


def is_public(address: Address) -> bool:
    """Whether it is an address of the internet, and nothing of this machine, a private network or a cloud's own services."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if str(address).startswith(TRANSLATING) or address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _literal(host: str) -> Address | None:
    """The address that a host is written as. Odd spellings of one (`127.1`, `0x7f000001`) are looked up, and judged by what they mean."""
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


async def _beginning(answer: httpx.Response) -> bytes:
    read = bytearray()
    async for chunk in answer.aiter_raw():
        read += chunk
        if len(read) >= MOST_ANSWERED:
            break
    return bytes(read[:MOST_ANSWERED])
