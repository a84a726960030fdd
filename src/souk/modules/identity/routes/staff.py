"""People, for staff, over HTTP."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.assembly import Market
from souk.kernel.db import Tx
from souk.kernel.http import Actor, Page, Tokens, operation
from souk.kernel.sealing import Vault
from souk.modules.identity import staff
from souk.modules.identity.errors import LastAdmin, OwnAccount, PersonNotFound
from souk.modules.identity.members import Member, MembersQuery, Suspension, WantedRoles
from souk.modules.identity.model import Ended, Session
from souk.modules.identity.rules import Rules
from souk.modules.identity.staff import STAFF


@operation("GET", "/admin/users", who=STAFF)
async def list_users(tx: Tx, query: MembersQuery) -> Page[Member]:
    """List people, newest first; search them by how their address or name begins."""
    return await staff.members(tx, query)


@operation("GET", "/admin/users/{user_id}", who=STAFF, shared=True, refusals=(PersonNotFound,))
async def read_user(tx: Tx, user_id: UUID) -> Member:
    """Read about one person."""
    return await staff.member(tx, user_id)


@operation(
    "POST",
    "/admin/users/{user_id}/suspend",
    who=STAFF,
    shared=True,
    idempotent=True,
    refusals=(PersonNotFound, OwnAccount, LastAdmin),
    example={"reason": "Payments from stolen cards"},
)
async def suspend_user(  # noqa: PLR0913, PLR0917 - bound by name
    tx: Tx, tokens: Tokens, vault: Vault, market: Market, by: Actor, user_id: UUID, body: Suspension
) -> Member:
    """Shut a person out: every session and API key of theirs ends at once."""
    return await staff.suspend(tx, tokens, vault, market, by, user_id, body.reason)


@operation("POST", "/admin/users/{user_id}/reinstate", who=STAFF, shared=True, idempotent=True, refusals=(PersonNotFound,))
async def reinstate_user(tx: Tx, vault: Vault, by: Actor, user_id: UUID) -> Member:
    """Let a person in again."""
    return await staff.reinstate(tx, vault, by, user_id)


@operation(
    "PUT",
    "/admin/users/{user_id}/roles",
    who=STAFF,
    shared=True,
    refusals=(PersonNotFound, LastAdmin),
    example={"roles": ["client"]},
)
async def set_user_roles(  # noqa: PLR0913, PLR0917 - bound by name
    tx: Tx, tokens: Tokens, market: Market, rules: Rules, by: Actor, user_id: UUID, body: WantedRoles
) -> Member:
    """Say which roles a person has. Access tokens that say otherwise are refused from now on; a refresh brings new ones."""
    return await staff.set_roles(tx, tokens, market, rules, by, user_id, body.roles)


@operation("GET", "/admin/users/{user_id}/sessions", who=STAFF, shared=True, refusals=(PersonNotFound,))
async def list_user_sessions(tx: Tx, by: Actor, user_id: UUID) -> list[Session]:
    """List where a person is signed in."""
    return await staff.sessions_of(tx, by, user_id)


@operation("DELETE", "/admin/users/{user_id}/sessions", who=STAFF, shared=True, refusals=(PersonNotFound,))
async def end_user_sessions(tx: Tx, tokens: Tokens, by: Actor, user_id: UUID) -> Ended:
    """Sign a person out everywhere."""
    return Ended(await staff.end_sessions(tx, tokens, by, user_id))
