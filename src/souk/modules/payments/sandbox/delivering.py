"""Delivering events: each is signed and handed over until somebody takes it, or days have gone by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from souk.kernel.telemetry import log
from souk.modules.payments.sandbox.signing import HEADER, sign
from souk.modules.payments.sandbox.store import Delivery, Store

Deliver = Callable[[bytes, dict[str, str]], Awaitable[int]]
"""Hands an event over, with its headers; answers the status, or 0 when there is none."""

AT_ONCE: Final = 5
"""One after the other, within the time of an attempt: then nobody else takes them meanwhile."""
ATTEMPT: Final = timedelta(minutes=2)
"""An attempt that takes longer is dead, and somebody else makes another."""
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(hours=6)
KEEP_TRYING: Final = timedelta(days=3)


class Delivering:
    """What is on its way from the bank to a market."""

    def __init__(self, store: Store, now: Callable[[], datetime], secret: str, deliver: Deliver) -> None:
        self._store = store
        self._now = now
        self._secret = secret
        self._deliver = deliver

    async def run(self) -> int:
        """Hand over what is due now, one after the other. Says how many events arrived."""
        arrived = 0
        while taken := await self._store.take_deliveries(self._now(), self._now() + ATTEMPT, AT_ONCE):
            for delivery in taken:
                arrived += await self._hand_over(delivery)
        return arrived

    async def _hand_over(self, delivery: Delivery) -> bool:
        raw = delivery.raw.encode()
        headers = {HEADER: sign(raw, self._secret, self._now()), "Content-Type": "application/json; charset=utf-8"}
        status = await self._deliver(raw, headers)
        if 200 <= status < 300:
            await self._store.delivered(delivery.id)
            return True
        again = self._now() + pause(delivery.attempts)
        given_up = again > delivery.created_at + KEEP_TRYING
        log.warning(
            "an event of the sandbox did not arrive", event_id=delivery.event, status=status, attempt=delivery.attempts, given_up=given_up
        )
        await self._store.postponed(delivery.id, None if given_up else again)
        return False


def pause(attempts: int) -> timedelta:
    """How long to wait after that many attempts: doubled each time."""
    doublings = min(attempts - 1, 20)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)
