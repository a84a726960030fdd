"""A refusal is a small class: its code, status, message and details all come from the declaration."""

from __future__ import annotations

import pytest

from souk.kernel.errors import REFUSALS, Refusal, code_of


class StallTaken(Refusal, status=409, message="Stall {number} is taken until {until}."):
    number: int
    until: str = "noon"


class StallTakenForGood(StallTaken, status=410, message="Stall {number} is taken by {owner}."):
    owner: str


def test_a_refusal_tells_a_person_and_a_program() -> None:
    refusal = StallTaken(number=4, until="six")
    assert (refusal.code, refusal.status) == ("STALL_TAKEN", 409)
    assert str(refusal) == refusal.text() == "Stall 4 is taken until six."
    assert refusal.details() == {"number": 4, "until": "six"}
    assert refusal.headers() == ()


def test_a_field_with_a_default_may_be_left_out() -> None:
    assert StallTaken(number=4).details() == {"number": 4, "until": "noon"}


def test_a_refusal_of_a_refusal_keeps_its_fields() -> None:
    assert StallTakenForGood(number=4, owner="Ann").details() == {"number": 4, "until": "noon", "owner": "Ann"}


@pytest.mark.parametrize("details", [{}, {"number": 1, "colour": "red"}])
def test_missing_and_unknown_details_are_errors_of_the_program(details: dict[str, object]) -> None:
    with pytest.raises(TypeError, match=r"missing .* unknown"):
        StallTaken(**details)  # type: ignore[arg-type]


def test_every_refusal_is_listed_by_its_code() -> None:
    assert REFUSALS["STALL_TAKEN"] is StallTaken


def test_two_refusals_cannot_share_a_code() -> None:
    with pytest.raises(TypeError, match="share the code STALL_TAKEN"):

        class AnotherStall(Refusal, status=400, message="No.", code="STALL_TAKEN"):
            pass


@pytest.mark.parametrize(("name", "code"), [("SlotTaken", "SLOT_TAKEN"), ("Busy", "BUSY"), ("Over18Only", "OVER18_ONLY")])
def test_the_code_is_the_name_of_the_class(name: str, code: str) -> None:
    assert code_of(name) == code


def test_a_field_cannot_hide_what_every_refusal_has() -> None:
    with pytest.raises(TypeError, match="may not be called headers"):

        class Headed(Refusal, status=400, message="No."):
            headers: str  # type: ignore[assignment]


def test_details_are_named_as_json_names_things() -> None:
    class SeatLost(Refusal, status=409, message="Seat {seat_number} is gone."):
        seat_number: int

    assert SeatLost(seat_number=7).details() == {"seatNumber": 7}
    assert str(SeatLost(seat_number=7)) == "Seat 7 is gone."


def test_a_refusal_says_when_trying_again_may_help() -> None:
    class StallBeingPainted(Refusal, status=503, retry_after=60, message="Come back later."):
        pass

    assert StallBeingPainted().headers() == (("Retry-After", "60"),)
