"""What the ledger refuses."""

from souk.kernel.errors import Refusal
from souk.kernel.money import Asset, bounded


class InsufficientFunds(Refusal, status=422, message="There is not enough: {available} {currency} is available and {needed} is needed."):
    """More than what an account has that is not on hold. Details are minor units; the sentence has amounts as people write them."""

    available: int
    needed: int
    currency: str
    missing: int

    def __init__(self, asset: Asset, *, available: int, needed: int) -> None:
        self._asset = asset
        super().__init__(available=available, needed=needed, currency=asset.code, missing=needed - available)

    def text(self) -> str:
        digits = self._asset.digits
        return self.message.format(available=digits(self.available), needed=digits(self.needed), currency=self.currency)


class IdempotencyConflict(Refusal, status=409, message="That key was used for another movement; every movement needs a key of its own."):
    """One key, two contents."""


class HoldEnded(Refusal, status=409, message="What was on hold has been paid, given back or has expired already."):
    """A hold ends once."""


class HoldNotFound(Refusal, status=404, message="Nothing is on hold there."):
    """There never was such a hold."""


class MoreThanHeld(Refusal, status=422, message="Only what is on hold can be taken, and more was asked for."):
    """A capture beyond its hold."""


class MoreThanMoved(Refusal, status=422, message="Only what has moved can go back, and less of it is left than was asked for."):
    """Reversals beyond what they reverse."""


class NoSuchMovement(Refusal, status=404, message="There is no such movement."):
    """A journal that is not there cannot be reversed."""


class UnknownAsset(Refusal, status=422, message="{currency} is not used here; choose one of: {known}."):
    """The market does not count in it."""

    currency: str
    known: str


class NotPositive(Refusal, status=422, message="The amount must be more than zero."):
    """A movement of nothing, or backwards."""


def positive(amount: int) -> int:
    """The amount itself, in minor units, if so much may move."""
    if amount <= 0:
        raise NotPositive
    return bounded(amount)
