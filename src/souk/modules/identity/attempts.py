"""Counting who tries what: guesses are counted before they are judged, and forgotten when one was right."""

from __future__ import annotations

from typing import Final, Literal

from souk.kernel.config import Settings
from souk.kernel.http import Request, Tokens
from souk.kernel.http.limits import ATTEMPTS, SIGN_UPS, Limit, Limiter, address_key, parse, per_address
from souk.kernel.http.refusals import TooManyRequests

What = Literal["password", "forgotten", "code", "second factor"]

PER_NUMBER: Final = parse("5/1h")
"""Codes sent to one number: each costs money, and its owner's patience. Never widened."""
PER_ACCOUNT: Final = parse("50/1h")
"""Failed sign-ins of one account from everywhere. Never widened."""


class Attempts:
    """What one address tries in one market."""

    def __init__(self, market: str, limiter: Limiter, settings: Settings, request: Request) -> None:
        self._market = market
        self._limiter = limiter
        self._address = address_key(request.address)
        self._sign_ups = per_address(SIGN_UPS, development=not settings.production)

    @classmethod
    def gather(cls, tokens: Tokens, limiter: Limiter, settings: Settings, request: Request) -> Attempts:
        """For the request that is answered."""
        return cls(tokens.market, limiter, settings, request)

    def count(self, what: What, account: str) -> None:
        """Count an attempt on an account, whether there is one of that name or not. One too many is refused."""
        for limit, key in self._keys(what, account):
            self._hit(key, limit)

    def forget(self, what: What, account: str) -> None:
        """It was right: what came before was its owner's."""
        for limit, key in self._keys(what, account):
            self._limiter.clear(key, limit)

    def count_sign_up(self) -> None:
        """Count an account that is about to be made."""
        self._hit(("sign-up", self._market, self._address), self._sign_ups)

    def count_code(self, phone: str) -> None:
        """Count a code that is about to be sent, whether somebody has the number or not."""
        self._hit(("codes", self._market, self._address), self._sign_ups)
        self._hit(("codes", self._market, phone), PER_NUMBER)

    def _keys(self, what: What, account: str) -> tuple[tuple[Limit, tuple[str, ...]], ...]:
        return (ATTEMPTS, (what, self._market, account, self._address)), (PER_ACCOUNT, (what, self._market, account))

    def _hit(self, key: tuple[str, ...], limit: Limit) -> None:
        verdict = self._limiter.hit(key, limit)
        if not verdict.allowed:
            raise TooManyRequests(verdict=verdict)
