"""One-time codes by SMS, for markets whose people have phones: a code proves the number, and lets its owner in.

Asking for one is answered the same for every number, and does nothing but enqueue: who has an account is found out later, by a job.
Codes are six digits, so the guesses are what is limited: five for each code, counted in the database before anybody looks.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.db import Database, Tx
from souk.kernel.ids import new_id
from souk.kernel.messages import enqueue, job
from souk.kernel.sealing import Vault
from souk.modules import mail
from souk.modules.identity import second_factor
from souk.modules.identity.addresses import phone_number
from souk.modules.identity.attempts import Attempts
from souk.modules.identity.credentials import PhoneCode
from souk.modules.identity.errors import AccountSuspended, CodeWrong, SecondFactorNeeded, SecondFactorWrong
from souk.modules.identity.model import Opened, PersonStatus
from souk.modules.identity.sessions import open_session
from souk.modules.identity.signing import Door
from souk.modules.identity.sql import codes as sql
from souk.modules.identity.sql import people as people_sql
from souk.modules.identity.sql import proofs as proofs_sql

LIFE: Final = timedelta(minutes=10)
GUESSES: Final = 5
WRONG_TAKES: Final = 0.15
"""Seconds after which a wrong code is refused: counting a guess is a commit, and a number that nobody has needs none."""


class NumberOwner(msgspec.Struct, frozen=True):
    """A number whose owner, if there is one, gets a code."""

    phone: str


class CodeKeys:
    """The keys under which codes are stored, today's first. Six digits alone would be found by trying them all."""

    def __init__(self, settings: Settings, market: Market) -> None:
        self._keys = tuple(settings.keys(f"one-time codes of {market.name}").values())

    def digest(self, person_id: UUID, code: str) -> bytes:
        """What is stored of a code."""
        return self._digest(self._keys[0], person_id, code)

    def fits(self, stored: bytes, person_id: UUID, code: str) -> bool:
        """Whether it is the code."""
        return any(hmac.compare_digest(stored, self._digest(key, person_id, code)) for key in self._keys)

    @staticmethod
    def _digest(key: bytes, person_id: UUID, code: str) -> bytes:
        return hmac.digest(key, person_id.bytes + code.encode(), hashlib.sha256)


async def request_code(tx: Tx, attempts: Attempts, number: str) -> None:
    """Ask for a code. Nothing here tells whether somebody has the number."""
    phone = phone_number(number)
    attempts.count_code(phone)
    await enqueue(tx, send_code, NumberOwner(phone), key=f"identity.code {phone}")


@job("identity.send_code")
async def send_code(tx: Tx, wanted: NumberOwner, code_keys: CodeKeys, vault: Vault) -> None:
    """Send a code to whoever has the number; an earlier one is not good any more. The suspended get theirs, and hear why at the door."""
    person = await tx.run(people_sql.PERSON_BY_PHONE, wanted.phone)
    if person is None:
        return
    code = f"{secrets.randbelow(10**6):06}"
    hashed = code_keys.digest(person.id, code)
    await tx.run(proofs_sql.ADD_LINK, new_id(), "phone_code", person.id, wanted.phone, hashed, tx.now, tx.now + LIFE)
    minutes = str(LIFE // timedelta(minutes=1))
    await mail.text(
        tx, vault, mail.Letter(wanted.phone, "identity/phone_code", person.language, {"code": code, "minutes": minutes}, person.id)
    )


async def prove_phone(database: Database, code_keys: CodeKeys, phone: str, code: str) -> sql.Tried:
    """The code that was sent to this number, if this is it. The attempt is counted, and committed, before that is looked at."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    tried = await database.write(lambda tx: tx.finish(sql.TRY_CODE, phone, tx.now, GUESSES))
    if tried is None or not code_keys.fits(tried.hash, tried.person_id, code):
        await asyncio.sleep(begun + WRONG_TAKES - loop.time())
        raise CodeWrong
    return tried


async def use_up(tx: Tx, proven: sql.Tried) -> None:
    """A code works once."""
    if not await tx.run(sql.USE_CODE, proven.id, proven.hash, tx.now):
        raise CodeWrong


async def sign_in(database: Database, door: Door, code_keys: CodeKeys, given: PhoneCode) -> Opened:
    """Let in who has the code, and note that the number is theirs."""
    phone = phone_number(given.phone)
    door.attempts.count("code", phone)
    tried = await prove_phone(database, code_keys, phone, given.code)
    opened = await database.write(lambda tx: _enter(tx, door, tried, given.second_factor_code))
    door.attempts.forget("code", phone)
    return opened


async def _enter(tx: Tx, door: Door, tried: sql.Tried, second: str | None) -> Opened:
    await use_up(tx, tried)
    person = await tx.run(sql.SIGN_IN_BY_PHONE, tried.person_id, tried.target, tx.now)
    if person is None:
        raise CodeWrong
    if person.status is not PersonStatus.ACTIVE:
        raise AccountSuspended
    if person.has_second_factor:
        if second is None:
            raise SecondFactorNeeded
        if not await second_factor.check(tx, door.vault, person, second):
            raise SecondFactorWrong
    return await open_session(tx, door.tokens, door.keeper, person, door.origin)
