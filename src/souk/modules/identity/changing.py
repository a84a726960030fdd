"""What changes how somebody signs in: an address that is verified or exchanged, another password, one more role."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.db import Database, Tx, Violated
from souk.kernel.http import Actor, Tokens, invalid
from souk.kernel.messages import enqueue, job
from souk.kernel.record import Record
from souk.kernel.sealing import Vault
from souk.modules.identity.addresses import EmailAddress, email_address, email_key_or_none
from souk.modules.identity.attempts import Attempts
from souk.modules.identity.doorkeeper import Doorkeeper
from souk.modules.identity.errors import EmailTaken, LinkInvalid, PasswordWrong, RoleHeld
from souk.modules.identity.keys import revoke_all
from souk.modules.identity.letters import tell
from souk.modules.identity.model import NewEmail, NewPassword, Person, Reset, User, WantedRole
from souk.modules.identity.passwords import Hasher
from souk.modules.identity.people import access_self, any_person, me
from souk.modules.identity.proofs import Links, new_link, see_reset_link, take_email_link, take_reset_link
from souk.modules.identity.rules import Rules
from souk.modules.identity.second_factor import forget as forget_factor
from souk.modules.identity.sessions import end_all, renew_tokens
from souk.modules.identity.signing import Door
from souk.modules.identity.sql import people as sql
from souk.modules.identity.sql import proofs as proofs_sql

# The address


async def ask_to_verify(tx: Tx, vault: Vault, links: Links, person: Person) -> None:
    """Send the link that verifies a person's address, unless it is verified."""
    if person.email is not None and person.email_verified_at is None:
        await tell(tx, vault, person, "verify_email", link=await new_link(tx, links, person, "verify_email", person.email))


async def verify_email(tx: Tx, token: str) -> None:
    """Believe an address that a link came back from: the one that is used, or the one that shall be."""
    proof = await take_email_link(tx, token)
    address = email_address(proof.target)
    if proof.kind == "change_email":
        await _change_email(tx, proof.person_id, address)
    elif await tx.run(sql.VERIFY_EMAIL, proof.person_id, address.key, tx.now) == 0:
        raise LinkInvalid


async def _change_email(tx: Tx, person_id: UUID, address: EmailAddress) -> None:
    try:
        if await tx.run(sql.CHANGE_EMAIL, person_id, address.written, address.key, tx.now) == 0:
            raise LinkInvalid
    except Violated as violated:
        raise EmailTaken from violated


async def ask_for_email(database: Database, door: Door, links: Links, by: Actor, wanted: NewEmail) -> None:
    """Send a link to the address that shall be, and tell the one that is. Nothing changes before the link comes back."""
    address = email_address(wanted.email)
    person = await proven(database, door, by, wanted.password)
    if person.email_key == address.key:
        raise invalid("email", "is your address already")

    async def write(tx: Tx) -> None:
        if await tx.run(sql.PERSON_BY_EMAIL, address.key) is not None:
            raise EmailTaken
        link = await new_link(tx, links, person, "change_email", address.written)
        await tell(tx, door.vault, person, "change_email", to=address.written, link=link)
        await tell(tx, door.vault, person, "email_changing", address=address.written)

    await database.write(write)


# The password


async def proven(database: Database, door: Door, by: Actor, password: str) -> Person:
    """The caller, who has shown that they know their password. Wrong ones are counted like those of a sign-in."""
    person = await database.read(lambda tx: access_self(tx, by))
    account = person.email_key or str(person.phone)
    door.attempts.count("password", account)
    if not await door.hasher.verify(password, person.password_hash):
        raise PasswordWrong
    door.attempts.forget("password", account)
    return person


async def change_password(database: Database, door: Door, by: Actor, wanted: NewPassword) -> int:
    """Another password, and the end of every other session: who else had the old one is out. Says how many ended."""
    await door.hasher.check(door.keeper.rules, wanted.new_password, field="newPassword")
    person = await proven(database, door, by, wanted.current_password)
    if wanted.new_password == wanted.current_password:
        raise invalid("newPassword", "is the present one; choose another")
    new_hash = await door.hasher.hash(wanted.new_password)

    async def write(tx: Tx) -> int:
        if await tx.run(sql.REPLACE_PASSWORD, by.id, person.password_hash, new_hash) == 0:
            raise PasswordWrong
        await tx.run(proofs_sql.DROP_LINKS, by.id)
        await tell(tx, door.vault, person, "password_changed")
        return await end_all(tx, door.tokens, by.id, "password changed", but=by.session)

    return await database.write(write)


class ForgottenPassword(Record):
    """Whose password is forgotten, as a job."""

    email_key: str


@job("identity.send_reset_link")
async def send_reset_link(tx: Tx, forgotten: ForgottenPassword, vault: Vault, links: Links) -> None:
    """Send the link that allows a new password, if there is somebody of that address."""
    person = await tx.run(sql.PERSON_BY_EMAIL, forgotten.email_key)
    if person is not None and person.email is not None:
        await tell(tx, vault, person, "reset_password", link=await new_link(tx, links, person, "reset_password", person.email))


async def forgot(tx: Tx, attempts: Attempts, email: str) -> None:
    """Ask for a reset link. All that happens here is a job, so answer and work are the same whether there is such an account."""
    key = email_key_or_none(email) or email.casefold()
    attempts.count("forgotten", key)
    await enqueue(tx, send_reset_link, ForgottenPassword(key))


Needed = tuple[Tokens, Doorkeeper, Hasher, Vault]
"""What a new password by a link needs; whoever holds the link is not signed in."""


async def reset_password(database: Database, needed: Needed, wanted: Reset) -> None:
    """Another password by a link that was sent: it proves the address too, and ends every session.

    API keys go as well, and links that wait: who had the account before may have left them as a way back in.
    """
    tokens, keeper, hasher, vault = needed
    proof = await database.read(lambda tx: see_reset_link(tx, wanted.token))
    await hasher.check(keeper.rules, wanted.password, (proof.target, proof.target.partition("@")[0]))
    new_hash = await hasher.hash(wanted.password)

    async def write(tx: Tx) -> None:
        taken = await take_reset_link(tx, wanted.token)
        person = await any_person(tx, taken.person_id, lock=True)
        key = email_address(taken.target).key
        if person.email_key != key:
            raise LinkInvalid
        await tx.run(sql.SET_PASSWORD, person.id, new_hash)
        if person.email_verified_at is None:
            await forget_factor(tx, person.id)  # whoever set it up had not shown that the address is theirs
        await tx.run(sql.VERIFY_EMAIL, person.id, key, tx.now)
        await tx.run(proofs_sql.DROP_LINKS, person.id)
        await end_all(tx, tokens, person.id, "password reset")
        await revoke_all(tx, tokens, person.id)
        await tell(tx, vault, person, "password_changed")

    await database.write(write)


# Roles


async def add_role(tx: Tx, tokens: Tokens, by: Actor, rules: Rules, wanted: WantedRole) -> User:
    """One more of the roles that people give themselves. Tokens that do not know of it are exchanged at the next refresh."""
    if not rules.several_roles or wanted.role not in rules.sign_up:
        allowed = f"choose {' or '.join(rules.sign_up)}" if rules.several_roles else "here everybody has one role, which staff changes"
        raise invalid("role", f"is not one that you can add; {allowed}")
    if await tx.run(sql.ADD_ROLE, by.id, wanted.role) == 0:
        raise RoleHeld(role=wanted.role)
    await renew_tokens(tx, tokens, by.id)
    return await me(tx, by)
