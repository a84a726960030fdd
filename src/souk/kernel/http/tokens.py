"""Access tokens: short-lived JWTs (HS256) of one market, verified once and remembered until they expire or are revoked.

They live on the machine's time, not on business time: moving a market's clock signs nobody out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import jwt

from souk.kernel.errors import Refusal
from souk.kernel.http.guards import Actor, Role, capacities_of

ALGORITHM: Final = "HS256"
LIFE_SECONDS: Final = 15 * 60
REMEMBERED: Final = 50_000
WRITTEN: Final = re.compile(rb"(?i:bearer) +([\w-]+\.[\w-]+\.[\w-]+)", re.ASCII)
USUAL: Final = re.compile(rb"Bearer [^ ]+")
"""How nearly everybody writes it. Only this is remembered: other ways are as many and as long as a caller likes."""


class TokenInvalid(Refusal, status=401, message="The access token is not valid here. Sign in again."):
    """Forged, damaged, of another market, or signed in a way that is not allowed."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("WWW-Authenticate", 'Bearer error="invalid_token"'),)


class TokenExpired(Refusal, status=401, message="The access token has expired. Refresh it."):
    """Its time is over."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("WWW-Authenticate", 'Bearer error="invalid_token", error_description="expired"'),)


class TokenRevoked(Refusal, status=401, message="This session was ended. Sign in again."):
    """Its session was signed out, suspended, or its password changed."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("WWW-Authenticate", 'Bearer error="invalid_token", error_description="revoked"'),)


class Tokens:
    """Issues and verifies the access tokens of one market. `keys` are by id, the current one first; older ones only verify."""

    def __init__(self, market: str, keys: dict[str, bytes], roles: tuple[Role, ...] = (), *, now: Callable[[], float] = time.time) -> None:
        self.market = market
        self._roles = roles
        self._keys = keys
        self._current = next(iter(keys))
        self._now = now
        self._known: dict[bytes, tuple[Actor, float]] = {}
        self._revoked: dict[UUID, float] = {}

    def issue(self, actor: Actor, *, life: float = LIFE_SECONDS) -> str:
        """A token that says who the actor is. None lives longer than a revocation is remembered."""
        if life > LIFE_SECONDS:
            raise ValueError(f"an access token lives {LIFE_SECONDS} s at most, not {life:g}")
        now = self._now()
        claims = {
            "iss": "souk",
            "aud": self.market,
            "sub": str(actor.id),
            "sid": str(actor.session),
            "roles": sorted(actor.roles),
            "iat": int(now),
            "exp": now + life,
        }
        return jwt.encode(claims, self._keys[self._current], ALGORITHM, headers={"kid": self._current})

    def actor(self, authorization: bytes) -> Actor:
        """Who sent this `Authorization` header."""
        known = self._known.get(authorization)
        if known is None:
            known = self._verify(authorization)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            if USUAL.fullmatch(authorization):
                self._known[authorization] = known
        actor, expires = known
        if expires <= self._now():
            self._known.pop(authorization, None)
            raise TokenExpired
        if self._revoked and actor.session in self._revoked:
            raise TokenRevoked
        return actor

    def revoke(self, session: UUID) -> None:
        """Refuse every token of a session from now on. Remembered until the last of them has expired anyway."""
        now = self._now()
        self._revoked = {known: until for known, until in self._revoked.items() if until > now}
        self._revoked[session] = now + LIFE_SECONDS

    def _verify(self, authorization: bytes) -> tuple[Actor, float]:
        written = WRITTEN.fullmatch(authorization)
        if written is None:
            raise TokenInvalid
        try:
            claims = self._claims(written[1].decode("ascii"))
            roles = frozenset(claims["roles"])
            actor = Actor(UUID(claims["sub"]), roles, UUID(claims["sid"]), self.market, capacities_of(roles, self._roles))
            return actor, float(claims["exp"])
        except jwt.ExpiredSignatureError:
            raise TokenExpired from None
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
            raise TokenInvalid from None

    def _claims(self, token: str) -> dict[str, Any]:
        key = self._keys.get(str(jwt.get_unverified_header(token).get("kid")))
        if key is None:
            raise TokenInvalid
        return jwt.decode(
            token,
            key,
            [ALGORITHM],
            audience=self.market,
            issuer="souk",
            options={"require": ["exp", "sub", "aud", "iss"], "verify_exp": False, "verify_iat": False},
        )
