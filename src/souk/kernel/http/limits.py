"""Rate limits: how often one key (a session, an address, an account) may do something within a sliding window.

    LIMITER.hit(address, parse("100/15m"))      # counts, and says whether it was one too many

To limit *failed* attempts, `hit` before the attempt and `clear` after a success. Counting first means that a hundred
guesses sent at once are a hundred guesses, not one.

Counted in process, in about a microsecond and bounded memory. A key belongs to its limit: the same address under two
limits is counted twice, apart. What is refused is not counted, so a caller who waits is let in again. A store that
processes share stands behind the same two methods; it exchanges counts in the background, never per request.
"""

from __future__ import annotations

import ipaddress
import re
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from typing import Any, Final, Protocol

import msgspec

Header = tuple[bytes, bytes]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
EXACT_UP_TO: Final = 50
"""Limits up to this keep the time of every hit; wider ones keep two counters and weigh the older."""


class Limit(msgspec.Struct, frozen=True):
    """So many within so many seconds."""

    count: int
    seconds: int
    text: str

    def times(self, factor: int) -> Limit:
        """The same window, that many times as wide."""
        return Limit(self.count * factor, self.seconds, f"{self.count * factor}/{self.seconds}s")


def parse(text: str) -> Limit:
    """`5/15m`: five within fifteen minutes. Units are s, m, h and d."""
    found = re.fullmatch(r"([1-9]\d{0,8})/([1-9]\d{0,5})?([smhd])", text)
    if found is None:
        raise ValueError(f"{text!r} is no limit; write it like 5/15m (units: s, m, h, d)")
    return Limit(int(found[1]), int(found[2] or 1) * UNITS[found[3]], text)


ANONYMOUS: Final = parse("100/15m")
"""Per address, for whoever is not signed in."""
WEBHOOKS: Final = parse("6000/1m")
"""Per address, for machines that sign what they say: a provider tells everything from a few. Looking at a signature is cheap."""
ATTEMPTS: Final = parse("5/15m")
"""Failed sign-ins, resets and one-time codes, per account and address. Never widened."""
SIGN_UPS: Final = parse("20/1h")
"""Per address."""
LONGEST_ADDRESS: Final = 64
"""Characters of an address with what stands round it in a list. Longer things are none, and are not remembered either."""
DEVELOPMENT_FACTOR: Final = 100
"""In development one address holds a whole team's experiments: its limits are wider by this."""


def per_address(limit: Limit, *, development: bool) -> Limit:
    """A limit per address as this environment has it."""
    return limit.times(DEVELOPMENT_FACTOR) if development else limit


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """Whether one more was allowed, how many are left, and in how many seconds the window is free again."""

    limit: int
    remaining: int
    reset: int
    allowed: bool = True

    def headers(self) -> list[Header]:
        """The headers every limited answer carries."""
        return [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % self.reset),
        ]


class Limits(Protocol):
    """What a limiter promises, wherever it counts."""

    def hit(self, key: Hashable, limit: Limit) -> Verdict:
        """Count one, unless it is too many."""
        ...

    def clear(self, key: Hashable, limit: Limit) -> None:
        """Forget what this key did under that limit."""
        ...


class Limiter:
    """A limiter in process. At most `capacity` keys are remembered for each limit; the ones longest silent go first."""

    __slots__ = ("_capacity", "_keys", "_now")

    def __init__(self, *, now: Callable[[], float] = time.monotonic, capacity: int = 100_000) -> None:
        self._now = now
        self._capacity = capacity
        self._keys: dict[str, dict[Hashable, Any]] = {}

    def hit(self, key: Hashable, limit: Limit) -> Verdict:
        """Count one, unless it is too many."""
        keys = self._keys.get(limit.text)
        if keys is None:
            keys = self._keys[limit.text] = {}
        seen: Any = keys.get(key)
        if seen is None:
            if len(keys) >= self._capacity:
                self._make_room(keys, limit)
            seen = keys[key] = deque(maxlen=limit.count) if limit.count <= EXACT_UP_TO else [0, 0, 0]
        now = self._now()
        return _exact(seen, limit, now) if limit.count <= EXACT_UP_TO else _weighed(seen, limit, now)

    def clear(self, key: Hashable, limit: Limit) -> None:
        """Forget what this key did under that limit: the attempt succeeded."""
        keys = self._keys.get(limit.text)
        if keys is not None:
            keys.pop(key, None)

    def _make_room(self, keys: dict[Hashable, Any], limit: Limit) -> None:
        """Drop what lies outside the window; if that is too little, the tenth that has been silent longest."""
        start = self._now() - limit.seconds
        for key in [key for key, seen in keys.items() if _last(seen, limit) <= start]:
            del keys[key]
        if len(keys) > self._capacity * 0.9:
            for key in sorted(keys, key=lambda key: _last(keys[key], limit))[: max(1, self._capacity // 10)]:
                del keys[key]


def _last(seen: Any, limit: Limit) -> float:
    """The latest time at which a key can have been hit."""
    return float(seen[-1] if limit.count <= EXACT_UP_TO else (seen[0] + 1) * limit.seconds)


def _exact(times: deque[float], limit: Limit, now: float) -> Verdict:
    """Every hit's time is known."""
    start = now - limit.seconds
    while times and times[0] <= start:
        times.popleft()
    left = limit.count - len(times)
    if left <= 0:
        return Verdict(limit.count, 0, _up(times[0] - start), allowed=False)
    times.append(now)
    return Verdict(limit.count, left - 1, _up(times[0] - start))


def _weighed(seen: list[int], limit: Limit, now: float) -> Verdict:
    """The count of this window, and that of the one before for the part of it that still lies in the sliding one."""
    seconds = limit.seconds
    window, into = divmod(now, seconds)
    if seen[0] != window:
        seen[:] = [int(window), 0, seen[1] if seen[0] == window - 1 else 0]
    older = seen[2] * (seconds - into) / seconds if seen[2] else 0
    left = int(limit.count - seen[1] - older)
    if left <= 0:
        return Verdict(limit.count, 0, _wait(seen, limit, into), allowed=False)
    seen[1] += 1
    return Verdict(limit.count, left - 1, int(seconds - into) + 1)


def _wait(seen: list[int], limit: Limit, into: float) -> int:
    """Seconds until one more is allowed: the counters run off evenly, so it can be said exactly."""
    room = limit.count - 1 - seen[1]
    if room >= 0:
        return _up(limit.seconds * (1 - room / seen[2]) - into)
    return _up(limit.seconds * (2 - (limit.count - 1) / seen[1]) - into)


def _up(seconds: float) -> int:
    return max(1, -int(-seconds // 1))


# Whom to count


def client_address(peer: str, forwarded: bytes | None, trusted: Iterable[Network]) -> str:
    """The address a request comes from. `X-Forwarded-For` counts only as far as the proxies that wrote it are trusted."""
    if forwarded is None or not _within(peer, trusted):
        return peer
    address = peer
    for part in reversed(forwarded.decode("latin-1").split(",")):
        hop = _parsed(part.strip()) if len(part) <= LONGEST_ADDRESS else None
        if hop is None:
            break
        address = str(hop)
        if not _within(address, trusted):
            break
    return address


@lru_cache(4096)
def address_key(address: str) -> str:
    """What an address is counted by: an IPv6 customer owns a /64, so all of it is one."""
    if ":" not in address:
        return address
    parsed = _parsed(address)
    if not isinstance(parsed, ipaddress.IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))


@lru_cache(4096)
def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


def _within(address: str, networks: Iterable[Network]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)
