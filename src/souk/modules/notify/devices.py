"""Devices: browsers and apps that ask to be told. One belongs to whoever used it last."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.http import Actor, invalid
from souk.kernel.ids import new_id
from souk.modules.notify import sql
from souk.modules.notify.errors import DeviceNotFound
from souk.modules.notify.model import KnownDevice, NewDevice, Service, Subscription
from souk.modules.notify.outgoing import Outgoing
from souk.modules.notify.webpush import check_keys

MOST: Final = 20
"""Devices of one person. The oldest goes when another comes."""


async def add(tx: Tx, by: Actor, outgoing: Outgoing, wanted: NewDevice) -> KnownDevice:
    """Take on a browser or an app. One that is known already stays the same device."""
    if (wanted.token is None) == (wanted.subscription is None):
        raise invalid("subscription", "is given for a browser, token for an app: exactly one of them")
    if wanted.subscription is not None:
        return await subscribe(tx, by, outgoing, wanted.subscription, wanted.name)
    return await _add(tx, by, Service.FCM, str(wanted.token), (None, None), wanted.name)


async def subscribe(tx: Tx, by: Actor, outgoing: Outgoing, wanted: Subscription, name: str = "") -> KnownDevice:
    """Take on a browser by what its push service gave it."""
    outgoing.check(wanted.endpoint)
    try:
        check_keys(wanted.keys.p256dh, wanted.keys.auth)
    except ValueError:
        raise invalid("keys", "are not those of a browser's subscription: send what PushSubscription.toJSON() gives") from None
    return await _add(tx, by, Service.WEB, wanted.endpoint, (wanted.keys.p256dh, wanted.keys.auth), name)


async def _add(tx: Tx, by: Actor, service: Service, endpoint: str, keys: tuple[str | None, str | None], name: str) -> KnownDevice:  # noqa: PLR0913, PLR0917 - what a device is
    return await tx.finish(sql.ADD_DEVICE, new_id(), by.id, service, endpoint, *keys, name, tx.now, MOST - 1)


async def remove(tx: Tx, by: Actor, device_id: UUID) -> None:
    """Push nothing to it any more."""
    if not await tx.finish(sql.REMOVE_DEVICE, device_id, by.id):
        raise DeviceNotFound


async def unsubscribe(tx: Tx, by: Actor, endpoint: str) -> None:
    """Push nothing to that browser any more."""
    if not await tx.finish(sql.REMOVE_ENDPOINT, endpoint, by.id):
        raise DeviceNotFound
