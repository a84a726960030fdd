"""Access tokens: short-lived JWTs (HS256) of one market, verified once and remembered until they expire or are revoked.
API keys stand beside them: whoever keeps them (`look_up`) is asked once, and again every minute.

They live on the machine's time, not on business time: moving a market's clock signs nobody out.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

import jwt
import msgspec

from souk.kernel.errors import Refusal
from souk.kernel.http.guards import Actor, Role, capacities_of

ALGORITHM: Final = "HS256"
LIFE_SECONDS: Final = 15 * 60
REMEMBERED: Final = 50_000
WRITTEN: Final = re.compile(rb"(?i:bearer) +([\w-]+\.[\w-]+\.[\w-]+)", re.ASCII)
USUAL: Final = re.compile(rb"Bearer [^ ]+")
"""How nearly everybody writes it. Only this is remembered: other ways are as many and as long as a caller likes."""
API_KEY: Final = re.compile(rb"Bearer (souk_[\w-]{20,100})", re.ASCII)
KEY_SECONDS: Final = 60.0
"""How long an API key is believed without asking again. One that is revoked is refused at once all the same."""

LookUp = Callable[[str], Awaitable[Actor | None]]
"""Whose API key this is, and what it may."""


class TokenInvalid(Refusal, status=401, message="The access token, or API key, is not valid here. Sign in again, or use another key."):
    """Forged, damaged, of another market, or signed in a way that is not allowed."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("WWW-Authenticate", 'Bearer error="invalid_token"'),)


class TokenExpired(Refusal, status=401, message="The access token has expired. Refresh it."):
    """Its time is over."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("WWW-Authenticate", 'Bearer error="invalid_token", error_description="expired"'),)


class TokenRevoked(Refusal, status=401, message="This session was ended, or this API key revoked. Sign in again, or use another key."):
    """Its session was signed out, suspended, or its password changed."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("WWW-Authenticate", 'Bearer error="invalid_token", error_description="revoked"'),)


class KeyUnknown(Exception):
    """An API key that this process has not met in the last minute."""

    def __init__(self, authorization: bytes) -> None:
        self.authorization = authorization


class Known(msgspec.Struct, frozen=True, gc=False):
    """A token that was verified."""

    actor: Actor
    issued: float
    expires: float


class Revoked(msgspec.Struct, frozen=True, gc=False):
    """Tokens of a session that are refused: all of them, or those issued before its roles changed."""

    before: float
    until: float


class Tokens:
    """Issues and verifies the access tokens of one market. `keys` are by id, the current one first; older ones only verify."""

    def __init__(self, market: str, keys: dict[str, bytes], roles: tuple[Role, ...] = (), *, now: Callable[[], float] = time.time) -> None:
        self.market = market
        self._roles = roles
        self._keys = keys
        self._current = next(iter(keys))
        self._now = now
        self._known: dict[bytes, Known] = {}
        self._revoked: dict[UUID, Revoked] = {}
        self.look_up: LookUp | None = None
        """Who knows API keys, in a market that has them."""
        self.on_ended: list[Callable[[UUID], None]] = []
        """Told of every session that ends: live connections end with it."""
        self.on_changed: list[Callable[[UUID, float], None]] = []
        """Told of every session whose roles changed, and when: tokens issued before are refused."""

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
            "iat": now,
            "exp": now + life,
        }
        return jwt.encode(claims, self._keys[self._current], ALGORITHM, headers={"kid": self._current})

    def actor(self, authorization: bytes) -> Actor:
        """Who sent this `Authorization` header."""
        return self.known(authorization).actor

    def known(self, authorization: bytes) -> Known:
        """Who sent this `Authorization` header, and how long it is believed."""
        known = self._known.get(authorization)
        if known is None:
            known = self._verify(authorization)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            if USUAL.fullmatch(authorization):
                self._known[authorization] = known
        if known.expires <= self._now():
            self._known.pop(authorization, None)
            raise KeyUnknown(authorization) if known.actor.scopes is not None else TokenExpired
        if self._revoked and known.actor.session in self._revoked:
            self._refuse(known, authorization)
        return known

    async def meet(self, unknown: KeyUnknown) -> None:
        """Ask whose API key it is, and remember it; `actor` knows it then."""
        written = API_KEY.fullmatch(unknown.authorization)
        asked = self._now()
        actor = await self.look_up(written[1].decode("ascii")) if written and self.look_up else None
        if actor is None:
            raise TokenInvalid
        self._known[unknown.authorization] = Known(actor, asked, asked + KEY_SECONDS)

    def revoke(self, *sessions: UUID, before: float = math.inf) -> None:
        """Refuse every token of these sessions, or those issued `before`: then roles have changed, and a refresh brings new ones.

        Remembered until the last of them has expired anyway. Whoever revokes for good writes it down too (`revocations`).
        """
        until = self._now() + LIFE_SECONDS
        for session in sessions:
            earlier = self._revoked.get(session)
            if earlier is None or earlier.before < before:
                self._revoked[session] = Revoked(before, until)
                self._tell(session, before)

    def forget_expired(self) -> None:
        """Drop the revocations that no token outlives."""
        now = self._now()
        self._revoked = {session: revoked for session, revoked in self._revoked.items() if revoked.until > now}

    def time(self) -> float:
        """The machine's time, as tokens have it."""
        return self._now()

    def _tell(self, session: UUID, before: float) -> None:
        if before == math.inf:
            for ended in self.on_ended:
                ended(session)
        else:
            for changed in self.on_changed:
                changed(session, before)

    def _refuse(self, known: Known, authorization: bytes) -> None:
        revoked = self._revoked[known.actor.session]
        if known.issued < revoked.before:
            self._known.pop(authorization, None)  # an API key is asked about anew the next time: it may have other roles by now
            raise TokenRevoked if revoked.before == math.inf else TokenExpired

    def _verify(self, authorization: bytes) -> Known:
        written = WRITTEN.fullmatch(authorization)
        if written is None:
            raise KeyUnknown(authorization) if self.look_up and API_KEY.fullmatch(authorization) else TokenInvalid
        try:
            claims = self._claims(written[1].decode("ascii"))
            roles = frozenset(claims["roles"])
            actor = Actor(UUID(claims["sub"]), roles, UUID(claims["sid"]), self.market, capacities_of(roles, self._roles))
            return Known(actor, float(claims["iat"]), float(claims["exp"]))
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
            options={"require": ["exp", "iat", "sub", "aud", "iss"], "verify_exp": False, "verify_iat": False},
        )
