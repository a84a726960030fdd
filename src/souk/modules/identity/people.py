"""Who somebody is: loading people with permission, and what they change about themselves."""

from __future__ import annotations

from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from souk.kernel.db import Tx
from souk.kernel.http import Actor, invalid
from souk.modules.identity.addresses import email_address
from souk.modules.identity.errors import PersonNotFound
from souk.modules.identity.model import Changes, Person, PersonStatus, User, given
from souk.modules.identity.rules import Rules
from souk.modules.identity.sql import people as sql


async def me(tx: Tx, by: Actor) -> User:
    """The caller, by one statement."""
    user = await tx.run(sql.USER, by.id)
    if user is None or user.status is PersonStatus.ERASED:
        raise PersonNotFound
    return user


async def access_self(tx: Tx, by: Actor) -> Person:
    """The caller's row."""
    return await any_person(tx, by.id)


async def any_person(tx: Tx, person_id: UUID, *, lock: bool = False) -> Person:
    """Anybody's row, for those who may see all of them. `lock` keeps others from changing it until the commit."""
    person = await (tx.run(sql.PERSON_LOCKED, person_id) if lock else tx.run(sql.PERSON, person_id))
    if person is None or person.status is PersonStatus.ERASED:
        raise PersonNotFound
    return person


async def person_of_address(tx: Tx, address: str) -> Person:
    """Whose e-mail address that is, for those who may see everybody."""
    person = await tx.run(sql.PERSON_BY_EMAIL, email_address(address).key)
    if person is None:
        raise PersonNotFound
    return person


async def change(tx: Tx, by: Actor, rules: Rules, changes: Changes) -> User:
    """Change what a person may change about themselves."""
    wanted = given(changes)
    if "language" in wanted and wanted["language"] not in rules.languages:
        raise invalid("language", f"is not spoken here; choose {' or '.join(rules.languages)}")
    if "timezone" in wanted:
        wanted["timezone"] = known_timezone(wanted["timezone"])
    wanted = {name: text.strip() for name, text in wanted.items()}
    fields = [wanted.get(name) for name in ("first_name", "last_name", "language", "timezone")]
    user = await tx.finish(sql.CHANGE_PERSON, by.id, *fields)
    if user is None:
        raise PersonNotFound
    return user


def known_timezone(name: str) -> str:
    """A time zone's name, if there is one of that name."""
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid("timezone", "is not a time zone; write it like Europe/Paris or UTC") from None


def spoken(rules: Rules, asked: str | None) -> str:
    """The market's language for whoever asks for this one: itself, the same without its region, or the market's first."""
    if asked is None:
        return rules.languages[0]
    return next((known for known in (asked, asked.partition("-")[0]) if known in rules.languages), rules.languages[0])
