"""The second factor over HTTP."""

from __future__ import annotations

from souk.kernel.assembly import Market
from souk.kernel.db import Database, Tx
from souk.kernel.http import MEMBER, Actor, Reply, operation
from souk.kernel.http.refusals import TooManyRequests
from souk.kernel.sealing import Vault
from souk.modules.identity import second_factor
from souk.modules.identity.attempts import Attempts
from souk.modules.identity.changing import proven
from souk.modules.identity.credentials import FactorCodeGiven, OfferedFactor, PasswordGiven, RecoveryCodes
from souk.modules.identity.doorkeeper import UNSTORED
from souk.modules.identity.errors import HashingBusy, PasswordWrong, PersonNotFound, SecondFactorOff, SecondFactorOn, SecondFactorWrong
from souk.modules.identity.signing import Door


@operation(
    "POST",
    "/auth/second-factor",
    who=MEMBER,
    refusals=(PasswordWrong, SecondFactorOn, PersonNotFound, HashingBusy, TooManyRequests),
    example={"password": "three fine winters"},
)
async def offer_second_factor(database: Database, door: Door, market: Market, by: Actor, body: PasswordGiven) -> Reply[OfferedFactor]:
    """Begin to set up a second factor: give the secret to an authenticator, then confirm with a code of it."""
    person = await proven(database, door, by, body.password)
    offered = await database.write(lambda tx: second_factor.offer(tx, door.vault, market, person))
    return Reply(offered, headers=(UNSTORED,))


@operation(
    "POST",
    "/auth/second-factor/confirm",
    who=MEMBER,
    idempotent=False,
    refusals=(SecondFactorOn, SecondFactorOff, SecondFactorWrong, PersonNotFound, TooManyRequests),
    example={"code": "123456"},
)
async def confirm_second_factor(tx: Tx, vault: Vault, attempts: Attempts, by: Actor, body: FactorCodeGiven) -> Reply[RecoveryCodes]:
    """Turn the second factor on. The recovery codes are shown this once."""
    return Reply(await second_factor.turn_on(tx, vault, attempts, by, body.code), headers=(UNSTORED,))


@operation(
    "DELETE",
    "/auth/second-factor",
    who=MEMBER,
    status=204,
    refusals=(SecondFactorOff, SecondFactorWrong, PersonNotFound, TooManyRequests),
    example={"code": "123456"},
)
async def turn_off_second_factor(tx: Tx, vault: Vault, attempts: Attempts, by: Actor, body: FactorCodeGiven) -> None:
    """Turn the second factor off, by a code of it or a recovery code."""
    await second_factor.turn_off(tx, vault, attempts, by, body.code)


@operation(
    "POST",
    "/auth/second-factor/recovery-codes",
    who=MEMBER,
    idempotent=False,
    refusals=(SecondFactorOff, SecondFactorWrong, PersonNotFound, TooManyRequests),
    example={"code": "123456"},
)
async def renew_recovery_codes(tx: Tx, vault: Vault, attempts: Attempts, by: Actor, body: FactorCodeGiven) -> Reply[RecoveryCodes]:
    """Get ten new recovery codes, shown this once. Those from before count no more."""
    return Reply(await second_factor.renew_codes(tx, vault, attempts, by, body.code), headers=(UNSTORED,))
