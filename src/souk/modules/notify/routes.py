"""Notifications over HTTP: a person's list and bell, devices, preferences, links without signing in; and the log for staff."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from souk.kernel.db import Database, Tx
from souk.kernel.http import ANYONE, Actor, BothPage, Content, CursorPage, operation, who
from souk.kernel.record import Record
from souk.kernel.sealing import Vault
from souk.modules.identity import PersonNotFound
from souk.modules.notify import devices, preferences, reading, sql, unsubscribing
from souk.modules.notify.errors import DeviceNotFound, EndpointRefused, NotificationNotFound, UnsubscribeLinkInvalid
from souk.modules.notify.examples import NEW_DEVICE, NEW_PREFERENCES, NEW_SUBSCRIPTION
from souk.modules.notify.model import (
    AllRead,
    Card,
    Delivered,
    KnownDevice,
    NewDevice,
    NewPreferences,
    Preferences,
    Subscription,
    Unread,
    VapidKey,
)
from souk.modules.notify.outgoing import Outgoing
from souk.modules.notify.reading import DeliveriesQuery, NotificationsQuery
from souk.modules.notify.rules import Notices

STAFF: Final = who("notify.staff")
"""May read what became of every notification."""
FORM_BYTES: Final = 8192


class OfEndpoint(Record):
    """Which subscription is meant."""

    endpoint: Annotated[str, Meta(min_length=1, max_length=2000, description="The subscription's endpoint.")]


class OfLink(Record):
    """What an unsubscribe link brings along."""

    token: Annotated[str, Meta(min_length=1, max_length=2000, description="The token of the link.")]


# The list


@operation("GET", "/notifications")
async def list_notifications(tx: Tx, by: Actor, query: NotificationsQuery) -> BothPage[Card]:
    """List what you were told, the latest first."""
    return await reading.notifications(tx, by, query)


@operation("GET", "/notifications/unread-count")
async def count_unread(tx: Tx, by: Actor) -> Unread:
    """How many notifications you have not read: what a bell shows."""
    return await reading.unread(tx, by)


@operation("PATCH", "/notifications/{notification_id}/read", refusals=(NotificationNotFound,))
async def read_notification(tx: Tx, by: Actor, notification_id: UUID) -> Unread:
    """Mark a notification as read, and hear how many are left."""
    return await reading.read(tx, by, notification_id)


@operation("PATCH", "/notifications/read-all")
async def read_all_notifications(tx: Tx, by: Actor) -> AllRead:
    """Mark all your notifications as read."""
    return await reading.read_all(tx, by)


# Devices


@operation("GET", "/notifications/vapid-key", who=ANYONE)
async def show_vapid_key(key: VapidKey) -> VapidKey:
    """The key that a browser needs to subscribe to pushes."""
    return key


@operation(
    "POST",
    "/notifications/push-subscriptions",
    status=201,
    idempotent=False,
    limit="60/15m",
    refusals=(EndpointRefused,),
    example=NEW_SUBSCRIPTION,
)
async def subscribe_browser(tx: Tx, by: Actor, outgoing: Outgoing, body: Subscription) -> KnownDevice:
    """Let pushes come to this browser: send `PushSubscription.toJSON()`."""
    return await devices.subscribe(tx, by, outgoing, body)


@operation("DELETE", "/notifications/push-subscriptions", status=204, refusals=(DeviceNotFound,))
async def unsubscribe_browser(tx: Tx, by: Actor, query: OfEndpoint) -> None:
    """Let no more pushes come to a browser."""
    await devices.unsubscribe(tx, by, query.endpoint)


@operation("GET", "/devices")
async def list_devices(tx: Tx, by: Actor) -> list[KnownDevice]:
    """List the browsers and apps that pushes for you go to."""
    return await tx.run(sql.DEVICES, by.id)


@operation("POST", "/devices", status=201, idempotent=False, limit="60/15m", refusals=(EndpointRefused,), example=NEW_DEVICE)
async def add_device(tx: Tx, by: Actor, outgoing: Outgoing, body: NewDevice) -> KnownDevice:
    """Let pushes come to an app, by its FCM token, or to a browser, by its subscription."""
    return await devices.add(tx, by, outgoing, body)


@operation("DELETE", "/devices/{device_id}", status=204, refusals=(DeviceNotFound,))
async def remove_device(tx: Tx, by: Actor, device_id: UUID) -> None:
    """Let no more pushes come to a device."""
    await devices.remove(tx, by, device_id)


# Preferences


@operation("GET", "/users/me/notification-preferences", refusals=(PersonNotFound,))
async def show_notification_preferences(tx: Tx, by: Actor, notices: Notices) -> Preferences:
    """How you are told of what, and when you want quiet."""
    return await preferences.preferences(tx, by, notices)


@operation("PUT", "/users/me/notification-preferences", refusals=(PersonNotFound,), example=NEW_PREFERENCES)
async def change_notification_preferences(tx: Tx, by: Actor, notices: Notices, body: NewPreferences) -> Preferences:
    """Say how you want to be told. What you leave out is as the market has it."""
    return await preferences.change(tx, by, notices, body)


# Without signing in


@operation("GET", "/notifications/unsubscribe", who=ANYONE, refusals=(UnsubscribeLinkInvalid,))
async def show_unsubscribe_page(notices: Notices, vault: Vault, query: OfLink) -> Content:
    """The page that the link in a mail leads to. Opening it changes nothing."""
    return unsubscribing.asking_page(notices, unsubscribing.read(vault, query.token), query.token)


@operation(
    "POST",
    "/notifications/unsubscribe",
    who=ANYONE,
    kind="webhook",
    idempotent=False,
    max_body=FORM_BYTES,
    refusals=(UnsubscribeLinkInvalid,),
    example="List-Unsubscribe=One-Click",
)
async def unsubscribe(database: Database, notices: Notices, vault: Vault, query: OfLink, raw: bytes) -> Content:
    """End the mails of a link's categories: by the page, or by a mail program's one click (RFC 8058)."""
    del raw
    wanted = unsubscribing.read(vault, query.token)
    await database.write(lambda tx: unsubscribing.leave(tx, notices, wanted))
    return unsubscribing.done_page(notices, wanted)


# Staff


@operation("GET", "/admin/notifications/deliveries", who=STAFF, shared=True)
async def list_notification_deliveries(tx: Tx, query: DeliveriesQuery) -> CursorPage[Delivered]:
    """List what became of notifications, the latest first, and why. What they said is not shown."""
    return await reading.deliveries(tx, query)
