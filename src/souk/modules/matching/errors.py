"""What matching says no to."""

from __future__ import annotations

from souk.kernel.errors import Refusal


class NothingToMatch(
    Refusal, status=404, message="There is nothing of yours to match among the {side}. Fill in what others look for first."
):
    """Whoever asks for themselves is not there to be matched, or not any more."""

    side: str


class NoSuchRecord(Refusal, status=404, message="No match of that id was recorded."):
    """It never was, or it was erased with the one who asked."""


class WeightsDoNotFit(Refusal, status=422, message="{reason} Give a weight for each of {parts}, together exactly 1.00."):
    """A ranking under other weights needs one for each part that was recorded."""

    reason: str
    parts: str
