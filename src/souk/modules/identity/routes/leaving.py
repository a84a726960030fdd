"""Taking one's things along, and leaving, over HTTP."""

from __future__ import annotations

from typing import Any

from souk.kernel.assembly import Market
from souk.kernel.db import Database, Tx
from souk.kernel.http import MEMBER, Actor, Reply, operation
from souk.kernel.http.refusals import TooManyRequests
from souk.modules.identity import leaving
from souk.modules.identity.codes import CodeKeys
from souk.modules.identity.credentials import Leaving
from souk.modules.identity.doorkeeper import UNSTORED
from souk.modules.identity.errors import CodeWrong, HashingBusy, LastAdmin, PasswordWrong, PersonNotFound
from souk.modules.identity.signing import Door


@operation("GET", "/users/me/export", who=MEMBER, refusals=(PersonNotFound,))
async def export_own_user(tx: Tx, market: Market, by: Actor) -> Reply[dict[str, Any]]:
    """Take along everything that the market knows of you."""
    return Reply(await leaving.everything_known(tx, market, by), headers=(UNSTORED,))


@operation(
    "DELETE",
    "/users/me",
    who=MEMBER,
    refusals=(PasswordWrong, CodeWrong, LastAdmin, PersonNotFound, HashingBusy, TooManyRequests),
    example={"password": "three fine winters"},
)
async def erase_own_user(  # noqa: PLR0913, PLR0917 - bound by type
    database: Database, door: Door, market: Market, code_keys: CodeKeys, by: Actor, body: Leaving
) -> Reply[None]:
    """Leave for good: you are forgotten here. What must be kept, such as payments, stays without your name."""
    await leaving.leave(database, door, market, code_keys, by, body)
    return Reply(None, "You are forgotten here.", headers=door.keeper.gone())
