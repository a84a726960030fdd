"""Settings over HTTP, for markets that do not answer this path themselves together with what notifications keep there."""

from __future__ import annotations

from souk.kernel.db import Tx
from souk.kernel.http import Actor, operation
from souk.modules.profiles import settings
from souk.modules.profiles.errors import ProfileBusy, ProfileNotFound
from souk.modules.profiles.rules import Rules
from souk.modules.profiles.settings import NewSettings, Settings


@operation("GET", "/users/me/settings", refusals=(ProfileNotFound,))
async def read_own_settings(tx: Tx, by: Actor) -> Settings:
    """Read what you keep to yourself, and what your client remembers for you."""
    return await settings.settings_of(tx, by)


@operation(
    "PUT",
    "/users/me/settings",
    refusals=(ProfileNotFound, ProfileBusy),
    example={"privacy": {"hidden": ["rate", "coordinates"], "hiddenFromSearch": False}, "preferences": {"theme": "dark"}},
)
async def put_own_settings(tx: Tx, by: Actor, rules: Rules, body: NewSettings) -> Settings:
    """Change your settings. What is not sent stays. Privacy only ever hides what the market would show."""
    return await settings.set_settings(tx, by, rules, body)
