"""What a market decides about its people: `rules=(identity.Rules(…),)` in its declaration."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final, Literal

import msgspec

from souk.kernel.assembly import Market


class PasswordRule(msgspec.Struct, frozen=True):
    """One thing that a password of this market must have, beyond its length."""

    pattern: str
    wants: str

    def met(self, password: str) -> bool:
        return re.search(self.pattern, password) is not None


MIXED: Final = (
    PasswordRule(r"[a-z]", "a small letter"),
    PasswordRule(r"[A-Z]", "a capital letter"),
    PasswordRule(r"[0-9]", "a digit"),
    PasswordRule(r"[^A-Za-z0-9\s]", "a symbol"),
)
"""Mixed case, a digit and a symbol, for a market that asks for them."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """A market's rules of signing up and staying signed in."""

    sign_up: tuple[str, ...]
    """The roles one may give oneself; the others are given by staff."""
    several_roles: bool = False
    """Whether one person may have more than one of them."""
    by: frozenset[Literal["email", "phone"]] = frozenset({"email"})
    """What people sign up and in with."""
    refresh_life: timedelta = timedelta(days=7)
    """How long a session lasts, however often it is refreshed."""
    refresh_in_body: bool = True
    """Whether the refresh token also stands in the answer. It is set as a cookie always."""
    password: tuple[PasswordRule, ...] = ()
    languages: tuple[str, ...] = ("en",)
    """The first is for whoever asks for none of them."""
    people_per_device: int = 3
    """More accounts than this on one device are shown to staff."""
    web: str = ""
    """Where the market's pages are: links in mail lead there. Empty leads to the API's own pages."""


def rules_of(market: Market) -> Rules:
    """A market's rules. One that has identity and none of them is declared wrongly."""
    found = next((rule for rule in market.rules if isinstance(rule, Rules)), None)
    if found is None:
        raise TypeError(f"the market {market.name} has identity, and no identity.Rules in its rules")
    return found
