"""The inbox of webhooks: what a provider signed is kept once and answered at once; what follows from it is a job.

Webhooks are hints. They come late, twice and in any order, so nothing is believed of them but that something changed: the
thing itself is read from the provider, and moves up, or stays.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID, uuid5

from souk.kernel.db import Database, Tx
from souk.kernel.messages import emit
from souk.modules.payments.errors import WebhookRefused
from souk.modules.payments.events import ProviderHappened
from souk.modules.payments.model import Happened
from souk.modules.payments.paying import refreshed
from souk.modules.payments.provider import BadSignature, Happening, Misused, PaymentProvider
from souk.modules.payments.providers import Till
from souk.modules.payments.refunding import apply
from souk.modules.payments.sql import paying, refunding
from souk.modules.payments.sql import webhooks as sql

NAMES: Final = UUID("0f5f3b1e-1d9c-4d53-9a4e-2f6a3c3a5b7d")

Handle = Callable[[Database, Till, Happened], Awaitable[bool]]
"""Brings one thing up to date; False when it has to be looked at again later, because what it belongs to is not known yet."""


def verified(provider: PaymentProvider, raw: bytes, headers: Mapping[bytes, bytes], now: datetime) -> Happening:
    """A webhook that the provider signed, lately, and that can be read."""
    try:
        return provider.read_webhook(raw, headers, now)
    except BadSignature as error:
        raise WebhookRefused from error


async def handle(database: Database, till: Till, happened: Happened, handlers: Mapping[str, Handle]) -> bool:
    """Bring up to date what a webhook tells of. What nobody here knows is announced for others."""
    handler = handlers.get(happened.object_kind)
    if handler is not None:
        return await handler(database, till, happened)
    await database.write(partial(_announce, happened=happened))
    return True


async def _announce(tx: Tx, *, happened: Happened) -> None:
    """Announced with the end of its processing, so once."""
    if await tx.run(sql.PROCESSED, happened.provider, happened.event_id, tx.now):
        about = uuid5(NAMES, f"{happened.provider} {happened.object_id}")
        names = (happened.event_id, happened.kind, happened.object_kind, happened.object_id)
        await emit(tx, ProviderHappened(about, happened.provider, *names, happened.about, happened.happened_at))


async def look_at_payment(database: Database, till: Till, happened: Happened) -> bool:
    """A payment changed there. One that is not ours may be another market's."""
    row = await database.read(lambda tx: tx.run(paying.PAYMENT_OF_PROVIDER, happened.provider, happened.object_id))
    if row is None:
        return await _is_strange(database, till, happened)
    await refreshed(database, till, row.id)
    return True


async def _is_strange(database: Database, till: Till, happened: Happened) -> bool:
    """Whether a payment is not ours. One of ours may not know its name there yet: the call that made it has no outcome."""
    try:
        intent = await till.provider(database, happened.provider).intent(happened.object_id)
    except Misused:
        return True
    ours = intent.metadata.get("payment", "")
    try:
        payment_id = UUID(ours)
    except ValueError:
        return True
    row = await database.read(lambda tx: tx.run(paying.PAYMENT, payment_id))
    return row is None or row.provider_id is not None or row.call is None


async def look_at_refund(database: Database, till: Till, happened: Happened) -> bool:
    """A refund changed there. One that is not known here was made by hand, is another market's, or has no outcome here yet."""
    provider = till.provider(database, happened.provider)
    try:
        refund = await provider.refund_of(happened.object_id)
    except Misused:
        return True
    row = await database.read(lambda tx: tx.run(refunding.REFUND_OF_PROVIDER, happened.provider, refund.id))
    if row is not None:
        await database.write(partial(apply, till=till, refund_id=row.id, told=refund))
        return True
    payment = await database.read(lambda tx: tx.run(paying.PAYMENT_OF_PROVIDER, happened.provider, refund.intent))
    if payment is None:
        return True
    asked = await database.read(lambda tx: tx.run(refunding.REFUNDS_OF, [payment.id]))
    return all(each.called_at is None for each in asked)


HANDLERS: Final[dict[str, Handle]] = {"payment_intent": look_at_payment, "refund": look_at_refund}
"""Who brings what up to date, by the provider's word for it."""
