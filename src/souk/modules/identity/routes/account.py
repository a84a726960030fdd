"""Oneself over HTTP: who one is, where one is signed in, and what one may change."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.db import Database, Tx
from souk.kernel.http import Actor, Reply, Tokens, operation
from souk.kernel.http.refusals import TooManyRequests
from souk.modules.identity import changing, people, sessions
from souk.modules.identity.errors import EmailTaken, HashingBusy, PasswordWrong, PersonNotFound, RoleHeld, SessionNotFound
from souk.modules.identity.model import Changes, Ended, NewEmail, NewPassword, Session, User, WantedRole
from souk.modules.identity.proofs import Links
from souk.modules.identity.rules import Rules
from souk.modules.identity.signing import Door


@operation("GET", "/auth/me", refusals=(PersonNotFound,))
async def me(tx: Tx, by: Actor) -> User:
    """Who you are here."""
    return await people.me(tx, by)


@operation("GET", "/users/me", refusals=(PersonNotFound,))
async def read_own_user(tx: Tx, by: Actor) -> User:
    """Who you are here."""
    return await people.me(tx, by)


@operation("PATCH", "/users/me", refusals=(PersonNotFound,), example={"firstName": "Ada", "timezone": "Europe/Paris"})
async def change_own_user(tx: Tx, by: Actor, rules: Rules, body: Changes) -> User:
    """Change your name, language or time zone. What is not sent stays."""
    return await people.change(tx, by, rules, body)


@operation("POST", "/auth/roles", idempotent=False, refusals=(RoleHeld, PersonNotFound), example={"role": "agent"})
async def add_own_role(tx: Tx, tokens: Tokens, rules: Rules, by: Actor, body: WantedRole) -> User:
    """Take one more of the roles that people here give themselves. Refresh to have a token that knows of it."""
    return await changing.add_role(tx, tokens, by, rules, body)


@operation(
    "POST",
    "/users/me/email",
    idempotent=False,
    limit="5/15m",
    refusals=(PasswordWrong, EmailTaken, PersonNotFound, HashingBusy, TooManyRequests),
    example={"email": "ada@example.org", "password": "three fine winters"},
)
async def ask_for_email(database: Database, door: Door, links: Links, by: Actor, body: NewEmail) -> Reply[None]:
    """Ask for another e-mail address: a link is sent there, and the present one is told. It changes when the link is opened."""
    await changing.ask_for_email(database, door, links, by, body)
    return Reply(None, "A link is on its way to that address.")


@operation(
    "PATCH",
    "/users/me/password",
    refusals=(PasswordWrong, PersonNotFound, HashingBusy, TooManyRequests),
    example={"currentPassword": "three fine winters", "newPassword": "four fine summers"},
)
async def change_password(database: Database, door: Door, by: Actor, body: NewPassword) -> Ended:
    """Change your password. Every other session of yours ends."""
    return Ended(await changing.change_password(database, door, by, body))


@operation("GET", "/sessions")
async def list_sessions(tx: Tx, by: Actor) -> list[Session]:
    """Where you are signed in, the latest used first."""
    return await sessions.sessions_of(tx, by)


@operation("DELETE", "/sessions/{session_id}", refusals=(SessionNotFound,), status=204)
async def end_session(tx: Tx, tokens: Tokens, by: Actor, session_id: UUID) -> None:
    """Sign out somewhere: no token of that session works any more."""
    await sessions.end(tx, tokens, by, session_id)


@operation("DELETE", "/sessions")
async def end_other_sessions(tx: Tx, tokens: Tokens, by: Actor) -> Ended:
    """Sign out everywhere else."""
    return Ended(await sessions.end_all(tx, tokens, by.id, "ended by its owner", but=by.session))
