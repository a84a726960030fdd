"""A bank whose books are kept in memory, on the market's own clock: for simulations, which begin with nothing and leave nothing."""

from __future__ import annotations

import secrets
from functools import partial
from random import Random
from typing import Final

from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.db import Database
from souk.modules import ledger
from souk.modules.payments import webhooks
from souk.modules.payments.jobs import ask_again, look_after, receive
from souk.modules.payments.providers import Providers, Till
from souk.modules.payments.rules import rules_of
from souk.modules.payments.sandbox.adapter import Sandbox
from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.delivering import Delivering
from souk.modules.payments.sandbox.faults import Fault
from souk.modules.payments.sandbox.signing import HEADER
from souk.modules.payments.sandbox.store import MemoryStore

MAY_FAIL: Final = ("create_payment_intent", "confirm_payment_intent", "capture_payment_intent", "cancel_payment_intent", "create_refund")
PASSING: Final = tuple(fault for fault in Fault if fault is not Fault.ERROR_KEPT)
"""Faults after which the same call gets its answer."""


class Playground:
    """A till, and the bank behind it, which fails and repeats itself where it is asked to."""

    def __init__(self, market: Market, clock: Clock) -> None:
        assets = next(rule for rule in market.rules if isinstance(rule, ledger.Assets))
        self._secret: Final = f"whsec_{secrets.token_hex(16)}"
        self._sandbox: Final = Sandbox(Bank(MemoryStore(), clock.now), [self._secret])
        self.misbehaved = False
        """Whether anything was asked to go wrong, ever: then calls may have to be made again."""
        self.till: Final = Till(rules_of(market), assets, Providers("sandbox", {"sandbox": lambda _database: self._sandbox}))

    def misbehave(self, random: Random) -> str:
        """Let one of the next calls go wrong, and events come more than once and in any order. Says how."""
        faults, call, fault = self._sandbox.bank.faults, random.choice(MAY_FAIL), random.choice(PASSING)
        faults.next(fault, call)
        self.misbehaved = True
        faults.copies = random.choice((1, 1, 2, 3))
        faults.shuffle = random if random.random() < 0.5 else None
        return f"the next {call} is a {fault}, of each event come {faults.copies}"

    def behave(self) -> None:
        """Let everything go right from now on."""
        faults = self._sandbox.bank.faults
        while any(faults.take(call) for call in MAY_FAIL):
            pass
        faults.copies, faults.shuffle = 1, None

    async def tell(self, database: Database) -> int:
        """Let the bank do what is due, and tell; and the market ask again where no answer came. Says how many things happened."""
        if self.misbehaved:
            await ask_again.function(database, self.till)
            await look_after.function(database, self.till)
        bank = self._sandbox.bank
        return await bank.work() + await Delivering(bank.store, bank.now, self._secret, partial(self._hear, database)).run()

    async def _hear(self, database: Database, raw: bytes, headers: dict[str, str]) -> int:
        """What the market's address would answer."""
        happening = webhooks.verified(self._sandbox, raw, {HEADER.lower().encode(): headers[HEADER].encode()}, database.clock.now())
        await database.write(partial(receive, provider=self._sandbox.name, happening=happening))
        return 200


def till_in_memory(market: Market, clock: Clock) -> Till:
    """A till of the market's rules and assets. Nothing outside of the process ever hears of its payments."""
    return Playground(market, clock).till
