"""What a market begins with: the catalogue of skills, and profiles of those demo logins who offer or look for work."""

from __future__ import annotations

from typing import Final

from souk.kernel.assembly import Market
from souk.kernel.db import Tx
from souk.kernel.http import Actor
from souk.kernel.http.guards import roles_allowed
from souk.kernel.ids import new_id
from souk.modules import identity
from souk.modules.profiles import skills_sql, sql
from souk.modules.profiles.catalogue import CATALOGUE
from souk.modules.profiles.changing import change
from souk.modules.profiles.model import (
    Availability,
    AvailabilityState,
    Changes,
    Entry,
    Fluency,
    Language,
    Level,
    Location,
    NewItem,
    NewSkill,
)
from souk.modules.profiles.reading import CUSTOMER, PROVIDER, kept_of
from souk.modules.profiles.rules import rules_of
from souk.modules.profiles.skills import add_skill

OFFERS: Final = Changes(
    headline="Careful work, on time",
    bio="I have done this for eight years, for people and for small companies. I answer within the hour.",
    location=Location(city="Paris", country="FR", latitude=48.8566, longitude=2.3522, radius=15_000),
    languages=(Language("en", Fluency.FLUENT), Language("fr", Fluency.NATIVE)),
    skills=(
        NewSkill("Graphic design", Level.EXPERT, 8),
        NewSkill("Photography", Level.ADVANCED, 5),
        NewSkill("Haircut", Level.BEGINNER, 1),
    ),
    experience=(Entry("Freelancer", description="Brochures, portraits and shop windows."),),
    portfolio=(NewItem("A poster for the harbour festival", "https://example.com/poster"),),
    availability=Availability(AvailabilityState.AVAILABLE, 30),
)
LOOKS: Final = Changes(
    headline="Looking for people who like their work",
    location=Location(city="Lyon", country="FR"),
    company="Harbour Bakery",
    about="A bakery of six, open since 1998.",
)


async def seed(tx: Tx, market: Market) -> None:
    """Fill an empty catalogue, and empty profiles of demo logins; what is there stays."""
    await tx.run(sql.DECLARE, rules_of(market).public)
    if await tx.run(skills_sql.ANY_SKILL) is None:
        for wanted in CATALOGUE:
            await add_skill(tx, None, wanted)
    for email in identity.demo_logins(market):
        role = email.partition("@")[0]
        for capacity, says in ((PROVIDER, OFFERS), (CUSTOMER, LOOKS)):
            if role in roles_allowed(capacity, market.roles):
                await _introduce(tx, market, email, says)


async def _introduce(tx: Tx, market: Market, email: str, says: Changes) -> None:
    """Let a demo login say something of themselves, unless they have."""
    person = await identity.person_of_address(tx, email)
    if (await kept_of(tx, person.id)).kept.revision == 0:
        await change(tx, Actor(person.id, frozenset(person.roles), new_id(), market.name), rules_of(market), says)
