"""What people are told: channels, what becomes of each delivery, and what a person sees of it."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import StrEnum, auto
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from souk.kernel.record import Record

Value = str | int
"""What a template is filled with."""
Values = dict[str, Value]

KEEP_TRYING: Final = timedelta(hours=24)
"""How long a push that cannot be handed over is tried again. Later it is no news any more."""
FIRST_PAUSE: Final = timedelta(seconds=15)
LONGEST_PAUSE: Final = timedelta(hours=1)


class Channel(StrEnum):
    """How a person is told."""

    IN_APP = auto()
    MAIL = auto()
    PUSH = auto()
    SMS = auto()


class Urgency(StrEnum):
    """How soon it must be known. What is urgent wakes people: quiet hours do not hold it back."""

    LOW = auto()
    NORMAL = auto()
    URGENT = auto()


class Service(StrEnum):
    """Who carries a push to a device."""

    WEB = auto()
    FCM = auto()


class State(StrEnum):
    """What became of one delivery."""

    WAITING = auto()
    CLAIMED = auto()
    SENT = auto()
    SUPPRESSED = auto()
    FAILED = auto()
    UNKNOWN = auto()
    """It was called, and the worker died before the answer was written down: it may have arrived, so it is not sent again."""


class Why(StrEnum):
    """Why a delivery was suppressed."""

    SWITCHED_OFF = auto()
    BLOCKED = auto()
    NOT_ACTIVE = auto()
    """Its person is suspended or erased."""
    NO_ADDRESS = auto()
    """No verified address, number or device."""
    READ = auto()
    """It was read before it was due."""
    DEVICE_GONE = auto()
    """The device signed off while it waited."""


class Device(msgspec.Struct, frozen=True):
    """Where pushes go, with what only the sender needs."""

    id: UUID
    service: Service
    endpoint: str
    """The address that a browser gave, or the token that FCM gave to an app."""
    p256dh: str | None
    auth: str | None


class Card(Record):
    """A notification, as its person sees it."""

    id: UUID
    kind: str
    category: str
    title: str
    body: str
    link: str | None
    about: UUID | None
    count: int
    """How many things it stands for: five likes are one notification."""
    parameters: dict[str, Value]
    created_at: datetime
    updated_at: datetime
    read_at: datetime | None


class Listed(Card):
    """A notification in a list, and how many the whole list has."""

    total: int

    @property
    def card(self) -> Card:
        return Card(*(getattr(self, name) for name in Card.__struct_fields__))


class Counted(msgspec.Struct, frozen=True):
    """How long a person's list is."""

    unread: int = 0
    listed: int = 0


class Unread(Record):
    """What a bell shows."""

    unread: int


class AllRead(Record):
    """How many were marked."""

    marked: int
    unread: int


class VapidKey(Record):
    """What a browser needs to subscribe: `applicationServerKey`."""

    public_key: str


# Devices

Endpoint = Annotated[str, Meta(min_length=12, max_length=2000, examples=["https://push.example.com/send/abc123"])]
Token = Annotated[str, Meta(min_length=10, max_length=4096, pattern=r"^[A-Za-z0-9_:.\-]+$", examples=["dGhpcy1pcy1h:APA91bH-token"])]
P256DH: Final = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
PublicKey = Annotated[str, Meta(min_length=80, max_length=100, examples=[P256DH])]
Auth = Annotated[str, Meta(min_length=16, max_length=64, examples=["BTBZMqHH6r4Tts7J_aSIgg"])]
Named = Annotated[str, Meta(max_length=100, examples=["Firefox on Linux"])]


class Keys(Record):
    """What a browser lets its pushes be sealed with."""

    p256dh: PublicKey
    auth: Auth


class Subscription(msgspec.Struct, frozen=True, rename="camel"):
    """`PushSubscription.toJSON()` of a browser, as it is. Browsers may add fields; they are not needed."""

    endpoint: Endpoint
    keys: Keys
    expiration_time: int | float | None = None


class NewDevice(Record, kw_only=True):
    """A browser, by its `subscription`, or an app, by its FCM `token`: one of the two."""

    token: Token | None = None
    subscription: Subscription | None = None
    name: Named = ""


