"""`Doorkeeper`: what a market knows by heart at its door. Refresh tokens and their successors, devices, and the cookie."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from typing import Final
from urllib.parse import urlsplit

from msgspec import UNSET

from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.http import Reply, Request
from souk.kernel.http.limits import address_key
from souk.modules.identity.errors import ForeignOrigin
from souk.modules.identity.model import Opened, Origin, SignedIn
from souk.modules.identity.rules import Rules

TOKEN_BYTES: Final = 32
LONGEST_AGENT: Final = 300


class Doorkeeper:
    """One market's. Made once for each process that opens the market."""

    def __init__(self, settings: Settings, market: Market, rules: Rules) -> None:
        self.rules = rules
        self.market = market.name
        self._keys = tuple(settings.keys(f"refresh tokens of {market.name}").values())
        self._device_key = settings.key(f"devices of {market.name}")
        self._secure = settings.production
        self._cookie = f"{'__Secure-' if self._secure else ''}{market.name}_refresh"
        self._path = f"{market.base}/auth"
        self._origins = frozenset(market.origins)

    # Refresh tokens

    def new_token(self) -> str:
        """A refresh token that nobody can guess."""
        return written(secrets.token_bytes(TOKEN_BYTES))

    def successor(self, token: str) -> str:
        """What a token is exchanged for. Whoever asks twice is told the same, and nothing that is told is stored."""
        return self._successor(self._keys[0], token)

    def successors(self, token: str) -> tuple[str, ...]:
        """What it may have been exchanged for, under any key that is still believed."""
        return tuple(self._successor(key, token) for key in self._keys)

    @staticmethod
    def _successor(key: bytes, token: str) -> str:
        return written(hmac.digest(key, token.encode(), hashlib.sha256))

    # Devices

    def fingerprint(self, origin: Origin) -> bytes:
        """The device, as far as it can be told: the network's address and what the program calls itself."""
        told = f"{address_key(origin.address)}\n{origin.agent}"
        return hmac.digest(self._device_key, told.encode(), hashlib.sha256)

    # The cookie

    def reply(self, opened: Opened) -> Reply[SignedIn]:
        """The answer for whoever came in: the refresh token as a cookie, and in the body where the market says so."""
        token = opened.refresh_token if self.rules.refresh_in_body else UNSET
        signed_in = SignedIn(opened.user, opened.access_token, token)
        return Reply(signed_in, headers=(self._set_cookie(opened.refresh_token, opened.seconds_left), UNSTORED))

    def gone(self) -> tuple[tuple[str, str], ...]:
        """The headers that take the cookie away."""
        return (self._set_cookie("", 0), UNSTORED)

    def _set_cookie(self, token: str, seconds: int) -> tuple[str, str]:
        secure = "; Secure" if self._secure else ""
        return "Set-Cookie", f"{self._cookie}={token}; Path={self._path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"

    def presented(self, request: Request, in_body: str | None) -> str | None:
        """The refresh token that was sent: in the body, or else as a cookie, which only the market's own pages may use."""
        if in_body:
            return in_body
        token = cookies_of(request).get(self._cookie)
        if token:
            self._check_origin(request)
        return token or None

    def _check_origin(self, request: Request) -> None:
        origin = request.header("origin")
        if origin and origin not in self._origins and _place_of(origin) != request.header("host"):
            raise ForeignOrigin(origin=origin[:200])


UNSTORED: Final = ("Cache-Control", "no-store")


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


def written(secret: bytes) -> str:
    """Bytes as they go into a link or a header."""
    return urlsafe_b64encode(secret).rstrip(b"=").decode()


def _place_of(origin: str) -> str | None:
    """The host and port of an origin; None for what is no address."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def origin_of(request: Request) -> Origin:
    """Where a request comes from."""
    agent = "".join(letter if letter.isprintable() else " " for letter in request.header("user-agent"))
    return Origin(request.address, agent[:LONGEST_AGENT])


def cookies_of(request: Request) -> dict[str, str]:
    """The cookies that came along."""
    pairs = (pair.strip().partition("=") for pair in request.header("cookie").split(";"))
    return {name: text.strip('"') for name, _, text in pairs if name}
