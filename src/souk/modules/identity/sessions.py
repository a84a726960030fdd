"""Sessions: opened by a sign-in, continued by refresh tokens that each work once, and ended everywhere at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.kernel.http import Actor
from souk.kernel.http.revocations import revoke
from souk.kernel.http.tokens import Tokens
from souk.kernel.ids import new_id
from souk.kernel.messages import emit
from souk.modules import audit
from souk.modules.identity.doorkeeper import Doorkeeper, digest
from souk.modules.identity.errors import RefreshInvalid, SessionNotFound
from souk.modules.identity.events import DeviceSeen, SessionReused
from souk.modules.identity.model import Opened, Origin, Person, PersonStatus, Session, user_of
from souk.modules.identity.sql import sessions as sql
from souk.modules.identity.sql.sessions import Kept, Spent

REPEAT_WITHIN: Final = timedelta(seconds=10)
"""How long a spent refresh token is answered again: the answer may have been lost, or two tabs asked at once."""


async def open_session(tx: Tx, tokens: Tokens, keeper: Doorkeeper, person: Person, origin: Origin) -> Opened:
    """Let a person in who has proven who they are."""
    session_id, token = new_id(), keeper.new_token()
    expires_at = tx.now + keeper.rules.refresh_life
    device_id = await _meet_device(tx, keeper, person, origin, session_id)
    await tx.run(sql.ADD_SESSION, session_id, person.id, device_id, origin.address, origin.agent, digest(token), tx.now, expires_at)
    return _opened(tx.now, tokens, person, session_id, token, expires_at)


async def _meet_device(tx: Tx, keeper: Doorkeeper, person: Person, origin: Origin, session_id: UUID) -> UUID:
    """Know the device again, or note it: its owner hears of a new one, and staff of one that many share."""
    device_id, fingerprint = new_id(), keeper.fingerprint(origin)
    met = await tx.run(sql.MEET_DEVICE, device_id, person.id, fingerprint, origin.agent, tx.now)
    if met.id != device_id:
        return met.id
    if met.had_any:
        await emit(tx, DeviceSeen(person.id, device_id, session_id))
    people = await tx.run(sql.PEOPLE_ON_DEVICE, fingerprint)
    if people > keeper.rules.people_per_device and await tx.run(sql.NOTICE_SHARED_DEVICE, fingerprint, tx.now) == 1:
        await audit.record(tx, "device.shared", "device", device_id, by=None, after={"people": people}, of=person.id)
    return device_id


def _opened(now: datetime, tokens: Tokens, person: Person, session_id: UUID, token: str, expires_at: datetime) -> Opened:  # noqa: PLR0913, PLR0917 - what a session consists of
    actor = Actor(person.id, frozenset(person.roles), session_id, tokens.market)
    return Opened(user_of(person), tokens.issue(actor), token, expires_at, int((expires_at - now).total_seconds()))


# Continuing


class Reused(msgspec.Struct, frozen=True):
    """A refresh token came a second time, and late: the session was ended. The refusal is said after the commit."""

    session_id: UUID


async def rotate(tx: Tx, tokens: Tokens, keeper: Doorkeeper, presented: str, origin: Origin) -> Opened | Reused:
    """Exchange a refresh token for its successor and a new access token. The session's row is locked meanwhile."""
    presented_hash = digest(presented)
    kept = await tx.run(sql.SESSION_BY_TOKEN, presented_hash)
    if kept is None:
        return await _exchanged_before(tx, tokens, keeper, presented)
    _check_good(tx, kept)
    token = keeper.successor(presented)
    await tx.run(sql.ROTATE, kept.session_id, presented_hash, digest(token), tx.now, origin.address, origin.agent)
    return _opened(tx.now, tokens, kept, kept.session_id, token, kept.expires_at)


async def _exchanged_before(tx: Tx, tokens: Tokens, keeper: Doorkeeper, presented: str) -> Opened | Reused:
    """A token that is no session's any more: repeated for a lost answer, or stolen."""
    spent = await tx.run(sql.SPENT_TOKEN, digest(presented))
    if spent is None:
        raise RefreshInvalid
    _check_good(tx, spent)
    if tx.now - spent.spent_at <= REPEAT_WITHIN:
        for token in keeper.successors(presented):
            if await tx.run(sql.IS_OF_SESSION, spent.session_id, digest(token)) is not None:
                return _opened(tx.now, tokens, spent, spent.session_id, token, spent.expires_at)
    await _end(tx, tokens, spent.id, spent.session_id, "reused")
    await audit.record(tx, "session.reused", "session", spent.session_id, by=None, of=spent.id)
    await emit(tx, SessionReused(spent.id, spent.session_id))
    return Reused(spent.session_id)


def _check_good(tx: Tx, kept: Kept | Spent) -> None:
    """Whether session and person are still what a token may continue."""
    if kept.ended_at is not None or kept.expires_at <= tx.now or kept.status is not PersonStatus.ACTIVE:
        raise RefreshInvalid


# Ending

Why = Literal["signed out", "ended by its owner", "reused", "password changed", "password reset", "suspended", "erased", "ended by staff"]
"""Why a session ended."""


async def sessions_of(tx: Tx, by: Actor) -> list[Session]:
    """The caller's sessions, the latest used first."""
    rows = await tx.run(sql.SESSIONS_OF, by.id, tx.now)
    return [Session(each.id, each.agent, each.address, each.created_at, each.last_used_at, each.id == by.session) for each in rows]


async def end(tx: Tx, tokens: Tokens, by: Actor, session_id: UUID, why: Why = "ended by its owner") -> None:
    """End one of the caller's sessions."""
    if not await _end(tx, tokens, by.id, session_id, why):
        raise SessionNotFound


async def end_presented(tx: Tx, tokens: Tokens, presented: str) -> None:
    """Sign out whoever holds this refresh token, or held it before its exchange. One that is not known is as good as signed out."""
    presented_hash = digest(presented)
    kept: Kept | Spent | None = await tx.run(sql.SESSION_BY_TOKEN, presented_hash)
    if kept is None:
        kept = await tx.run(sql.SPENT_TOKEN, presented_hash)
    if kept is not None:
        await _end(tx, tokens, kept.id, kept.session_id, "signed out")


async def end_if_open(tx: Tx, tokens: Tokens, by: Actor) -> None:
    """Sign out of the session that asks, if it is still open."""
    await _end(tx, tokens, by.id, by.session, "signed out")


async def _end(tx: Tx, tokens: Tokens, person_id: UUID, session_id: UUID, why: Why) -> bool:
    ended = await tx.run(sql.END_SESSION, session_id, person_id, tx.now, why)
    if ended is not None:
        await revoke(tx, tokens, [ended])
    return ended is not None


async def end_all(tx: Tx, tokens: Tokens, person_id: UUID, why: Why, but: UUID | None = None) -> int:
    """End every session of a person, in every process; `but` is spared. Says how many ended."""
    ended = await tx.run(sql.END_SESSIONS_OF, person_id, but, tx.now, why)
    await revoke(tx, tokens, ended)
    return len(ended)


async def renew_tokens(tx: Tx, tokens: Tokens, person_id: UUID) -> None:
    """Refuse the access tokens that a person holds: what they say of the roles is not true any more. A refresh brings new ones."""
    await revoke(tx, tokens, await tx.run(sql.LIVE_SESSIONS_OF, person_id), ended=False)
