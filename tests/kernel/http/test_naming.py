"""Wrong bodies: every wrong field is named, with what would be right."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta

from souk.kernel.http.naming import Unreadable, body_refusal, problems, walk
from souk.kernel.record import Record


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Item(Record):
    unit_price: Annotated[int, Meta(ge=1, le=1000)]
    name: Annotated[str, Meta(min_length=1, max_length=5)]
    colour: Colour = Colour.RED


class Card(Record, tag="card"):
    digits: Annotated[str, Meta(pattern=r"^\d{4}$")]


class Wallet(Record, tag="wallet"):
    wallet_id: UUID


Digits = Annotated[str, Meta(pattern=r"^\d{4}$", extra={"expected": "four digits"})]


class Pin(Record, kw_only=True):
    pin: Digits
    again: Digits | None = None


class Tree(Record):
    children: tuple[Tree, ...] = ()
    weight: float | None = None


class Order(Record):
    items: Annotated[list[Item], Meta(min_length=1, max_length=3)]
    pay: Card | Wallet
    due: datetime | None = None
    notes: Annotated[dict[str, Annotated[str, Meta(max_length=3)]], Meta(max_length=4)] = msgspec.field(default_factory=dict)
    size: tuple[int, int] | None = None
    kind: Literal["fast", "slow", 3] = "fast"
    tags: frozenset[str] = frozenset()
    tree: Tree | None = None
    counts: dict[int, int] = msgspec.field(default_factory=dict)
    extra: Any = None
    flag: bool | int = False


def said(body: bytes, kind: Any) -> dict[str, str]:
    return {p.field: p.problem for p in problems(body, kind)}


GOOD = b'{"items":[{"unitPrice":3,"name":"a"}],"pay":{"type":"card","digits":"1234"}}'


def test_a_right_body_has_no_problem() -> None:
    assert problems(GOOD, Order) == []


def test_every_wrong_field_is_named_with_its_path_and_what_is_expected() -> None:
    body = b"""{"items":[{"unitPrice":3,"name":"a"},{"unitPrice":0,"name":"","colour":"green"},{"unit_price":"x","nam":"b"}],
      "pay":{"type":"card","digits":"12"},"due":"tomorrow","notes":{"a":"long text"},"size":[1],"kind":"medium","flag":"no"}"""
    assert said(body, Order) == {
        "items[1].unitPrice": "must be a whole number from 1 to 1000",
        "items[1].name": "must be text of 1 to 5 characters; this has 0",
        "items[1].colour": "must be one of red, blue",
        "items[2].unit_price": "is not known here; did you mean unitPrice?",
        "items[2].nam": "is not known here; did you mean name?",
        "items[2].unitPrice": "is required: a whole number from 1 to 1000",
        "items[2].name": "is required: text of 1 to 5 characters",
        "pay.digits": "must be text of the form ^\\d{4}$",
        "due": "must be a date and time with its offset, such as 2026-11-21T09:30:00Z or null, not text",
        "notes.a": "must be text of at most 3 characters; this has 9",
        "size": "must be a list of 2 or null, not a list",
        "kind": "must be one of 3, fast, slow",
        "flag": "must be true or false or a whole number, not text",
    }


@pytest.mark.parametrize(
    ("body", "kind", "field", "problem"),
    [
        (b"[]", Order, "", "must be an object, not a list"),
        (b"{}", Item, "unitPrice", "is required: a whole number from 1 to 1000"),
        (b'{"unitPrice":"3","name":"a"}', Item, "unitPrice", "must be a whole number from 1 to 1000, not text"),
        (b'{"unitPrice":3.5,"name":"a"}', Item, "unitPrice", "must be a whole number from 1 to 1000"),
        (b'{"unitPrice":null,"name":"a"}', Item, "unitPrice", "must be a whole number from 1 to 1000, not null"),
        (b'{"digits":1}', Card | Wallet, "type", "is required: one of card, wallet"),
        (b'{"type":"cash"}', Card | Wallet, "type", "must be one of card, wallet"),
        (b'{"type":"wallet","walletId":"7"}', Card | Wallet, "walletId", "must be a UUID such as 0190163d-8694-739b-aea5-966c26f8ad91"),
        (b'{"type":"wallet","digits":"1234"}', Card, "type", "must be card"),
        (b"[[1],[]]", Annotated[list[list[int]], Meta(max_length=1)], "", "must be a list of at most 1 item; this has 2"),
        (b'[1,"2"]', list[int], "[1]", "must be a whole number, not text"),
        (b"[1,2,[]]", tuple[int, str, bool], "[1]", "must be text, not a number"),
        (b'{"x":1}', dict[int, int], "x", "this key must be a whole number"),
        (b'{"a":1,"b":2}', Annotated[dict[str, int], Meta(max_length=1)], "", "must be an object of at most 1 entry; this has 2"),
        (b"[1]", Annotated[list[int], Meta(min_length=2)], "", "must be a list of at least 2 items; this has 1"),
        (b"7", Annotated[float, Meta(gt=7, multiple_of=0.5)], "", "must be a number above 7, a multiple of 0.5"),
        (b'{"weight":1e999}', Tree, "weight", "number out of range"),
        (b'{"pin":"12"}', Pin, "pin", "must be four digits"),
        (b"{}", Pin, "pin", "is required: four digits"),
        (b'{"pin":"1234","again":"12"}', Pin, "again", "must be four digits or null"),
    ],
)
def test_a_wrong_value_is_explained(body: bytes, kind: Any, field: str, problem: str) -> None:
    assert said(body, kind).get(field) == problem


def test_a_rule_of_the_value_itself_is_told_in_its_own_words() -> None:
    class Span(Record):
        start: int
        end: int

        def __post_init__(self) -> None:
            if self.end < self.start:
                raise ValueError("the end is before the start")

    assert said(b'{"start":3,"end":2}', Span) == {"": "the end is before the start"}


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a":1}x', b"\xef\xbb\xbf{}", b'{"a":"\xff"}', b"[" * 100_000, b'{"children":' * 20_000, b"NaN", b'"\\ud800"']
)
@pytest.mark.parametrize("kind", [Order, Tree, Any, list[Any]])
def test_what_is_no_json_is_malformed_not_invalid(body: bytes, kind: Any) -> None:
    refusal = body_refusal(body, kind)
    assert refusal.status == 400
    assert refusal.code == "MALFORMED_BODY"


def test_a_body_wrong_everywhere_costs_a_bounded_answer() -> None:
    assert len(problems(b"[" + b'"x",' * 200_000 + b"1]", list[int])) == 50
    assert len(problems(b"[" + b"1," * 200_000 + b'"x"]', list[int])) == 1


def test_a_deep_value_is_judged_without_falling_over() -> None:
    deep = b'{"children":[' * 200 + b'{"weight":"x"}' + b"]}" * 200
    assert problems(deep, Tree)[0].problem


class Open(Record, forbid_unknown_fields=False):
    x: int = 0


@given(st.binary(max_size=40) | st.sampled_from([b'{"y":1e999,"x', b'{"y":1e999,"x":"\xff"}', b'{"y":1e999,"x":"a"}', b'{"y":1e999}']))
def test_no_bytes_do_more_than_be_refused(body: bytes) -> None:
    for kind in (Order, Open, list[Item]):
        with suppress(Unreadable):
            assert isinstance(problems(body, kind), list)


def test_secrets_are_not_repeated() -> None:
    assert "hunter2" not in str(problems(b'{"unitPrice":"hunter2","name":"hunter2hunter2","colour":"hunter2"}', Item))


def test_the_refusal_lists_fields_for_the_client() -> None:
    refusal = body_refusal(b"{}", Card)
    assert refusal.status == 422
    assert msgspec.to_builtins(refusal.details()) == {"fields": [{"field": "digits", "problem": "is required: text of the form ^\\d{4}$"}]}


# Any JSON at all

leaf = st.none() | st.booleans() | st.integers(-5, 1500) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6)
leaf |= st.sampled_from(["red", "card", "wallet", "fast", "1234", "2026-11-21T09:30:00Z", "0190163d-8694-739b-aea5-966c26f8ad91", "1"])
names = st.sampled_from(
    [*(name for kind in (Item, Card, Wallet, Tree, Order) for name in kind.__struct_encode_fields__), "type", "other", "unit_price", "1"]
)
anything = st.recursive(leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6), max_leaves=25)


def bent(kind: Any) -> st.SearchStrategy[Any]:
    """Objects that are nearly a `kind`: each field right by its name, and anything in it."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys((*kind.__struct_encode_fields__, "type", "other"), anything))


