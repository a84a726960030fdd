"""Processes that move together: no step strands for the sake of another."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from souk.process import Actors, Process, Unlawful, along, process_of
from souk.process.together import together
from tests.process.markets import MARKETS, templates, tulifo

PROJECT, BID, BOOKING = tulifo.PROJECT, tulifo.BID, tulifo.BOOKING
TEXTS = {"en": templates(MARKETS["tulifo"])}


def changed(process: Process, name: str, **changes: Any) -> Process:
    """A process with one step made otherwise."""
    return replace(process, steps=tuple(replace(step, **changes) if step.name == name else step for step in process.steps))


@pytest.mark.parametrize("market", list(MARKETS))
def test_each_market_fits(market: str) -> None:
    known = together(MARKETS[market], {"en": templates(MARKETS[market]), "fr": templates(MARKETS[market])})
    assert list(known.values()) == list(MARKETS[market])


@pytest.mark.parametrize(
    ("processes", "said"),
    [
        ((PROJECT, BID, BOOKING, BID), "two processes are called bid"),
        ((PROJECT, BOOKING), "booking.book takes bid.accept along, and there is no process bid"),
        ((PROJECT, BID, changed(BOOKING, "fund", along=(along("project", "start", through="project_id"),))),
         "and project has no such step"),
        ((PROJECT, BID, changed(BOOKING, "fund", along=(along("project", "begin", through="project"),))),
         "through project, which Booking has not"),
        ((PROJECT, BID, changed(BOOKING, "fund", along=(along("project", "cancel", through="project_id"),))),
         "booking.fund takes project.cancel along, which is not its to take. Add process_of('booking') to by="),
        ((PROJECT, BID, changed(BOOKING, "fund", along=())), "project.begin waits for booking, which never takes it along"),
        ((changed(PROJECT, "award", by=Actors((process_of("deal"),))), BID, BOOKING),
         "project.award waits for deal, which never takes it along"),
        # A worker who may take back a bid that was chosen strands the payment for it.
        ((PROJECT, changed(BID, "withdraw", sources=(tulifo.BidState.PENDING, tulifo.BidState.ACCEPTED)), BOOKING),
         "with booking in awaiting_payment and its bid in withdrawn, clock cannot lapse"),
        # So does a client who may call off a project that is worked on.
        ((changed(PROJECT, "cancel", sources=(tulifo.P.OPEN, tulifo.P.DISPUTED)), BID, BOOKING),
         "with booking in disputed and its project in cancelled, nothing leads on"),
        ((PROJECT, BID, changed(BOOKING, "book", tell=(replace(BOOKING.step("book").tell[0], template="boked"),))),
         "booking.book tells worker boked, which is no template in en. Did you mean booked?"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(processes: tuple[Process, ...], said: str) -> None:
    with pytest.raises(Unlawful) as refused:
        together(processes, TEXTS)
    assert said in str(refused.value)
