"""Joining and coming in. Hashing takes a quarter of a second, so nobody holds a transaction or a connection meanwhile:
read, verify, and one short write that looks whether what was verified still holds.
"""

from __future__ import annotations

from typing import Final

import msgspec

from souk.kernel.db import Database, Tx, Violated
from souk.kernel.http import Request, Tokens, invalid
from souk.kernel.ids import new_id
from souk.kernel.messages import emit
from souk.kernel.sealing import Vault
from souk.modules.identity import second_factor
from souk.modules.identity.addresses import EmailAddress, email_address, phone_number
from souk.modules.identity.attempts import Attempts
from souk.modules.identity.doorkeeper import Doorkeeper, origin_of
from souk.modules.identity.errors import AccountSuspended, EmailTaken, LoginFailed, PhoneTaken, SecondFactorNeeded, SecondFactorWrong
from souk.modules.identity.events import UserRegistered
from souk.modules.identity.model import Credentials, NewAccount, Opened, Origin, Person, PersonStatus
from souk.modules.identity.passwords import Hasher
from souk.modules.identity.people import known_timezone, spoken
from souk.modules.identity.rules import Rules
from souk.modules.identity.sessions import open_session
from souk.modules.identity.sql import people as sql

TAKEN: Final = {"people_email_key_key": EmailTaken, "people_phone_key": PhoneTaken}
"""What the schema's rules mean."""


class Door(msgspec.Struct, frozen=True):
    """What one request to come in needs."""

    tokens: Tokens
    keeper: Doorkeeper
    hasher: Hasher
    vault: Vault
    attempts: Attempts
    origin: Origin

    @classmethod
    def gather(cls, tokens: Tokens, keeper: Doorkeeper, hasher: Hasher, vault: Vault, attempts: Attempts, request: Request) -> Door:  # noqa: PLR0913, PLR0917 - bound by type
        """For the request that is answered."""
        return cls(tokens, keeper, hasher, vault, attempts, origin_of(request))


class Address(msgspec.Struct, frozen=True):
    """What somebody signs up or in by: an e-mail address, a number, or both."""

    email: EmailAddress | None
    phone: str | None

    @property
    def account(self) -> str:
        """What attempts are counted by."""
        return self.email.key if self.email else str(self.phone)


def address_of(rules: Rules, email: str | None, phone: str | None) -> Address:
    """The address, by what the market signs people in with."""
    for name, given in (("email", email), ("phone", phone)):
        if given is not None and name not in rules.by:
            raise invalid(name, f"is not used here; sign up and in by {' or '.join(sorted(rules.by))}")
    if not email and not phone:
        field = min(rules.by)
        raise invalid(field, f"is missing; sign up and in by {' or '.join(sorted(rules.by))}")
    return Address(email_address(email) if email else None, phone_number(phone) if phone else None)


# Joining


async def register(database: Database, door: Door, wanted: NewAccount) -> Opened:
    """Make an account and let its owner in. Of two at once for one address, exactly one comes to be."""
    rules = door.keeper.rules
    if wanted.role not in rules.sign_up:
        raise invalid("role", f"is not one that you can choose; choose {' or '.join(rules.sign_up)}")
    address = address_of(rules, wanted.email, wanted.phone)
    timezone = known_timezone(wanted.timezone or "UTC")
    await door.hasher.check(rules, wanted.password, own_words(wanted))
    door.attempts.count_sign_up()
    password_hash = await door.hasher.hash(wanted.password)
    try:
        return await database.write(lambda tx: _join(tx, door, wanted, address, (password_hash, timezone)))
    except Violated as violated:
        taken = TAKEN.get(violated.constraint)
        if taken is None:
            raise
        raise taken from violated


async def _join(tx: Tx, door: Door, wanted: NewAccount, address: Address, made: tuple[str, str]) -> Opened:
    password_hash, timezone = made
    email, key = (address.email.written, address.email.key) if address.email else (None, None)
    person = await tx.run(
        sql.ADD_PERSON,
        *(new_id(), email, key, address.phone, None, wanted.first_name.strip(), wanted.last_name.strip(), [wanted.role]),
        *(password_hash, spoken(door.keeper.rules, wanted.language), timezone, tx.now, tx.now),
    )
    await emit(tx, UserRegistered(person.id, person.roles))
    return await open_session(tx, door.tokens, door.keeper, person, door.origin)


def own_words(wanted: NewAccount) -> tuple[str, ...]:
    """What others know of somebody, and so is no password of theirs."""
    email, first, last = wanted.email or "", wanted.first_name, wanted.last_name
    return (email, email.partition("@")[0], wanted.phone or "", first, last, f"{first} {last}", f"{first}{last}", f"{first}.{last}")


# Coming in


async def log_in(database: Database, door: Door, given: Credentials) -> Opened:
    """Let in who knows the password. Who does not learns nothing, not even by waiting: not whether there is such an account."""
    address = address_of(door.keeper.rules, given.email, given.phone)
    door.attempts.count("password", address.account)
    person = await database.read(lambda tx: find(tx, address))
    right = await door.hasher.verify(given.password, person.password_hash if person else None)
    if person is None or person.password_hash is None or not right:
        raise LoginFailed
    if person.status is PersonStatus.SUSPENDED:
        raise AccountSuspended
    anew = await door.hasher.hash(given.password) if door.hasher.outdated(person.password_hash) else None
    opened = await database.write(lambda tx: _enter(tx, door, person, given.code, anew))
    door.attempts.forget("password", address.account)
    return opened


async def find(tx: Tx, address: Address) -> Person | None:
    """Whose address that is."""
    if address.email is not None:
        return await tx.run(sql.PERSON_BY_EMAIL, address.email.key)
    return await tx.run(sql.PERSON_BY_PHONE, address.phone)


async def _enter(tx: Tx, door: Door, person: Person, code: str | None, anew: str | None) -> Opened:
    """What was verified outside must still be so: a password changed meanwhile lets nobody in."""
    entered = await tx.run(sql.SIGN_IN, person.id, person.password_hash, tx.now, anew)
    if entered is None:
        raise LoginFailed
    if entered.has_second_factor:
        if code is None:
            raise SecondFactorNeeded
        if not await second_factor.check(tx, door.vault, entered, code):
            raise SecondFactorWrong
    return await open_session(tx, door.tokens, door.keeper, entered, door.origin)
