"""Reports of mail services: signed as Standard Webhooks, believed for five minutes, taken once."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
import time
from base64 import b64decode
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.kernel.http import Request
from souk.kernel.http.naming import body_refusal
from souk.modules.mail import sql
from souk.modules.mail.commands import key_of
from souk.modules.mail.errors import BounceReportRefused, NoBounceReports
from souk.modules.mail.model import BounceKind, BounceReport

TOLERANCE: Final = 300
"""Seconds between a report's writing and its arrival, either way: clocks differ, and old ones may be somebody's recording."""
LONGEST_ID: Final = 255
MESSAGE_ID: Final = re.compile(r"\s*<?([0-9a-fA-F-]{36})@")


async def report(tx: Tx, keys: tuple[bytes, ...], request: Request, raw: bytes) -> None:
    """Believe a report or refuse it: its letter is bounced, and its address gets no more."""
    name = verified(keys, request, raw)
    told = _read(raw)
    if not await tx.run(sql.NOTE_REPORT, name, tx.now):
        return
    reason = f"{told.kind}: {told.reason or 'no reason was given'}"
    mail_id = _mail_of(told.message_id)
    await tx.run(sql.SUPPRESS, key_of(told.address), BounceKind(told.kind), reason, mail_id, tx.now)
    if mail_id is not None:
        await tx.run(sql.MARK_BOUNCED, mail_id, reason)


def verified(keys: tuple[bytes, ...], request: Request, raw: bytes) -> str:
    """The id of a report that was signed with one of these keys, lately."""
    if not keys:
        raise NoBounceReports
    name, moment, signatures = (request.header(f"webhook-{part}") for part in ("id", "timestamp", "signature"))
    if not 0 < len(name) <= LONGEST_ID or not re.fullmatch(r"[0-9]{1,12}", moment):
        raise BounceReportRefused(reason="its headers webhook-id and webhook-timestamp are missing or unreadable")
    if abs(time.time() - int(moment)) > TOLERANCE:
        raise BounceReportRefused(reason=f"its time is more than {TOLERANCE} seconds from ours")
    signed = f"{name}.{moment}.".encode("latin-1") + raw
    known = [hmac.digest(key, signed, hashlib.sha256) for key in keys]
    if not any(hmac.compare_digest(given, right) for given in _given(signatures) for right in known):
        raise BounceReportRefused(reason="its signature does not fit")
    return name


def _given(signatures: str) -> list[bytes]:
    """The signatures of the version that is known here; a header may hold several."""
    given = []
    for each in signatures.split():
        version, _, text = each.partition(",")
        if version == "v1":
            try:
                given.append(b64decode(text, validate=True))
            except (binascii.Error, ValueError):
                continue
    return given


def _read(raw: bytes) -> BounceReport:
    try:
        return msgspec.json.decode(raw, type=BounceReport)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise body_refusal(raw, BounceReport) from None


def _mail_of(message_id: str) -> UUID | None:
    """The letter of a Message-ID, if it was one of ours."""
    found = MESSAGE_ID.match(message_id)
    try:
        return UUID(found[1]) if found is not None else None
    except ValueError:
        return None
