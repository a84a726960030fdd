"""Passwords: what may be one, and how one is kept.

A password is hashed over a digest of itself, so that none is cut at bcrypt's 72 bytes, in threads of low priority: fifty people who
sign in at once wait for each other, and nobody else waits for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import os
import sys
import threading
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from souk.kernel.config import ConfigError, Declared, Problem, Settings, Variable
from souk.kernel.config.values import one_of, whole
from souk.kernel.http import invalid
from souk.modules.identity.breached import in_sorted_file, sorted_file, well_known
from souk.modules.identity.errors import HashingBusy
from souk.modules.identity.rules import Rules

T = TypeVar("T")
Scheme = Literal["bcrypt", "argon2id"]

SHORTEST: Final = 8
LONGEST: Final = 128
COST: Final = 12
THREADS: Final = 4
NICE: Final = 10
"""How far below everything else hashing runs, where the system knows priorities of threads."""
LABEL: Final = b"souk password"
DEMO_PASSWORD: Final = "Souk-demo-1"  # noqa: S105 - the password of demo accounts, which everybody may know
UNKNOWN: Final[dict[Scheme, str]] = {
    "bcrypt": "$2b${cost:02}$" + "." * 21 + "O" + "." * 31,
    "argon2id": "$argon2id$v=19$m=65536,t=3,p=4$" + "A" * 22 + "$" + "A" * 43,
}
"""Hashes of no password: what an account that does not exist is compared with, so that the answer takes as long."""


class PasswordSettings(Declared, frozen=True):
    """How this instance keeps passwords."""

    scheme: Annotated[
        Scheme,
        Variable(
            "SOUK_PASSWORD_HASH",
            "How passwords are hashed. Those hashed otherwise stay good, and are hashed anew when their owner signs in.",
            one_of("bcrypt", "argon2id"),
            "bcrypt",
            "bcrypt or argon2id",
        ),
    ]
    cost: Annotated[
        int,
        Variable(
            "SOUK_PASSWORD_COST",
            "The work of one bcrypt hash; each step doubles it. Production takes 12 or more.",
            whole(4, 18),
            str(COST),
            "4 to 18",
        ),
    ]
    breached: Annotated[
        Path | None,
        Variable(
            "SOUK_PASSWORD_BREACHED",
            "A file of SHA-1 hashes of breached passwords, one a line in hexadecimal, sorted. They are refused, beside the common ones.",
            sorted_file,
            accepts="a file",
        ),
    ]


def hasher_of(settings: Settings, own: PasswordSettings) -> Hasher:
    """The process's hasher, as its settings have it."""
    if settings.production and own.cost < COST:
        remedy = f"Unset it, or set it to {COST} or more"
        raise ConfigError([Problem("SOUK_PASSWORD_COST", f"is {own.cost}, which is too little for production", remedy)])
    return _shared(own.scheme, own.cost, own.breached, demo=not settings.production)


class Hasher:
    """Hashes and verifies, a few at a time. More than `waiting` at once are turned away, to come back.

    demo: whether the password of the demo logins may be one, which everybody knows.
    """

    def __init__(
        self, scheme: Scheme = "bcrypt", cost: int = COST, *, breached: Path | None = None, waiting: int = 200, demo: bool = True
    ) -> None:
        self._bcrypt = BcryptHasher(rounds=cost)
        self._argon = Argon2Hasher()
        self._own: BcryptHasher | Argon2Hasher = self._bcrypt if scheme == "bcrypt" else self._argon
        self._unknown = UNKNOWN[scheme].format(cost=cost)
        self._breached = breached
        self._demo = demo
        self._most = waiting
        self._asked = 0
        self._threads = ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1), "hashing", _step_back)

    async def aclose(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False)

    async def hash(self, password: str) -> str:
        """What is stored of a password."""
        return await self._run(self._own.hash, prepared(password))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether it is the password. None is nobody's: that takes the same work, and is never right."""
        right = await self._run(self._verify, prepared(password), stored or self._unknown)
        return right and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether it was hashed in another way than today's, so that it should be hashed anew."""
        return not self._own.identify(stored) or self._own.check_needs_rehash(stored)

    async def check(self, rules: Rules, password: str, own_words: Iterable[str] = (), field: str = "password") -> None:
        """Refuse what is no password here: too short or long, not as the market wants it, or one that is guessed first."""
        text = checked_length(password, field)
        wanted = [rule.wants for rule in rules.password if not rule.met(text)]
        if wanted:
            raise invalid(field, f"needs {', '.join(wanted)} too")
        if text == DEMO_PASSWORD and self._demo:
            return
        if folded(text) in {folded(word) for word in own_words if word}:
            raise invalid(field, "is your own name or address; choose something that others do not know")
        if await self._run(self._is_known, text):
            raise invalid(field, "is among the passwords that are tried first; choose another, for example several words")

    def _verify(self, password: bytes, stored: str) -> bool:
        scheme = self._bcrypt if BcryptHasher.identify(stored) else self._argon
        return scheme.verify(password, stored)

    def _is_known(self, text: str) -> bool:
        if text == DEMO_PASSWORD or folded(text) in well_known():
            return True
        return self._breached is not None and in_sorted_file(self._breached, text)

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        if self._asked >= self._most:
            raise HashingBusy
        self._asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)
        finally:
            self._asked -= 1


@cache
def _shared(scheme: Scheme, cost: int, breached: Path | None, *, demo: bool) -> Hasher:
    """One for all markets of a process: they share its processors."""
    return Hasher(scheme, cost, breached=breached, demo=demo)


def _step_back() -> None:
    """Let everybody else go first."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def prepared(password: str) -> bytes:
    """What is hashed: a digest of the password, however it was typed, of one length."""
    text = as_it_counts(password).encode("utf-8", "surrogatepass")
    return b64encode(hmac.digest(LABEL, text, hashlib.sha256))


def as_it_counts(password: str) -> str:
    """The password in one spelling. What is far too long for one stays as it is: spelling it takes the square of its length."""
    return unicodedata.normalize("NFKC", password) if len(password) <= 4 * LONGEST else password


def checked_length(password: str, field: str) -> str:
    """The password as it counts. What is far too long is not even looked at."""
    text = as_it_counts(password)
    if not SHORTEST <= len(text) <= LONGEST:
        raise invalid(field, f"has {len(text)} characters; a password has {SHORTEST} to {LONGEST}")
    return text


def folded(text: str) -> str:
    """A password as guessers try it."""
    return text.casefold()