class KnownDevice(Record):
    """A device of the caller's. Where it is reached stays here."""

    id: UUID
    service: Service
    name: str
    created_at: datetime
    last_pushed_at: datetime | None


# Preferences

Minute = Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["22:00"], extra={"expected": "a time like 22:00"})]


class QuietHours(Record):
    """When a person is not to be disturbed, by the clock on their wall."""

    starts: Minute
    ends: Minute


class Switches(Record, omit_defaults=False):
    """What is on, by channel."""

    in_app: bool
    mail: bool
    push: bool
    sms: bool


class KindSwitches(Record):
    """One kind of notification: what is on, and what cannot be switched off."""

    kind: str
    about: str
    channels: Switches
    always: list[Channel]


class CategorySwitches(Record):
    """Kinds that belong together."""

    category: str
    kinds: list[KindSwitches]


class Preferences(Record):
    """How a person wants to be told."""

    quiet_hours: QuietHours | None
    timezone: str
    categories: list[CategorySwitches]


class Wanted(Record, kw_only=True):
    """Channels to switch; those that are absent stay as the market has them."""

    in_app: bool | None = None
    mail: bool | None = None
    push: bool | None = None
    sms: bool | None = None

    def chosen(self) -> dict[Channel, bool]:
        """What was said."""
        return {channel: value for channel in Channel if (value := getattr(self, channel)) is not None}


Scope = Annotated[str, Meta(min_length=1, max_length=100)]


class NewPreferences(Record, kw_only=True):
    """How a person wants to be told from now on. What is not named is as the market has it; a kind goes before its category."""

    quiet_hours: QuietHours | None = None
    categories: Annotated[dict[Scope, Wanted], Meta(max_length=100)] = msgspec.field(default_factory=dict)
    kinds: Annotated[dict[Scope, Wanted], Meta(max_length=500)] = msgspec.field(default_factory=dict)


class Choice(msgspec.Struct, frozen=True):
    """One switch that a person has set."""

    scope: str
    """A category, or a kind with `kind:` before it."""
    channel: Channel
    wanted: bool


class Chosen(msgspec.Struct, frozen=True):
    """What a person has set."""

    starts: time | None
    ends: time | None
    choices: tuple[Choice, ...]


# Delivering


class Target(msgspec.Struct, frozen=True):
    """A device that is to be told."""

    id: UUID
    service: Service


class Reach(msgspec.Struct, frozen=True):
    """What decides how one person is told of something, by one statement."""

    quiet_from: time | None
    quiet_until: time | None
    choices: tuple[Choice, ...]
    devices: tuple[Target, ...]
    grouped: UUID | None
    """The unread notification that this one belongs to."""
    count: int
    digest_at: datetime | None
    """When the digest that already waits is due."""


class Order(Record):
    """One delivery that is due."""

    delivery_id: UUID


class Errand(msgspec.Struct, frozen=True):
    """A delivery with everything that making it takes."""

    id: UUID
    notification_id: UUID
    person_id: UUID
    channel: Channel
    device_id: UUID | None
    state: State
    attempts: int
    created_at: datetime
    digest: str | None
    kind: str
    parameters: dict[str, Value]
    about: UUID | None
    actor_id: UUID | None
    count: int
    is_read: bool
    quiet_from: time | None
    quiet_until: time | None
    choices: tuple[Choice, ...]
    device: Device | None


class Delivered(Record):
    """One delivery, for staff: what became of it, and why. What it said is not shown."""

    id: UUID
    notification_id: UUID
    person_id: UUID
    kind: str
    channel: Channel
    service: Service | None
    state: State
    why: Why | None
    attempts: int
    error: str | None
    created_at: datetime
    due_at: datetime
    done_at: datetime | None


def pause(delivery_id: UUID, attempts: int) -> timedelta:
    """How long to wait after that many attempts: longer each time, and a little different for each."""
    spread = 0.75 + delivery_id.int % 1024 / 2048
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(attempts - 1, 20))) * spread
