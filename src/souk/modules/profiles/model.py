"""Profiles: what people say of themselves, as it is sent and as it is kept."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from enum import StrEnum, auto
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from souk.kernel.record import Record

UNREADABLE: Final = r"\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff<>"
"""Controls, what is not seen, what turns the direction of writing, and what a careless page would take for a tag."""
LINE: Final = f"^[^{UNREADABLE}]*[^{UNREADABLE}\\s][^{UNREADABLE}]*$"
LINK: Final = r"^(https?://[^\s<>\"'\x00-\x1f\x7f]+|file:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
FOLDED: Final = re.compile(r"[\s_/\-]+")

Headline = Annotated[str, Meta(pattern=LINE, max_length=160, examples=["Furniture, made to last"])]
Words = Annotated[str, Meta(min_length=1, max_length=5000, pattern=r"^[^\x00]*\S[^\x00]*$", examples=["I build tables and chairs."])]
Short = Annotated[str, Meta(pattern=LINE, max_length=200, examples=["Oak & Sons"])]
City = Annotated[str, Meta(pattern=LINE, max_length=100, examples=["Lyon"])]
Link = Annotated[
    str,
    Meta(
        pattern=LINK,
        max_length=2000,
        examples=["https://example.com/me.png"],
        extra={"expected": "an http(s) address, or file: and the id of an uploaded file"},
    ),
]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", examples=["FR"], extra={"expected": "a country as ISO 3166 writes it, such as FR"})]
Minor = Annotated[int, Meta(ge=0, le=10**12, description="An amount in minor units: 12500 is 125.00.")]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", examples=["EUR"], extra={"expected": "a currency as ISO 4217 writes it"})]
LanguageCode = Annotated[
    str,
    Meta(pattern="^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35, examples=["en"], extra={"expected": "a language such as en or pt-BR"}),
]
SkillWord = Annotated[str, Meta(pattern=LINE, max_length=60, examples=["figma"])]
Slug = Annotated[
    str,
    Meta(
        pattern="^[a-z0-9]+(-[a-z0-9]+)*$",
        max_length=60,
        examples=["graphic-design"],
        extra={"expected": "small letters, digits and hyphens"},
    ),
]
Site = Annotated[str, Meta(pattern="^[a-z][a-z0-9_-]*$", max_length=40, examples=["github"])]


class Field(StrEnum):
    """A part of a profile whose readers a market declares."""

    FIRST_NAME = auto()
    LAST_NAME = auto()
    ROLES = auto()
    MEMBER_SINCE = auto()
    HEADLINE = auto()
    BIO = auto()
    AVATAR = auto()
    PLACE = auto()
    """City and country, and how far somebody goes for work."""
    AREA = auto()
    """Where that is, to a tenth of a degree: some ten kilometres."""
    COORDINATES = auto()
    """Where that is exactly."""
    LANGUAGES = auto()
    SKILLS = auto()
    RATE = auto()
    EXPERIENCE = auto()
    PORTFOLIO = auto()
    SOCIAL_LINKS = auto()
    AVAILABILITY = auto()
    ONLINE = auto()
    COMPANY = auto()
    INDUSTRY = auto()
    ABOUT = auto()
    RATING = auto()
    COMPLETED = auto()


class Level(StrEnum):
    """How well somebody masters a skill."""

    BEGINNER = auto()
    INTERMEDIATE = auto()
    ADVANCED = auto()
    EXPERT = auto()


class Fluency(StrEnum):
    """How well somebody speaks a language."""

    BASIC = auto()
    CONVERSATIONAL = auto()
    FLUENT = auto()
    NATIVE = auto()


class AvailabilityState(StrEnum):
    """Whether somebody takes work."""

    AVAILABLE = auto()
    BUSY = auto()
    AWAY = auto()


class Language(Record):
    """A language that somebody speaks."""

    language: LanguageCode
    level: Fluency | None = None


class Location(Record):
    """Where somebody is. Without `exact`, the point is a tenth of a degree wide, or absent."""

    label: Short | None = None
    city: City | None = None
    country: Country | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90, examples=[45.76])] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180, examples=[4.84])] | None = None
    radius: Annotated[int, Meta(ge=0, le=1_000_000, description="How far somebody goes for work, in metres.")] | None = None
    exact: bool = False


class Rate(Record):
    """What an hour costs."""

    amount: Minor
    currency: Currency


class Entry(Record):
    """Something somebody did: a job, a course."""

    title: Short
    organisation: Short | None = None
    since: date | None = None
    until: date | None = None
    description: Annotated[str, Meta(max_length=2000)] = ""


class NewItem(Record):
    """A piece of work to show. With the id of one that is there, it takes its place."""

    title: Short
    url: Link | None = None
    description: Annotated[str, Meta(max_length=2000)] = ""
    id: UUID | None = None


class Item(Record):
    """A piece of work that somebody shows."""

    id: UUID
    title: str
    url: str | None
    description: str = ""


class Availability(Record):
    """Whether, how much and from when somebody works."""

    state: AvailabilityState
    hours_per_week: Annotated[int, Meta(ge=0, le=168)] | None = None
    starts: date | None = msgspec.field(default=None, name="from")


class NewSkill(Record):
    """A skill as it is sent: any name that the catalogue knows it by, or free words where the market takes them."""

    name: SkillWord
    level: Level | None = None
    years: Annotated[int, Meta(ge=0, le=80)] | None = None


class HeldSkill(Record):
    """A skill that somebody has. `slug` is null for one in free words."""

    slug: str | None
    name: str
    level: Level | None
    years: int | None
    verified: bool


class Changes(Record, kw_only=True):
    """What somebody says of themselves from now on. What is not sent stays, null and empty lists take away."""

    headline: Headline | UnsetType | None = UNSET
    bio: Words | UnsetType | None = UNSET
    avatar: Link | UnsetType | None = UNSET
    location: Location | Short | UnsetType | None = UNSET
    languages: Annotated[tuple[Language | LanguageCode, ...], Meta(max_length=20)] | UnsetType = UNSET
    skills: Annotated[tuple[NewSkill | SkillWord, ...], Meta(max_length=100)] | UnsetType = UNSET
    rate: Rate | UnsetType | None = UNSET
    experience: Annotated[tuple[Entry, ...], Meta(max_length=50)] | Short | UnsetType | None = UNSET
    portfolio: Annotated[tuple[NewItem | Link, ...], Meta(max_length=100)] | UnsetType = UNSET
    social_links: Annotated[dict[Site, Link], Meta(max_length=20)] | UnsetType = UNSET
    availability: Availability | UnsetType | None = UNSET
    company: Short | UnsetType | None = UNSET
    industry: City | UnsetType | None = UNSET
    about: Words | UnsetType | None = UNSET


class Kept(msgspec.Struct, frozen=True):
    """All that is known of a person's profile, for commands. Nobody outside sees it: `show` says what a reader gets."""

    id: UUID
    first_name: str
    last_name: str
    roles: tuple[str, ...]
    active: bool
    member_since: datetime
    revision: int
    """0 while nothing was ever written."""
    headline: str | None
    bio: str | None
    avatar: str | None
    place: str | None
    city: str | None
    country: str | None
    latitude: float | None
    longitude: float | None
    radius: int | None
    languages: tuple[Language, ...]
    skills: tuple[HeldSkill, ...]
    rate: int | None
    currency: str | None
    experience: tuple[Entry, ...]
    portfolio: tuple[Item, ...]
    social_links: dict[str, str]
    availability: AvailabilityState | None
    hours_per_week: int | None
    available_from: date | None
    online_until: datetime | None
    company: str | None
    industry: str | None
    about: str | None
    rating: float | None
    reviews: int
    completed: int
    hidden: tuple[str, ...]
    unlisted: bool
    preferences: dict[str, str | int | bool | None]


def key_of(words: str) -> str:
    """What spellings of one skill have in common: `Graphic-Design ` and `graphic design`, `Café` and `cafe`."""
    decomposed = unicodedata.normalize("NFKD", words).casefold()
    return FOLDED.sub(" ", "".join(each for each in decomposed if not unicodedata.combining(each))).strip()
