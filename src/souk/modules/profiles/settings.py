"""Settings: what a person keeps to themselves, and what their client remembers for them. Notifications are another module's."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import replace

from souk.kernel.db import Tx
from souk.kernel.http import Actor, invalid
from souk.kernel.record import Record
from souk.modules.profiles import sql
from souk.modules.profiles.changing import edit
from souk.modules.profiles.model import Field, Kept
from souk.modules.profiles.reading import kept_of
from souk.modules.profiles.rules import Rules

Preference = Annotated[str, Meta(max_length=500)] | Annotated[int, Meta(ge=-(2**53), le=2**53)] | bool | None
PreferenceName = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", max_length=60, examples=["theme"])]


class Privacy(Record):
    """What is kept back of what the market would show. It never shows more."""

    hidden: Annotated[tuple[Field, ...], Meta(max_length=40)] = ()
    """Fields that only the person and staff see."""
    hidden_from_search: bool = False


class Settings(Record):
    """A person's settings."""

    privacy: Privacy
    preferences: dict[PreferenceName, Preference]


class NewSettings(Record, kw_only=True):
    """Settings to be. What is not sent stays."""

    privacy: Privacy | UnsetType = UNSET
    preferences: Annotated[dict[PreferenceName, Preference], Meta(max_length=50)] | UnsetType = UNSET


async def settings_of(tx: Tx, by: Actor) -> Settings:
    """The caller's settings."""
    return _settings((await kept_of(tx, by.id)).kept)


async def set_settings(tx: Tx, by: Actor, rules: Rules, wanted: NewSettings) -> Settings:
    """Change one's settings."""
    if wanted.privacy is not UNSET:
        for i, field in enumerate(wanted.privacy.hidden):
            if field not in rules.may_hide:
                raise invalid(f"privacy.hidden[{i}]", f"cannot be hidden here; {', '.join(sorted(rules.may_hide))} can")
    made: list[Kept] = []

    def work(found: sql.Own) -> Kept:
        kept = found.kept
        if wanted.privacy is not UNSET:
            hidden = tuple(sorted({field.value for field in wanted.privacy.hidden}))
            kept = replace(kept, hidden=hidden, unlisted=wanted.privacy.hidden_from_search)
        if wanted.preferences is not UNSET:
            kept = replace(kept, preferences=wanted.preferences)
        made[:] = [kept]
        return kept

    await edit(tx, by.id, rules, work, tx.now)
    return _settings(made[0])


def _settings(kept: Kept) -> Settings:
    known = {field.value for field in Field}
    return Settings(Privacy(tuple(Field(name) for name in kept.hidden if name in known), kept.unlisted), kept.preferences)
