"""The second factor: six digits of an authenticator (TOTP, RFC 6238), and recovery codes for whoever has lost it.

The secret is sealed where it lies, and bound to its owner. No time step works twice, no recovery code does either, and both are
taken in the transaction that they let in. Recovery codes are stored as digests under that secret: the table alone tells nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import Final
from uuid import UUID

from pyotp import random_base32
from pyotp.totp import TOTP

from souk.kernel.assembly import Market
from souk.kernel.db import Tx
from souk.kernel.http import Actor
from souk.kernel.sealing import Vault
from souk.modules import audit
from souk.modules.identity.attempts import Attempts
from souk.modules.identity.credentials import OfferedFactor, RecoveryCodes
from souk.modules.identity.errors import SecondFactorOff, SecondFactorOn, SecondFactorWrong
from souk.modules.identity.letters import tell
from souk.modules.identity.model import Person
from souk.modules.identity.people import any_person
from souk.modules.identity.sql import second_factor as sql

STEP_SECONDS: Final = 30
TOLERATED: Final = (0, -1, 1)
"""Steps beside the one of now whose codes are taken too: clocks differ, and typing takes time."""
HOW_MANY_CODES: Final = 10
ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of recovery codes: nothing that is read as something else."""
RECOVERY: Final = re.compile(r"[a-z0-9]{5}-?[a-z0-9]{5}")


async def check(tx: Tx, vault: Vault, person: Person, code: str) -> bool:
    """Whether the code is good now; if so, it is used up with this transaction."""
    if person.second_factor is None or person.second_factor_since is None:
        return False
    secret = _open(vault, person.id, person.second_factor)
    recovery = code.strip().lower()
    if RECOVERY.fullmatch(recovery):
        return await _take_recovery_code(tx, person.id, digest_of(secret, recovery))
    step = matching_step(secret, code, tx.now)
    return step is not None and await tx.run(sql.TAKE_STEP, person.id, step) == 1


async def _take_recovery_code(tx: Tx, person_id: UUID, hashed: bytes) -> bool:
    if not await tx.run(sql.TAKE_RECOVERY_CODE, person_id, hashed, tx.now):
        return False
    await audit.record(tx, "second_factor.recovered", "user", person_id, by=None)
    return True


async def offer(tx: Tx, vault: Vault, market: Market, person: Person) -> OfferedFactor:
    """A new secret for an authenticator. It counts for nothing before a code of it has come back."""
    secret = random_base32()
    if not await tx.run(sql.OFFER_FACTOR, person.id, _seal(vault, person.id, secret.encode("ascii"))):
        raise SecondFactorOn
    name = person.email or person.phone or str(person.id)
    return OfferedFactor(secret, TOTP(secret).provisioning_uri(name=name, issuer_name=market.title.partition(":")[0]))


async def turn_on(tx: Tx, vault: Vault, attempts: Attempts, by: Actor, code: str) -> RecoveryCodes:
    """From now on a code is asked for at every sign-in. The code proves that the authenticator has the secret."""
    attempts.count("second factor", str(by.id))
    person = await any_person(tx, by.id, lock=True)
    if person.has_second_factor:
        raise SecondFactorOn
    if person.second_factor is None:
        raise SecondFactorOff
    secret = _open(vault, person.id, person.second_factor)
    step = matching_step(secret, code, tx.now)
    if step is None:
        raise SecondFactorWrong
    attempts.forget("second factor", str(by.id))
    await tx.run(sql.TURN_ON, person.id, tx.now, step)
    codes = await _renew_codes(tx, person.id, secret)
    await audit.record(tx, "second_factor.on", "user", person.id, by=by)
    await tell(tx, vault, person, "second_factor_on")
    return codes


async def turn_off(tx: Tx, vault: Vault, attempts: Attempts, by: Actor, code: str) -> None:
    """No code is asked for any more."""
    person = await _proven(tx, vault, attempts, by, code)
    await forget(tx, person.id)
    await audit.record(tx, "second_factor.off", "user", person.id, by=by)
    await tell(tx, vault, person, "second_factor_off")


async def forget(tx: Tx, person_id: UUID) -> None:
    """Neither secret nor recovery codes of a person are kept."""
    await tx.run(sql.TURN_OFF, person_id)
    await tx.run(sql.FORGET_RECOVERY_CODES, person_id)


async def renew_codes(tx: Tx, vault: Vault, attempts: Attempts, by: Actor, code: str) -> RecoveryCodes:
    """Ten new recovery codes; those from before count no more."""
    person = await _proven(tx, vault, attempts, by, code)
    codes = await _renew_codes(tx, person.id, _open(vault, person.id, person.second_factor or b""))
    await audit.record(tx, "second_factor.codes_renewed", "user", person.id, by=by)
    return codes


async def _proven(tx: Tx, vault: Vault, attempts: Attempts, by: Actor, code: str) -> Person:
    """The caller, who has just shown that the second factor is theirs."""
    attempts.count("second factor", str(by.id))
    person = await any_person(tx, by.id, lock=True)
    if not person.has_second_factor:
        raise SecondFactorOff
    if not await check(tx, vault, person, code):
        raise SecondFactorWrong
    attempts.forget("second factor", str(by.id))
    return person


async def _renew_codes(tx: Tx, person_id: UUID, secret: bytes) -> RecoveryCodes:
    codes = new_recovery_codes()
    await tx.run(sql.FORGET_RECOVERY_CODES, person_id)
    await tx.run(sql.ADD_RECOVERY_CODES, person_id, [digest_of(secret, code) for code in codes])
    return RecoveryCodes(codes)


def matching_step(secret: bytes, code: str, now: datetime) -> int | None:
    """The time step whose code this is, of those that count now."""
    today = int(now.timestamp()) // STEP_SECONDS
    codes = TOTP(secret.decode("ascii"))
    given = code.encode()
    found = [today + by for by in TOLERATED if hmac.compare_digest(codes.generate_otp(today + by).encode(), given)]
    return found[0] if found else None


def new_recovery_codes() -> tuple[str, ...]:
    """Ten codes like `7mq2x-k9fhd`: 49 bits each."""
    letters = ["".join(secrets.choice(ALPHABET) for _ in range(10)) for _ in range(HOW_MANY_CODES)]
    return tuple(f"{each[:5]}-{each[5:]}" for each in letters)


def digest_of(secret: bytes, recovery_code: str) -> bytes:
    """What is stored of a recovery code."""
    return hmac.digest(secret, b"recovery code " + recovery_code.replace("-", "").encode(), hashlib.sha256)


def _seal(vault: Vault, person_id: UUID, secret: bytes) -> bytes:
    return vault.seal(secret, f"second factor of {person_id}")


def _open(vault: Vault, person_id: UUID, sealed: bytes) -> bytes:
    return vault.open(sealed, f"second factor of {person_id}")
