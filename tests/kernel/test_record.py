"""A record is snake_case inside, camelCase outside, never changed, and knows all of its fields."""

from __future__ import annotations

import msgspec
import pytest

from souk.kernel.record import Record


class Stall(Record, frozen=True):
    stall_number: int
    owner_name: str = ""


def test_json_is_camel_case() -> None:
    assert msgspec.json.encode(Stall(4, "Ann")) == b'{"stallNumber":4,"ownerName":"Ann"}'
    assert msgspec.json.decode(b'{"stallNumber":4}', type=Stall) == Stall(4)


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `stall_number`"):
        msgspec.json.decode(b'{"stallNumber":4,"stall_number":5}', type=Stall)


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Stall(4).stall_number = 5  # type: ignore[misc]
