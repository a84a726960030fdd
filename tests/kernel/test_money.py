"""Money: whatever is shared, charged or split adds up again to the last unit."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from souk.kernel.money import (
    LARGEST,
    MILLION,
    AmountTooLarge,
    Asset,
    DifferentAssets,
    Money,
    NotAnAmount,
    NotARate,
    Rate,
    bounded,
    fee_of,
    rounded,
    share,
    split,
)

USD = Asset("USD", 2)
CREDITS = Asset("CRD", 0)
TFT = Asset("XLM-TFT", 7)

amounts = st.one_of(st.integers(-(10**12), 10**12), st.integers(-LARGEST, LARGEST), st.integers(-200, 200))
fees = st.builds(Rate, st.one_of(st.integers(0, MILLION), st.sampled_from([0, 1, 5_000, 25_000, 100_000, 500_000, 999_999, MILLION])))
weights = st.lists(st.one_of(st.integers(0, 10), st.integers(0, 10**15)), min_size=1, max_size=12).filter(any)


@pytest.mark.parametrize(
    ("numerator", "denominator", "nearest"),
    [
        (0, 3, 0),
        (1, 3, 0),
        (1, 2, 1),  # half goes up in size
        (3, 2, 2),
        (5, 2, 3),  # not to the even one
        (2, 3, 1),
        (-1, 3, 0),
        (-1, 2, -1),  # the negative of what it reverses
        (-3, 2, -2),
        (7, 1, 7),
    ],
)
def test_the_nearest_unit_is_taken_and_half_goes_up_in_size(numerator: int, denominator: int, nearest: int) -> None:
    assert rounded(numerator, denominator) == nearest


@given(st.integers(), st.integers(1, 10**20))
def test_rounding_moves_by_half_a_unit_at_most_and_is_the_same_downwards(numerator: int, denominator: int) -> None:
    assert abs(Fraction(numerator, denominator) - rounded(numerator, denominator)) <= Fraction(1, 2)
    assert rounded(-numerator, denominator) == -rounded(numerator, denominator)


@pytest.mark.parametrize(
    ("gross", "rate", "fee", "net"),
    [
        (12_500, "10%", 1_250, 11_250),
        (1, "10%", 0, 1),
        (5, "10%", 1, 4),  # half a cent is a cent of fee
        (4, "10%", 0, 4),
        (9_999, "2.5%", 250, 9_749),
        (100, "0%", 0, 100),
        (100, "100%", 100, 0),
        (-12_500, "10%", -1_250, -11_250),  # the reversal
        (10**12, "0.0001%", 10**6, 10**12 - 10**6),
    ],
)
def test_a_fee_and_what_remains(gross: int, rate: str, fee: int, net: int) -> None:
    assert fee_of(gross, Rate.parse(rate)) == (fee, net)


@given(amounts, fees)
@example(10**12, Rate(333_333))
@example(LARGEST, Rate(MILLION))
def test_fee_and_net_are_the_gross_for_every_integer(gross: int, rate: Rate) -> None:
    fee, net = fee_of(gross, rate)
    assert fee + net == gross
    assert 0 <= abs(fee) <= abs(gross)
    assert fee * gross >= 0
    assert net * gross >= 0
    assert fee_of(-gross, rate) == (-fee, -net)


@given(st.integers(0, 10**15), st.integers(0, 10**15), fees)
def test_who_pays_more_never_pays_a_smaller_fee(one: int, other: int, rate: Rate) -> None:
    small, large = sorted((one, other))
    assert fee_of(small, rate)[0] <= fee_of(large, rate)[0]


def test_a_fee_of_more_than_everything_is_no_fee() -> None:
    with pytest.raises(ValueError, match=r"150% is more than all of it"):
        fee_of(100, Rate.parse("150%"))


def test_a_multiple_and_an_exchange_are_shares_too() -> None:
    assert share(3, Rate.parse("150%")) == 5
    assert share(10_000_000, Fraction(1_000, 7)) == 1_428_571_429
    with pytest.raises(AmountTooLarge):
        share(LARGEST, Rate.parse("101%"))


@pytest.mark.parametrize(
    ("amount", "by", "parts"),
    [
        (100, [1, 1], (50, 50)),
        (100, [1, 1, 1], (34, 33, 33)),  # among equals the first
        (101, [1, 2], (34, 67)),  # 33.67 and 67.33: the largest remainder
        (1, [1, 1, 2], (0, 0, 1)),
        (0, [3, 4], (0, 0)),
        (5, [0, 1], (0, 5)),  # no weight, no part
        (-100, [1, 1, 1], (-34, -33, -33)),
        (10, [7], (10,)),
    ],
)
def test_parts_by_weight(amount: int, by: list[int], parts: tuple[int, ...]) -> None:
    assert split(amount, by) == parts


@given(amounts, weights)
def test_a_split_adds_up_and_every_part_is_within_one_unit_of_its_share(amount: int, by: list[int]) -> None:
    parts = split(amount, by)
    assert sum(parts) == amount
    for part, weight in zip(parts, by, strict=True):
        assert abs(part - Fraction(amount * weight, sum(by))) < 1
        assert weight or part == 0
    assert split(-amount, by) == tuple(-part for part in parts)


@given(st.integers(0, LARGEST), weights, st.randoms(use_true_random=False))
def test_a_split_does_not_depend_on_the_order_of_those_who_share(amount: int, by: list[int], random: Random) -> None:
    shuffled = by.copy()
    random.shuffle(shuffled)
    assert sorted(zip(by, split(amount, by), strict=True)) == sorted(zip(shuffled, split(amount, shuffled), strict=True))


@given(st.integers(0, LARGEST), weights)
def test_who_weighs_more_never_gets_less(amount: int, by: list[int]) -> None:
    parts = [part for _, part in sorted(zip(by, split(amount, by), strict=True))]
    assert parts == sorted(parts)


@pytest.mark.parametrize("by", [[], [0, 0], [1, -1, 1]])
def test_weights_that_mean_nothing_are_an_error(by: list[int]) -> None:
    with pytest.raises(ValueError, match="weights are whole numbers"):
        split(100, by)


@pytest.mark.parametrize(
    ("text", "ppm"),
    [("10%", 100_000), ("0.5%", 5_000), (" 12.25 % ", 122_500), ("0.0001%", 1), ("0%", 0), ("150%", 1_500_000)],
)
def test_a_rate_is_read_exactly(text: str, ppm: int) -> None:
    assert Rate.parse(text) == Rate(ppm)


@pytest.mark.parametrize("text", ["10", "", "%", "-1%", "1e2%", "0.00001%", "1,5%", "½%", "٣%", "9" * 500 + "%"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(NotARate):
        Rate.parse(text)


@given(st.integers(0, 10**9))
def test_a_rate_is_written_as_it_is_read(ppm: int) -> None:
    assert Rate.parse(str(Rate(ppm))) == Rate(ppm)


@pytest.mark.parametrize("ppm", [-1, 0.1, True])
def test_a_rate_is_never_negative_or_a_float(ppm: int) -> None:
    with pytest.raises(TypeError):
        Rate(ppm)


@pytest.mark.parametrize(
    ("asset", "amount", "text"),
    [
        (USD, 12_500, "125.00 USD"),
        (USD, 5, "0.05 USD"),
        (USD, -5, "-0.05 USD"),
        (USD, 0, "0.00 USD"),
        (CREDITS, 42, "42 CRD"),
        (CREDITS, -42, "-42 CRD"),
        (TFT, 1, "0.0000001 XLM-TFT"),
    ],
)
def test_amounts_as_people_write_them(asset: Asset, amount: int, text: str) -> None:
    assert asset.show(asset.money(amount)) == text
    assert asset.parse(text) == asset.money(amount)


@given(st.integers(-LARGEST, LARGEST), st.integers(0, 18))
def test_what_is_shown_is_read_back(amount: int, exponent: int) -> None:
    asset = Asset("ANY", exponent)
    money = asset.money(amount)
    assert asset.parse(asset.show(money)) == money
    assert asset.parse(asset.digits(amount)) == money


@pytest.mark.parametrize(("text", "amount"), [("125", 12_500), ("125.5", 12_550), (" 7.05  USD ", 705), ("-1", -100)])
def test_people_may_leave_out_what_is_clear(text: str, amount: int) -> None:
    assert USD.parse(text) == USD.money(amount)


@pytest.mark.parametrize(
    "text", ["", "1.234", "1,000", "1.", ".5", "1e3", "USD", "1 EUR", "--1", "+1", "\u0661", "1.00USD", "0x10", "9" * 30]
)
def test_what_is_no_amount_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(NotAnAmount, match=r"write it like 125\.00"):
        USD.parse(text)


def test_credits_have_no_decimals() -> None:
    with pytest.raises(NotAnAmount):
        CREDITS.parse("1.5")


@pytest.mark.parametrize(("code", "exponent"), [("usd", 2), ("U", 2), ("USD", -1), ("USD", 19), ("US D", 2)])
def test_an_asset_has_a_code_and_a_sensible_number_of_decimals(code: str, exponent: int) -> None:
    with pytest.raises(ValueError, match="not an asset"):
        Asset(code, exponent)


def test_different_assets_never_meet() -> None:
    dollars, credit = USD.money(100), CREDITS.money(1)
    for meet in (
        lambda: dollars + credit,
        lambda: dollars - credit,
        lambda: dollars < credit,
        lambda: dollars <= credit,
        lambda: dollars > credit,
        lambda: dollars >= credit,
        lambda: USD.show(credit),
    ):
        with pytest.raises(DifferentAssets, match="USD and CRD"):
            meet()
    assert dollars != Money(100, "CRD")


@given(st.integers(-(10**17), 10**17), st.integers(-(10**17), 10**17))
def test_amounts_of_one_asset_add_and_compare_like_integers(one: int, other: int) -> None:
    a, b = USD.money(one), USD.money(other)
    assert (a + b - b, (a + b).amount, (-a).amount) == (a, one + other, -one)
    assert (a < b, a <= b, a > b, a >= b) == (one < other, one <= other, one > other, one >= other)


@given(st.integers(-LARGEST, LARGEST), fees, weights)
def test_money_divides_as_its_amount_does(amount: int, rate: Rate, by: list[int]) -> None:
    money = USD.money(amount)
    fee, net = money.fee(rate)
    assert fee + net == money
    assert fee == money.share(rate)
    assert tuple(part.amount for part in money.split(by)) == split(amount, by)


@given(st.integers(min_value=LARGEST + 1) | st.integers(max_value=-LARGEST - 1))
def test_what_a_bigint_cannot_hold_is_refused(amount: int) -> None:
    for make in (lambda: Money(amount, "USD"), lambda: bounded(amount)):
        with pytest.raises(AmountTooLarge):
            make()


def test_a_sum_that_overflows_is_refused_and_every_amount_can_be_reversed() -> None:
    most = USD.money(LARGEST)
    with pytest.raises(AmountTooLarge):
        _ = most + USD.money(1)
    lowest = -most
    assert -lowest == most


@pytest.mark.parametrize("amount", [1.0, True, "1", None])
def test_only_whole_numbers_are_amounts(amount: int) -> None:
    with pytest.raises(TypeError, match="whole number of minor units"):
        Money(amount, "USD")


def test_money_in_json_is_an_integer_with_its_currency_beside_it() -> None:
    encoded = msgspec.json.encode(USD.money(12_500))
    assert encoded == b'{"amount":12500,"currency":"USD"}'
    assert msgspec.json.decode(encoded, type=Money) == USD.money(12_500)


@pytest.mark.parametrize(
    "body",
    [
        b'{"amount":125.00,"currency":"USD"}',
        b'{"amount":1e3,"currency":"USD"}',
        b'{"amount":"1","currency":"USD"}',
        b'{"amount":true,"currency":"USD"}',
        b'{"amount":9223372036854775808,"currency":"USD"}',
        b'{"amount":-9223372036854775808,"currency":"USD"}',
        b'{"amount":1,"currency":"usd"}',
        b'{"amount":1,"currency":"USD","exponent":3}',
        b'{"amount":1}',
    ],
)
def test_json_that_is_no_money_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=Money)
