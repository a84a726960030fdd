"""What staff do with people: look, suspend, reinstate, give and take roles, end sessions. Each of it is in the audit log.

A suspension works everywhere at once: sessions end, API keys are revoked, and no way in is open before it is lifted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from souk.kernel.assembly import Market
from souk.kernel.db import Tx
from souk.kernel.http import Actor, Page, Tokens, invalid, who
from souk.kernel.http.guards import roles_allowed
from souk.kernel.http.revocations import revoke
from souk.kernel.messages import emit
from souk.kernel.sealing import Vault
from souk.modules import audit
from souk.modules.identity import keys, sessions
from souk.modules.identity.errors import LastAdmin, OwnAccount, PersonNotFound
from souk.modules.identity.events import UserReinstated, UserSuspended
from souk.modules.identity.letters import tell
from souk.modules.identity.members import Member, MembersQuery
from souk.modules.identity.model import Person, Session
from souk.modules.identity.people import any_person
from souk.modules.identity.rules import Rules
from souk.modules.identity.sql import keys as keys_sql
from souk.modules.identity.sql import sessions as sessions_sql
from souk.modules.identity.sql import staff as sql

STAFF: Final = who("identity.staff")
"""May see and manage all people of the market."""

FOUND_AT_MOST: Final = 1000
"""Matches of one search: whoever has more must search for more."""


# Looking


async def members(tx: Tx, query: MembersQuery) -> Page[Member]:
    """People, newest first. The erased only where they are asked for."""
    found = await _found(tx, query.q) if query.q else None
    rows = await _listed(tx, query, found, query.limit, query.offset)
    if rows or not query.offset:
        return Page([row.member for row in rows], rows[0].total if rows else 0, query)
    first = await _listed(tx, query, found, 1, 0)
    return Page([], first[0].total if first else 0, query)


async def _listed(tx: Tx, query: MembersQuery, found: list[UUID] | None, limit: int, offset: int) -> list[sql.Listed]:
    if found is None:
        return await tx.run(sql.MEMBERS, query.role, query.status, limit, offset)
    return await tx.run(sql.MEMBERS_OF_THESE, query.role, query.status, limit, offset, found)


async def _found(tx: Tx, q: str) -> list[UUID]:
    """Whose address or name begins so, or whose number it is."""
    beginning = q.strip().lower()
    return await tx.run(sql.SEARCH, beginning, beginning + chr(sys.maxunicode), q.replace(" ", ""), FOUND_AT_MOST)


async def member(tx: Tx, person_id: UUID) -> Member:
    """Anybody of the market, the erased too."""
    found = await tx.run(sql.MEMBER, person_id)
    if found is None:
        raise PersonNotFound
    return found


async def sessions_of(tx: Tx, by: Actor, person_id: UUID) -> list[Session]:
    """Where somebody is signed in."""
    await any_person(tx, person_id)
    rows = await tx.run(sessions_sql.SESSIONS_OF, person_id, tx.now)
    return [Session(each.id, each.agent, each.address, each.created_at, each.last_used_at, each.id == by.session) for each in rows]


# Changing


async def suspend(  # noqa: PLR0913, PLR0917 - whom, why, by whom, and what it must reach
    tx: Tx, tokens: Tokens, vault: Vault, market: Market, by: Actor, person_id: UUID, reason: str
) -> Member:
    """Shut somebody out, at once and everywhere. Whoever is shut out already stays so, for the reason that was given then."""
    if person_id == by.id:
        raise OwnAccount
    await check_not_last(tx, market, person_id)
    person = await any_person(tx, person_id, lock=True)
    suspended = await tx.run(sql.SUSPEND, person_id, reason)
    if suspended is None:
        return await member(tx, person_id)
    await sessions.end_all(tx, tokens, person_id, "suspended")
    await keys.revoke_all(tx, tokens, person_id)
    await _note(tx, "user.suspended", person, suspended, by, why=reason)
    await emit(tx, UserSuspended(person_id))
    await tell(tx, vault, person, "suspended", reason=reason)
    return suspended


async def reinstate(tx: Tx, vault: Vault, by: Actor, person_id: UUID) -> Member:
    """Let somebody in again. They sign in anew, and make new API keys."""
    person = await any_person(tx, person_id, lock=True)
    reinstated = await tx.run(sql.REINSTATE, person_id)
    if reinstated is None:
        return await member(tx, person_id)
    await _note(tx, "user.reinstated", person, reinstated, by)
    await emit(tx, UserReinstated(person_id))
    await tell(tx, vault, person, "reinstated")
    return reinstated


async def set_roles(  # noqa: PLR0913, PLR0917 - whom, what, by whom, under which rules
    tx: Tx, tokens: Tokens, market: Market, rules: Rules, by: Actor, person_id: UUID, wanted: Sequence[str]
) -> Member:
    """Give and take roles. What is signed in or acts by a key has the new ones at once."""
    roles = check_roles(market, rules, wanted)
    if roles_allowed(STAFF, market.roles).isdisjoint(roles):
        await check_not_last(tx, market, person_id)
    person = await any_person(tx, person_id, lock=True)
    changed = await tx.run(sql.SET_ROLES, person_id, list(roles))
    if changed is None:
        raise PersonNotFound
    if person.roles != roles:
        await sessions.renew_tokens(tx, tokens, person_id)
        await revoke(tx, tokens, await tx.run(keys_sql.KEY_IDS, person_id), ended=False)
        await _note(tx, "user.roles_changed", person, changed, by)
    return changed


def check_roles(market: Market, rules: Rules, wanted: Sequence[str]) -> tuple[str, ...]:
    """The roles in the market's order, if one person may have them together."""
    known = [role.name for role in market.roles]
    for i, name in enumerate(wanted):
        if name not in known:
            raise invalid(f"roles[{i}]", f"is no role of this market; one of {', '.join(known)}")
    signing_up = [name for name in rules.sign_up if name in wanted]
    if len(signing_up) > 1 and not rules.several_roles:
        raise invalid("roles", f"holds {' and '.join(signing_up)}; here one person has one of them")
    return tuple(name for name in known if name in wanted)


async def end_sessions(tx: Tx, tokens: Tokens, by: Actor, person_id: UUID) -> int:
    """Sign somebody out everywhere."""
    await any_person(tx, person_id, lock=True)
    ended = await sessions.end_all(tx, tokens, person_id, "ended by staff")
    await audit.record(tx, "user.signed_out", "user", person_id, by=by, after={"sessions": ended})
    return ended


async def check_not_last(tx: Tx, market: Market, person_id: UUID) -> None:
    """Refuse that the last active person goes who may manage people. Locks them all, in one order: of two who shut each other out
    at the same time, the second finds itself alone.
    """
    if await tx.run(sql.ACTIVE_WITH_ROLES, sorted(roles_allowed(STAFF, market.roles))) == [person_id]:
        raise LastAdmin


async def _note(tx: Tx, action: str, before: Person, after: Member, by: Actor, why: str = "") -> None:  # noqa: PLR0913, PLR0917 - as an entry has
    was = {"status": before.status, "roles": before.roles}
    await audit.record(tx, action, "user", after.id, by=by, before=was, after={"status": after.status, "roles": after.roles}, why=why)
