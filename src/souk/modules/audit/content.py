"""What goes into the details of an entry: plain values, without secrets, bounded in size."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import msgspec

from souk.kernel.http.request import CURRENT, Request
from souk.kernel.telemetry.redaction import HIDDEN, redact_fields, redact_text
from souk.modules.audit.model import Change, Circumstances

Values: TypeAlias = "Mapping[str, object] | msgspec.Struct | None"

BIGGEST: Final = 32_000
"""Bytes of one side of a change. Of what is bigger, only the names of its fields are kept."""

LONGEST_REASON: Final = 2000
LONGEST_AGENT: Final = 300
LONGEST_ID: Final = 100

CODE: Final = re.compile(r"(?i:(?:^|.*[_\W])codes?)|.*[a-z]Codes?")
PUBLIC_CODE: Final = re.compile(r"(?i)(country|currency|language|locale|postal|post|zip|area|dial|error|status|referral|promo)[_\W]?codes?")


def change_of(before: Values, after: Values, why: str) -> Change:
    """What an entry tells of a change."""
    return Change(plain_values(before), plain_values(after), redact_text(why)[:LONGEST_REASON])


def circumstances_of(request: Request | None) -> Circumstances:
    """From where the request came that is being answered; nothing where none is."""
    if request is None:
        return Circumstances()
    return Circumstances(request.address[:LONGEST_ID], redact_text(request.header("user-agent")[: 4 * LONGEST_AGENT])[:LONGEST_AGENT])


def current_request() -> Request | None:
    """The request that is being answered, if this is not a job."""
    found: Request | None = CURRENT.get(None)
    return found


def plain_values(values: Values) -> dict[str, Any] | None:
    """The values as JSON has them, without secrets."""
    if values is None:
        return None
    plain = msgspec.to_builtins(values, builtin_types=(bytes, bytearray, memoryview), str_keys=True)
    kept = redact_fields(without_codes(plain))
    size = len(msgspec.json.encode(kept))
    return kept if size <= BIGGEST else {"tooLarge": size, "fields": sorted(kept)}


def without_codes(value: Any) -> Any:
    """The value, its one-time codes hidden: in a log line `code` is what a refusal is called, here it opens an account."""
    if isinstance(value, dict):
        return {name: HIDDEN if inside and secret_code(name) else without_codes(inside) for name, inside in value.items()}
    return [without_codes(inside) for inside in value] if isinstance(value, list) else value


def secret_code(name: str) -> bool:
    """Whether a field of that name holds a code that proves something: `code`, `phoneCode`; not `country_code`."""
    return CODE.fullmatch(name) is not None and PUBLIC_CODE.fullmatch(name) is None
