"""Profiles: what people say of themselves, who sees how much of it, what they can do, and whom they want nothing to do with.

A market has it by `modules=(…, identity.MODULE, profiles.MODULE)`, and decides with `rules=(profiles.Rules(…),)` what is shown to whom.
One that answers `/users/me/settings` itself, together with what it keeps about notifications, takes `WITHOUT_SETTINGS` and calls
`settings_of` and `set_settings`.
"""

from souk.kernel.assembly import module
from souk.modules.profiles import jobs, leaving, made, routes, seed, settings_routes, skills_routes
from souk.modules.profiles.blocks import blocked, blocked_among
from souk.modules.profiles.catalogue import CATALOGUE
from souk.modules.profiles.changing import change, mark_online
from souk.modules.profiles.errors import ProfileNotFound, SkillNotFound
from souk.modules.profiles.events import ProfileChanged
from souk.modules.profiles.model import (
    Availability,
    AvailabilityState,
    Changes,
    Entry,
    Field,
    Fluency,
    HeldSkill,
    Item,
    Language,
    Level,
    Location,
    NewItem,
    NewSkill,
    Rate,
    key_of,
)
from souk.modules.profiles.noting import note_completed, note_rating, touch
from souk.modules.profiles.reading import CUSTOMER, PROVIDER, STAFF, Provider, cards, profile, provider, providers
from souk.modules.profiles.rules import MEMBERS, PRIVATE, PUBLIC, STAFF_ONLY, Audience, Rules, Weight, rules_of
from souk.modules.profiles.settings import NewSettings, Privacy, Settings, set_settings, settings_of
from souk.modules.profiles.showing import Card, Profile
from souk.modules.profiles.skills import verify_skill
from souk.modules.profiles.skills_sql import Skill

_FILES = (made, jobs, leaving, seed, routes, skills_routes)

MODULE = module("profiles", *_FILES, settings_routes)
"""All of it."""
WITHOUT_SETTINGS = module("profiles", *_FILES)
"""Without the path of settings, for a market that answers it itself."""

__all__ = [
    "CATALOGUE",
    "CUSTOMER",
    "MEMBERS",
    "MODULE",
    "PRIVATE",
    "PROVIDER",
    "PUBLIC",
    "STAFF",
    "STAFF_ONLY",
    "WITHOUT_SETTINGS",
    "Audience",
    "Availability",
    "AvailabilityState",
    "Card",
    "Changes",
    "Entry",
    "Field",
    "Fluency",
    "HeldSkill",
    "Item",
    "Language",
    "Level",
    "Location",
    "NewItem",
    "NewSettings",
    "NewSkill",
    "Privacy",
    "Profile",
    "ProfileChanged",
    "ProfileNotFound",
    "Provider",
    "Rate",
    "Rules",
    "Settings",
    "Skill",
    "SkillNotFound",
    "Weight",
    "blocked",
    "blocked_among",
    "cards",
    "change",
    "key_of",
    "mark_online",
    "note_completed",
    "note_rating",
    "profile",
    "provider",
    "providers",
    "rules_of",
    "set_settings",
    "settings_of",
    "touch",
    "verify_skill",
]
