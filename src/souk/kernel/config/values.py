"""What the values of variables may look like. Each reader answers the value, or refuses it with the remedy."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import msgspec

from souk.kernel.config.declare import Unreadable

Network: TypeAlias = IPv4Network | IPv6Network


def one_of(*choices: str) -> Callable[[str], str]:
    """One of these words, in any case."""

    def read(text: str) -> str:
        word = text.lower()
        if word in choices:
            return word
        near = get_close_matches(word, choices, 1, 0.5)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise Unreadable(f"is {text!r}, which is not a choice{meant}", f"Set it to {' or '.join(choices)}")

    return read


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number in a range."""

    def read(text: str) -> int:
        remedy = f"Set it to a whole number from {low} to {high}"
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
            raise Unreadable(f"is {text!r}, which is not a whole number", remedy)
        number = int(text)
        if not low <= number <= high:
            raise Unreadable(f"is {number}, which is out of range", remedy)
        return number

    return read


def switch(text: str) -> bool:
    """On or off."""
    word = text.lower()
    if word in ("on", "true", "yes", "1"):
        return True
    if word in ("off", "false", "no", "0"):
        return False
    raise Unreadable(f"is {text!r}, which is neither on nor off", "Set it to on or off")


def folder(text: str) -> Path:
    """A folder; `~` is the home of the user."""
    if "\0" in text:
        raise Unreadable("holds a NUL character", "Set it to the path of a folder")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise Unreadable("begins with the home of a user who is not known here", "Set it to the path of a folder") from None


def host(text: str) -> str:
    """A name or address to listen on."""
    if re.search(r"[\s/@]", text) or re.fullmatch(r"[^:\[\]]*:[0-9]+", text):
        raise Unreadable(
            f"is {text!r}, which is not a host", "Set it to a name or an address alone, for example 127.0.0.1; the port is SOUK_PORT"
        )
    return text


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them, each once. What is not installed is named as Python finds it: `module:NAME`."""
    found = tuple(name.strip() for name in text.split(",") if name.strip())
    bad = [name for name in found if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}|[A-Za-z_][\w.]*:\w+", name)]
    if bad:
        remedy = "Use small letters, digits and _, or module:NAME, with commas between names"
        raise Unreadable(f"holds {bad[0]!r}, which is not a market's name", remedy)
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise Unreadable(f"names {twice[0]} twice", "Name each market once")
    return found


def networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks with commas between them."""
    found: list[Network] = []
    for part in (part.strip() for part in text.split(",")):
        if part:
            try:
                found.append(ip_network(part))
            except ValueError:
                raise Unreadable(
                    f"holds {part!r}, which is neither an address nor a network", "Write them like 10.1.2.3 or 10.0.0.0/8"
                ) from None
    return tuple(found)


def database(text: str) -> str:
    """A PostgreSQL DSN, or nothing for the embedded server. Not echoed: it may hold a password."""
    remedy = "Set it like postgres://user:password@host:5432/database, or leave it empty for the embedded server"
    if not text:
        return ""
    try:
        url = urlsplit(text)
    except ValueError:
        raise Unreadable("is not a URL", remedy) from None
    if url.scheme not in ("postgres", "postgresql"):
        raise Unreadable(f"begins with {url.scheme or 'no scheme'}:// instead of postgres://", remedy)
    hosts = url.netloc.rpartition("@")[2]
    if not hosts and "host=" not in url.query:
        raise Unreadable("names no host", remedy)
    if not all(re.fullmatch(r"(\[[^\]]+\]|[^:\[\]]*)(:[0-9]{1,5})?", part) for part in hosts.split(",")):
        raise Unreadable("has a host or port that cannot be read", f"{remedy}; characters like @ : / in a password are written %40 %3A %2F")
    if not url.path.strip("/"):
        raise Unreadable("names no database", remedy)
    return text


def web_address(example: str, *, user: bool = False) -> Callable[[str], str]:
    """An http(s) URL, or nothing. Not echoed: it may hold a key."""

    def read(text: str) -> str:
        if not text:
            return ""
        try:
            url = urlsplit(text)
            good = url.scheme in ("http", "https") and bool(url.hostname) and (url.port is None or url.port > 0)
        except ValueError:
            good, url = False, urlsplit("")
        if not good or (user and not (url.username and url.path.strip("/"))):
            raise Unreadable("is not an address of that kind", f"Set it like {example}, or leave it empty to switch it off")
        return text

    return read


class Secret(msgspec.Struct, frozen=True):
    """A secret and the id by which what it signed names it. Never shown."""

    id: str
    text: str

    def __repr__(self) -> str:
        return f"Secret({self.id}: hidden)"

    def key(self, purpose: str) -> bytes:
        """The key for one purpose; knowing it tells nothing of the secret or of other keys."""
        return hmac.digest(self.text.encode(), b"souk key for " + purpose.encode(), hashlib.sha256)


def secret(text: str) -> Secret:
    """`id:secret`, or a secret alone, whose id is then made from it."""
    named = re.fullmatch(r"([A-Za-z0-9_-]{1,16}):(.+)", text)
    if named:
        return Secret(named[1], named[2])
    if ":" in text:
        raise Unreadable("has an id that cannot be read", "Write it as id:secret, where the id is 1 to 16 letters, digits, _ or -")
    return Secret(hmac.digest(text.encode(), b"souk key id", hashlib.sha256).hex()[:8], text)


def secrets(text: str) -> tuple[Secret, ...]:
    """Any number of secrets with commas between them, each with an id of its own."""
    found = tuple(secret(part.strip()) for part in text.split(",") if part.strip())
    if len({known.id for known in found}) < len(found):
        raise Unreadable("gives one id to two secrets", "Give each secret an id of its own, or none")
    return found
