"""Ids are UUIDv7: unique, and ordered by the time they were made."""

from __future__ import annotations

import time
from uuid import RFC_4122, UUID

from souk.kernel.ids import new_id


def test_an_id_is_a_uuid_of_version_seven() -> None:
    made = new_id()
    assert type(made) is UUID
    assert (made.version, made.variant) == (7, RFC_4122)


def test_an_id_begins_with_the_millisecond_it_was_made_in() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id().int >> 80
    assert before <= made <= time.time_ns() // 1_000_000


def test_many_ids_are_all_different_and_never_go_back_in_time() -> None:
    many = [new_id() for _ in range(10_000)]
    assert len(set(many)) == len(many)
    milliseconds = [made.int >> 80 for made in many]
    assert milliseconds == sorted(milliseconds)
