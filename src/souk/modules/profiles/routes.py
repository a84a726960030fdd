"""Profiles and blocks over HTTP."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from souk.kernel.assembly import Market
from souk.kernel.db import Tx
from souk.kernel.http import ANYONE, Actor, CursorPage, CursorPaging, Request, operation
from souk.kernel.record import Record
from souk.modules.profiles import blocks, changing, reading
from souk.modules.profiles import completeness as wholeness
from souk.modules.profiles.blocks import Blocked
from souk.modules.profiles.completeness import Completeness
from souk.modules.profiles.errors import (
    BlockNotFound,
    CannotBlock,
    ItemNotFound,
    PortfolioFull,
    ProfileBusy,
    ProfileMoved,
    ProfileNotFound,
    SkillsUnknown,
    TooManyBlocks,
)
from souk.modules.profiles.model import Availability, Changes, Item, NewItem
from souk.modules.profiles.rules import Rules
from souk.modules.profiles.showing import Profile

CHANGING = (ProfileNotFound, ProfileMoved, ProfileBusy, SkillsUnknown)

EXAMPLE: Final[dict[str, Any]] = {
    "headline": "Furniture, made to last",
    "bio": "I build tables and chairs from oak that grew nearby.",
    "skills": [{"name": "carpentry", "level": "expert", "years": 12}, "upholstery"],
    "experience": [{"title": "Joiner", "organisation": "Oak & Sons", "since": "2014-03-01"}],
    "location": {"city": "Lyon", "country": "FR", "latitude": 45.76, "longitude": 4.84, "radius": 20000},
    "avatar": "https://example.com/ada.png",
    "portfolio": [{"title": "A round table", "url": "https://example.com/table.jpg"}],
    "socialLinks": {"instagram": "https://instagram.com/ada.builds"},
    "languages": [{"language": "fr", "level": "native"}],
    "rate": {"amount": 4500, "currency": "EUR"},
    "availability": {"state": "available", "hoursPerWeek": 30},
}


class Online(Record):
    """Whether one is there."""

    online: bool


@operation("GET", "/users/{person_id}", who=ANYONE, shared=True, refusals=(ProfileNotFound,))
async def read_profile(tx: Tx, by: Actor | None, rules: Rules, person_id: UUID) -> Profile:
    """Read about a person: what this market shows you, less what they keep to themselves."""
    return await reading.profile(tx, by, rules, person_id)


@operation("GET", "/users/me/profile", refusals=(ProfileNotFound,))
async def read_own_profile(tx: Tx, by: Actor, rules: Rules) -> Profile:
    """Read your profile. Its `ETag`, sent as `If-Match` with a change, refuses the change where somebody was quicker."""
    return await reading.own(tx, by, rules)


@operation("PUT", "/users/me/profile", refusals=CHANGING, example=EXAMPLE)
async def put_own_profile(tx: Tx, request: Request, by: Actor, rules: Rules, body: Changes) -> Profile:
    """Say what your profile shall hold. What is not sent stays; null and empty lists take away."""
    return await changing.change(tx, by, rules, body, if_match=request.header("if-match"))


@operation("PATCH", "/users/me/profile", refusals=CHANGING, example={"headline": "Furniture, made to last"})
async def change_own_profile(tx: Tx, request: Request, by: Actor, rules: Rules, body: Changes) -> Profile:
    """Change some of your profile. What is not sent stays."""
    return await changing.change(tx, by, rules, body, if_match=request.header("if-match"))


@operation("GET", "/users/me/profile/completeness", refusals=(ProfileNotFound,))
async def read_own_completeness(tx: Tx, by: Actor, rules: Rules) -> Completeness:
    """How whole your profile is, and what would make it more so."""
    return await wholeness.completeness(tx, by, rules)


@operation(
    "POST",
    "/users/me/portfolio",
    status=201,
    idempotent=True,
    refusals=(ProfileNotFound, ProfileBusy, PortfolioFull),
    example={"title": "A round table", "url": "https://example.com/table.jpg"},
)
async def add_own_item(tx: Tx, by: Actor, rules: Rules, body: NewItem) -> Item:
    """Show one more piece of work."""
    return await changing.add_item(tx, by, rules, body)


@operation("DELETE", "/users/me/portfolio/{item_id}", status=204, refusals=(ProfileNotFound, ProfileBusy, ItemNotFound))
async def remove_own_item(tx: Tx, by: Actor, rules: Rules, item_id: UUID) -> None:
    """Take a piece of work out of your portfolio."""
    await changing.remove_item(tx, by, rules, item_id)


@operation(
    "PATCH",
    "/users/me/availability",
    refusals=(ProfileNotFound, ProfileBusy),
    example={"state": "busy", "hoursPerWeek": 10, "from": "2026-12-01"},
)
async def set_own_availability(tx: Tx, by: Actor, rules: Rules, body: Availability) -> Profile:
    """Say whether you take work, how much, and from when."""
    return await changing.change(tx, by, rules, Changes(availability=body))


@operation("PUT", "/users/me/online", refusals=(ProfileNotFound, ProfileBusy), example={"online": True})
async def set_own_online(tx: Tx, by: Actor, rules: Rules, body: Online) -> Profile:
    """Say that you are there, or that you are not. The mark goes out by itself when it is not renewed."""
    return await changing.mark_online(tx, by, rules, online=body.online)


# Blocks


@operation("GET", "/users/me/blocks")
async def list_own_blocks(tx: Tx, by: Actor, query: CursorPaging) -> CursorPage[Blocked]:
    """List whom you block, the latest first."""
    return await blocks.blocks_of(tx, by, query)


@operation("PUT", "/users/me/blocks/{person_id}", shared=True, status=204, refusals=(ProfileNotFound, CannotBlock, TooManyBlocks))
async def block_person(tx: Tx, by: Actor, market: Market, rules: Rules, person_id: UUID) -> None:
    """Have nothing more to do with somebody: neither of you reaches the other, nor sees more than a card. They are not told."""
    await blocks.block(tx, by, market, rules, person_id)


@operation("DELETE", "/users/me/blocks/{person_id}", status=204, refusals=(BlockNotFound,))
async def unblock_person(tx: Tx, by: Actor, person_id: UUID) -> None:
    """Take a block back."""
    await blocks.unblock(tx, by, person_id)
