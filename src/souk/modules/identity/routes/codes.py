"""One-time codes by SMS over HTTP."""

from __future__ import annotations

from souk.kernel.db import Database, Tx
from souk.kernel.http import ANYONE, Reply, operation
from souk.kernel.http.refusals import TooManyRequests
from souk.modules.identity import codes
from souk.modules.identity.attempts import Attempts
from souk.modules.identity.credentials import NumberGiven, PhoneCode
from souk.modules.identity.errors import AccountSuspended, CodeWrong, SecondFactorNeeded, SecondFactorWrong
from souk.modules.identity.model import SignedIn
from souk.modules.identity.signing import Door


@operation(
    "POST",
    "/auth/otp/request",
    who=ANYONE,
    status=202,
    idempotent=False,
    refusals=(TooManyRequests,),
    example={"phone": "+33 6 12 34 56 78"},
)
async def request_code(tx: Tx, attempts: Attempts, body: NumberGiven) -> Reply[None]:
    """Ask for a code by SMS. The answer is the same whether somebody has the number or not."""
    await codes.request_code(tx, attempts, body.phone)
    return Reply(None, "If somebody has this number, a code is on its way to it.")


@operation(
    "POST",
    "/auth/otp/verify",
    who=ANYONE,
    refusals=(CodeWrong, AccountSuspended, SecondFactorNeeded, SecondFactorWrong, TooManyRequests),
    example={"phone": "+33 6 12 34 56 78", "code": "123456"},
)
async def verify_code(database: Database, door: Door, code_keys: codes.CodeKeys, body: PhoneCode) -> Reply[SignedIn]:
    """Come in by the code that was sent by SMS, which also proves that the number is yours.

    Where there is a second factor, send its code too, as `secondFactorCode`.
    """
    return door.keeper.reply(await codes.sign_in(database, door, code_keys, body))
