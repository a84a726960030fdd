"""Money: whole minor units of one asset, and the only place where an amount is ever rounded.

Promises: no float comes near an amount; what is divided adds up again to the last unit (`fee + net = gross`,
`sum(split) = amount`); amounts of different assets never meet; an amount that PostgreSQL's `bigint` cannot hold is refused.

The rounding rule is *half away from zero*: the nearest unit, and exactly half goes up in size. It is what people expect
of a fee, and a reversal is the exact negative of what it reverses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Final

import msgspec

from souk.kernel.errors import Refusal
from souk.kernel.record import Record

LARGEST: Final = 2**63 - 1
"""The largest amount, in minor units; the smallest is its negative, so that every amount can be reversed."""

MILLION: Final = 1_000_000


class AmountTooLarge(Refusal, status=422, message="The amount is too large to be kept: it may have at most 18 digits."):
    """Outside what a bigint holds."""


class DifferentAssets(Refusal, status=422, message="{one} and {other} cannot be added or compared; exchange one first."):
    """Amounts of two assets met."""

    one: str
    other: str


class NotAnAmount(Refusal, status=422, message="{written!r} is not an amount of {asset}; write it like {example}."):
    """Text that a person wrote and that is no amount."""

    written: str
    asset: str
    example: str


class NotARate(Refusal, status=422, message="{written!r} is not a rate; write it like 10% or 0.5%, with at most four decimals."):
    """Text that is no percentage."""

    written: str


def rounded(numerator: int, denominator: int) -> int:
    """The rounding rule: the nearest whole number, half away from zero. `denominator` is positive."""
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return size if numerator >= 0 else -size


def bounded(amount: int) -> int:
    """The amount itself, if it can be kept."""
    if -LARGEST <= amount <= LARGEST:
        return amount
    raise AmountTooLarge


class Rate(msgspec.Struct, frozen=True, order=True):
    """An exact share in parts per million: `Rate.parse("10%")` is `Rate(100_000)`."""

    ppm: int

    def __post_init__(self) -> None:
        if type(self.ppm) is not int or self.ppm < 0:
            raise TypeError(f"a rate is a whole number of parts per million from zero on, not {self.ppm!r}")

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read a percentage as people write it."""
        found = re.fullmatch(r"\s*([0-9]{1,9})(?:\.([0-9]{1,4}))?\s*%\s*", text)
        if found is None:
            raise NotARate(written=text[:40])
        return cls(int(found[1] + (found[2] or "").ljust(4, "0")))

    def __str__(self) -> str:
        percent, rest = divmod(self.ppm, 10_000)
        return f"{percent}.{rest:04}".rstrip("0").rstrip(".") + "%"


def share(amount: int, rate: Rate | Fraction) -> int:
    """That share of an amount, rounded once. A Fraction serves where parts per million are too coarse: exchange rates."""
    if isinstance(rate, Rate):
        return bounded(rounded(amount * rate.ppm, MILLION))
    return bounded(rounded(amount * rate.numerator, rate.denominator))


def fee_of(gross: int, rate: Rate) -> tuple[int, int]:
    """The fee and what remains: `fee + net == gross`, always."""
    if rate.ppm > MILLION:
        raise ValueError(f"a fee of {rate} is more than all of it")
    fee = share(gross, rate)
    return fee, gross - fee


def split(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Divide an amount by weights; the parts add up to it exactly.

    Every part is its exact share rounded down or up; the units left over go to the largest remainders, then to the
    larger weights, then to the earlier places. So nobody's part depends on the order, but among equals.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError(f"weights are whole numbers from zero on, not all zero: {list(weights)}")
    size = abs(bounded(amount))
    parts = [size * weight // whole for weight in weights]
    places = sorted(range(len(weights)), key=lambda i: (-(size * weights[i] % whole), -weights[i], i))
    for i in places[: size - sum(parts)]:
        parts[i] += 1
    return tuple(parts) if amount >= 0 else tuple(-part for part in parts)


Currency = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Z][A-Z0-9-]{1,15}$",
        description="The asset's code, for example USD.",
        examples=["USD"],
        extra={"expected": "a currency in capital letters, such as USD"},
    ),
]
Amount = Annotated[int, msgspec.Meta(ge=-LARGEST, le=LARGEST, description="Minor units: 12500 is 125.00 where the asset has two decimals.")]


class Money(Record, frozen=True):
    """An amount of one asset, as it stands in the database and in JSON: `{"amount": 12500, "currency": "USD"}`."""

    amount: Amount
    currency: Currency

    def __post_init__(self) -> None:
        if type(self.amount) is not int:
            raise TypeError(f"an amount is a whole number of minor units, not {self.amount!r}")
        bounded(self.amount)

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self.same_asset(other).amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self.same_asset(other).amount, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self.same_asset(other).amount

    def __le__(self, other: Money) -> bool:
        return self.amount <= self.same_asset(other).amount

    def __gt__(self, other: Money) -> bool:
        return self.amount > self.same_asset(other).amount

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self.same_asset(other).amount

    def same_asset(self, other: Money) -> Money:
        """The other amount, if it is of the same asset."""
        if self.currency != other.currency:
            raise DifferentAssets(one=self.currency, other=other.currency)
        return other

    def share(self, rate: Rate | Fraction) -> Money:
        """That share of it."""
        return Money(share(self.amount, rate), self.currency)

    def fee(self, rate: Rate) -> tuple[Money, Money]:
        """The fee and what remains."""
        fee, net = fee_of(self.amount, rate)
        return Money(fee, self.currency), Money(net, self.currency)

    def split(self, weights: Sequence[int]) -> tuple[Money, ...]:
        """Its parts by weight."""
        return tuple(Money(part, self.currency) for part in split(self.amount, weights))


class Asset(msgspec.Struct, frozen=True):
    """A currency, a credit or a token: its code, and how many decimals people write."""

    code: str
    exponent: int

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z][A-Z0-9-]{1,15}", self.code) or not 0 <= self.exponent <= 18:
            raise ValueError(f"not an asset: {self.code!r} with {self.exponent} decimals")

    def money(self, amount: int) -> Money:
        """That many minor units of it."""
        return Money(amount, self.code)

    def digits(self, amount: int) -> str:
        """The amount as people write it, without the code: `125.00`."""
        text = str(abs(amount)).rjust(self.exponent + 1, "0")
        sign = "-" if amount < 0 else ""
        return f"{sign}{text[: -self.exponent]}.{text[-self.exponent :]}" if self.exponent else sign + text

    def show(self, money: Money) -> str:
        """`125.00 USD`."""
        if money.currency != self.code:
            raise DifferentAssets(one=self.code, other=money.currency)
        return f"{self.digits(money.amount)} {self.code}"

    def parse(self, text: str) -> Money:
        """Read what `show` writes, or the number alone. More decimals than the asset has are refused, never rounded."""
        found = re.fullmatch(rf"\s*(-?)([0-9]{{1,25}})(?:\.([0-9]{{1,{max(self.exponent, 1)}}}))?(?:\s+{re.escape(self.code)})?\s*", text)
        if found is None or (found[3] and not self.exponent):
            raise NotAnAmount(written=text[:40], asset=self.code, example=self.digits(125 * 10 ** min(self.exponent, 15)))
        amount = int(found[2] + (found[3] or "").ljust(self.exponent, "0"))
        return self.money(-amount if found[1] else amount)
