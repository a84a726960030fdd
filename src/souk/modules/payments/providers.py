"""Which provider a market pays through: its rules name one, and the environment may name another for all.

`Till` is what operations and jobs take: the market's rules and assets, and its providers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Final, Protocol, cast

from souk.kernel.assembly import Market
from souk.kernel.config import Declared, Settings, Unreadable, Variable
from souk.kernel.db import Database
from souk.kernel.money import Asset
from souk.kernel.telemetry import log
from souk.modules import ledger
from souk.modules.payments.books import Differences
from souk.modules.payments.errors import PaymentsClosed, ProviderUnreachable
from souk.modules.payments.provider import PaymentProvider, ProviderError
from souk.modules.payments.rules import Rules, rules_of

Make = Callable[[Database], PaymentProvider]

PACKAGES: Final = {"sandbox": "souk.modules.payments.sandbox.provider", "stripe": "souk.modules.payments.stripe"}
"""Where each provider is made. Only the one that is chosen is imported: the other's libraries need not be there."""

PLAY_MONEY: Final = "the sandbox moves no real money: set SOUK_PAYMENTS to stripe, or to sandbox where that is what you want"
FREE_MONEY: Final = "the sandbox takes test cards, and SOUK_PAYMENTS asks for it: whoever signs up can pay with money that is none"


class MakesProvider(Protocol):
    """What a package of a provider has."""

    def provider_of(self, settings: Settings, market: Market) -> Make:
        """How the provider of a market is made, once its database is there."""
        ...


def provider_name(text: str) -> str:
    """The name of a provider, or nothing."""
    if text and text not in PACKAGES:
        raise Unreadable("is not a payment provider that is known here", f"Set it to {' or '.join(PACKAGES)}, or leave it empty")
    return text


class PaymentSettings(Declared, frozen=True):
    """What the environment says about payments."""

    provider: Annotated[
        str,
        Variable(
            "SOUK_PAYMENTS",
            "Who takes and sends money for every market. Empty is whom its rules name; production takes the sandbox only from here.",
            provider_name,
            accepts="sandbox or stripe",
        ),
    ]


class Providers:
    """The provider that new payments go to, and those that older ones went to. Each is made once for each database."""

    def __init__(self, current: str, makes: Mapping[str, Make]) -> None:
        self._current = current
        self._makes = makes
        self._made: dict[tuple[str, int], PaymentProvider] = {}

    @property
    def current(self) -> str:
        """The name of the one that new payments go to."""
        if not self._current:
            raise PaymentsClosed
        return self._current

    def has(self, name: str) -> bool:
        """Whether something may have gone to that one."""
        return name in self._makes

    def named(self, name: str, database: Database) -> PaymentProvider:
        """The provider that something went to."""
        make = self._makes.get(name)
        if make is None:
            raise PaymentsClosed
        known = (name, id(database))
        if known not in self._made:
            self._made[known] = make(database)
        return self._made[known]

    async def close(self) -> None:
        """Close those that were asked for something."""
        for each in self._made.values():
            await each.close()


@contextmanager
def answering() -> Iterator[None]:
    """A question without whose answer nothing goes on. Whatever else a provider says is for the log."""
    try:
        yield
    except ProviderError as error:
        log.warning("a provider did not answer a question", error=str(error))
        raise ProviderUnreachable from error


class Till:
    """All that taking and sending a market's money needs."""

    def __init__(self, rules: Rules, assets: ledger.Assets, providers: Providers) -> None:
        self.rules = rules
        self.assets = assets
        self.providers = providers

    async def aclose(self) -> None:
        """The market closes, and with it the lines to its providers."""
        await self.providers.close()

    def asset(self, currency: str | None) -> Asset:
        """The asset of that code; the market's main one where none is said."""
        return self.assets.named(currency) if currency else self.assets.main

    def payable(self, currency: str) -> Asset:
        """The asset of that code, if people may pay in it. What only the market grants cannot be bought at a price of one's own."""
        payable = self.rules.currencies or {self.assets.main.code}
        if currency not in payable:
            raise ledger.UnknownAsset(currency=currency, known=", ".join(sorted(payable)))
        return self.assets.named(currency)

    def provider(self, database: Database, name: str = "") -> PaymentProvider:
        """The provider of that name; the current one where none is said."""
        return self.providers.named(name or self.providers.current, database)


def resources(settings: Settings, market: Market) -> dict[type, object]:
    """What operations and jobs take as `till: Till`."""
    return {Till: till_of(settings, market, PaymentSettings.load(os.environ)), Differences: Differences()}


def till_of(settings: Settings, market: Market, own: PaymentSettings) -> Till:
    """A market's till under these settings."""
    assets = next((rule for rule in market.rules if isinstance(rule, ledger.Assets)), None)
    if assets is None:
        raise TypeError(f"the market {market.name} has payments, and no ledger.Assets in its rules")
    rules = rules_of(market)
    name = own.provider or rules.provider
    if settings.production and name == "sandbox":
        said = ("anybody can pay", FREE_MONEY) if own.provider else ("nobody can pay", PLAY_MONEY)
        log.warning(said[0], market=market.name, error=said[1])
        name = own.provider
    return Till(rules, assets, Providers(name, {name: _make(name, settings, market)} if name else {}))


def _make(name: str, settings: Settings, market: Market) -> Make:
    package = cast("MakesProvider", import_module(PACKAGES[name]))
    return package.provider_of(settings, market)
