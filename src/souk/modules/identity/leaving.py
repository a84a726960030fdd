"""Leaving: what every module knows of a person, to take along; and being forgotten by all of them at once.

What must stay (money, the audit log) stays without a name. Forgetting is one transaction: either everybody has forgotten, or nobody.
"""

from __future__ import annotations

from uuid import UUID

from souk.kernel.assembly import Market
from souk.kernel.db import Database, Tx
from souk.kernel.http import Actor, invalid
from souk.kernel.messages import emit
from souk.modules import audit, mail
from souk.modules.identity import keys, sessions
from souk.modules.identity.changing import proven
from souk.modules.identity.codes import CodeKeys, prove_phone, use_up
from souk.modules.identity.credentials import Leaving
from souk.modules.identity.errors import PasswordWrong
from souk.modules.identity.events import UserErased
from souk.modules.identity.model import Person, user_of
from souk.modules.identity.people import access_self, any_person
from souk.modules.identity.signing import Door
from souk.modules.identity.sql import leaving as sql
from souk.modules.identity.sql.codes import Tried
from souk.modules.identity.staff import check_not_last


async def everything_known(tx: Tx, market: Market, by: Actor) -> dict[str, object]:
    """What each module of the market knows of the caller, under the module's name. A key takes along what its scopes let it read."""
    readable = [each for each in market.modules if by.scopes is None or f"{each.name}:read" in by.scopes]
    return {each.name: await each.export(tx, by.id) for each in readable if each.export is not None}


async def export(tx: Tx, person_id: UUID) -> object:
    """What identity knows of a person: everything but what opens."""
    return {
        "profile": user_of(await any_person(tx, person_id)),
        "sessions": await tx.run(sql.SESSIONS_KNOWN, person_id),
        "devices": await tx.run(sql.DEVICES_KNOWN, person_id),
        "apiKeys": await tx.run(sql.KEYS_KNOWN, person_id),
        "proofs": await tx.run(sql.PROOFS_KNOWN, person_id),
    }


async def erase(tx: Tx, person_id: UUID) -> None:
    """Forget who somebody was. Their row stays, without a name, for what refers to it."""
    await tx.run(sql.ERASE_PERSON, person_id)


async def leave(database: Database, door: Door, market: Market, code_keys: CodeKeys, by: Actor, given: Leaving) -> None:  # noqa: PLR0913, PLR0917 - who, from where, and what proves it
    """Erase the caller from the whole market, once they have shown who they are: by password, or by a code where they have none."""
    person = await database.read(lambda tx: access_self(tx, by))
    tried = None
    if person.password_hash is None:
        tried = await _prove_by_code(database, door, code_keys, person, given.code)
    elif given.password is None:
        raise invalid("password", "is missing: send your password once more")
    else:
        person = await proven(database, door, by, given.password)
    await database.write(lambda tx: _forget(tx, door, market, by, person, tried))


async def _prove_by_code(database: Database, door: Door, code_keys: CodeKeys, person: Person, code: str | None) -> Tried:
    phone = str(person.phone)
    if code is None:
        raise invalid("code", "is missing: you have no password, so ask for a code by SMS and send that")
    door.attempts.count("code", phone)
    tried = await prove_phone(database, code_keys, phone, code)
    door.attempts.forget("code", phone)
    return tried


async def _forget(tx: Tx, door: Door, market: Market, by: Actor, proven_as: Person, tried: Tried | None) -> None:  # noqa: PLR0913, PLR0917 - as above
    """Modules above identity forget first: they may still ask who it was. What was proven outside must still be so."""
    await check_not_last(tx, market, by.id)
    person = await any_person(tx, by.id, lock=True)
    if person.password_hash != proven_as.password_hash:
        raise PasswordWrong
    if tried is not None:
        await use_up(tx, tried)
    await sessions.end_all(tx, door.tokens, by.id, "erased")
    await keys.revoke_all(tx, door.tokens, by.id)
    await audit.record(tx, "user.erased", "user", by.id, by=by)
    for module in reversed(market.modules):
        if module.erase is not None:
            await module.erase(tx, by.id)
    await emit(tx, UserErased(by.id))
    if person.email is not None:
        farewell = mail.Letter(person.email, "identity/erased", person.language, {"name": person.first_name})
        await mail.send(tx, door.vault, farewell)
