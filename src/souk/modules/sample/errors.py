"""What the sample refuses."""

from souk.kernel.errors import Refusal


class OrderNotFound(Refusal, status=404, message="There is no such order, or it is not yours."):
    """One answer for both, so that nobody learns which orders exist."""


class OwnOrder(Refusal, status=422, message="An order is placed with somebody else, not with oneself."):
    """Customer and provider are one person."""
