"""Joining, coming in, staying and leaving, over HTTP."""

from __future__ import annotations

from souk.kernel.db import Database, Tx
from souk.kernel.http import ANYONE, Actor, Reply, Request, Tokens, operation
from souk.kernel.http.refusals import TooManyRequests
from souk.kernel.http.tokens import KeyUnknown, TokenExpired, TokenInvalid, TokenRevoked
from souk.modules.identity import sessions, signing
from souk.modules.identity.doorkeeper import Doorkeeper, origin_of
from souk.modules.identity.errors import (
    AccountSuspended,
    EmailTaken,
    ForeignOrigin,
    HashingBusy,
    LoginFailed,
    PhoneTaken,
    RefreshInvalid,
    RefreshReused,
    SecondFactorNeeded,
    SecondFactorWrong,
)
from souk.modules.identity.model import Credentials, NewAccount, Refresh, SignedIn
from souk.modules.identity.signing import Door


@operation(
    "POST",
    "/auth/register",
    who=ANYONE,
    status=201,
    idempotent=False,
    refusals=(EmailTaken, PhoneTaken, HashingBusy, TooManyRequests),
    example={"email": "ada@example.com", "password": "three fine winters", "firstName": "Ada", "lastName": "Byron", "role": "client"},
)
async def register(database: Database, door: Door, body: NewAccount) -> Reply[SignedIn]:
    """Join the market, and come in at once. A link to verify the e-mail address is sent."""
    return door.keeper.reply(await signing.register(database, door, body))


@operation(
    "POST",
    "/auth/login",
    who=ANYONE,
    idempotent=False,
    refusals=(LoginFailed, SecondFactorNeeded, SecondFactorWrong, AccountSuspended, HashingBusy, TooManyRequests),
    example={"email": "ada@example.com", "password": "three fine winters"},
)
async def log_in(database: Database, door: Door, body: Credentials) -> Reply[SignedIn]:
    """Come in by address and password, and by the second factor's code where there is one.

    Five failures within a quarter of an hour, and the next has to wait, right or wrong.
    """
    return door.keeper.reply(await signing.log_in(database, door, body))


@operation("POST", "/auth/refresh", who=ANYONE, idempotent=False, refusals=(RefreshInvalid, RefreshReused, ForeignOrigin), example={})
async def refresh(database: Database, tokens: Tokens, keeper: Doorkeeper, request: Request, body: Refresh | None) -> Reply[SignedIn]:
    """Exchange the refresh token, sent in the body or as the cookie, for the next one and a new access token.

    Each works once. Repeated within ten seconds it is answered again; later it ends the session: somebody has a copy.
    """
    presented = keeper.presented(request, body.refresh_token if body else None)
    if presented is None:
        raise RefreshInvalid
    outcome = await database.write(lambda tx: sessions.rotate(tx, tokens, keeper, presented, origin_of(request)))
    if isinstance(outcome, sessions.Reused):
        raise RefreshReused
    return keeper.reply(outcome)


@operation("POST", "/auth/logout", who=ANYONE, idempotent=False, refusals=(ForeignOrigin, TokenExpired), example={})
async def log_out(tx: Tx, tokens: Tokens, keeper: Doorkeeper, request: Request, body: Refresh | None) -> Reply[None]:
    """End the session of the access token, and that of the refresh token. Who is out already, stays out.

    An access token that is over does not stop it. Alone it is refused: refresh first, or send the refresh token.
    """
    presented = keeper.presented(request, body.refresh_token if body else None)
    by = _who_leaves(tokens, request, alone=presented is None)
    if by is not None:
        await sessions.end_if_open(tx, tokens, by)
    if presented is not None:
        await sessions.end_presented(tx, tokens, presented)
    return Reply(None, "You are signed out.", headers=keeper.gone())


def _who_leaves(tokens: Tokens, request: Request, *, alone: bool) -> Actor | None:
    """Whose access token came along, if it counts. One that only expired is refused where it stands alone: its session would go on."""
    authorization = request.headers.get(b"authorization")
    if authorization is None:
        return None
    try:
        return tokens.actor(authorization)
    except TokenExpired:
        if alone:
            raise
        return None
    except (TokenInvalid, TokenRevoked, KeyUnknown):
        return None