def nearly() -> st.SearchStrategy[Any]:
    item = st.fixed_dictionaries({"unitPrice": st.integers(0, 5) | leaf, "name": st.text(max_size=6)}, optional={"colour": leaf, "x": leaf})
    pay = st.fixed_dictionaries({"type": st.sampled_from(["card", "wallet"]) | leaf}, optional={"digits": leaf, "walletId": leaf})
    tree: st.SearchStrategy[Any] = st.deferred(lambda: st.fixed_dictionaries({}, optional={"children": st.lists(tree), "weight": leaf}))
    rest = {"due": leaf, "notes": st.dictionaries(names, leaf), "size": st.lists(st.integers(), max_size=3), "kind": leaf, "flag": leaf}
    more = {"tags": st.lists(leaf), "tree": tree, "counts": st.dictionaries(st.sampled_from(["1", "x"]), leaf), "extra": anything}
    return st.fixed_dictionaries({"items": st.lists(item | leaf, max_size=4), "pay": pay | leaf}, optional={**rest, **more})


KINDS = [Order, Item, Card | Wallet, Tree, list[Item], dict[str, Item] | None, Card]


@settings(max_examples=400, deadline=None)
@given(anything | nearly() | bent(Item) | bent(Tree) | bent(Card), st.sampled_from(KINDS))
def test_the_walk_finds_something_wrong_exactly_when_msgspec_does(value: Any, kind: Any) -> None:
    body = msgspec.json.encode(value)
    try:
        msgspec.json.decode(body, type=kind)
        right = True
    except msgspec.ValidationError:
        right = False
    found = walk(msgspec.json.decode(body), kind)
    assert (found == []) is right, found
    assert problems(body, kind) == found
