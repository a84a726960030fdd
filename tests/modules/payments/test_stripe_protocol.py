"""The server that stands in for Stripe is as strict as Stripe: it takes what the SDK's types allow, and nothing else."""

from __future__ import annotations

from typing import Any, get_args, get_origin

import httpx
import pytest
from typing_extensions import is_typeddict

from tests.doubles.stripe_server import KEY, found, nested, routes
from tests.doubles.stripe_server.forms import fields
from tests.modules.payments.stripes import World, world

HEADERS = {"Authorization": f"Bearer {KEY}", "Stripe-Version": "2026-10-28", "Content-Type": "application/x-www-form-urlencoded"}


async def post(opened: World, path: str, form: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=opened.server.url) as client:
        return await client.post(path, content=form, headers=HEADERS | headers)


def test_every_route_of_the_sdk_has_parameters_that_can_be_read() -> None:
    plain = {str, int, float, bool}
    seen: set[Any] = set()
    for route in routes():
        if route.params is not None and route.subject in {"payment_intent", "account", "checkout_session", "balance_transaction"}:
            waiting: list[Any] = [route.params]
            while waiting:
                kind = waiting.pop()
                if is_typeddict(kind):
                    waiting += [] if kind in seen else fields(kind).values()
                    seen.add(kind)
                elif get_origin(kind) is not None:
                    waiting += [inner for inner in get_args(kind) if not isinstance(inner, str)]
                else:
                    assert kind in plain or kind.__name__ in ("Any", "Decimal"), kind
    assert len(routes()) > 500
    assert len(seen) > 500


def test_a_route_is_found_with_its_ids() -> None:
    match = found("POST", "/v1/transfers/tr_1/reversals")
    assert match is not None
    assert (match[0].subject, match[0].verb, match[1]) == ("transfer_reversal", "create", ("tr_1",))
    search = found("GET", "/v1/payment_intents/search")
    assert search is not None
    assert search[0].verb == "search"
    assert found("POST", "/v1/nothing") is None


def test_flat_names_become_deep() -> None:
    pairs = [("a", "1"), ("b[c]", "2"), ("b[d][0][e]", "3"), ("expand[]", "x")]
    assert nested(pairs) == {"a": "1", "b": {"c": "2", "d": {"0": {"e": "3"}}}, "expand": {"": "x"}}


@pytest.mark.parametrize(
    ("path", "form", "code", "param"),
    [
        ("/v1/payment_intents", "amount=100&currency=usd&payment_method_types[0]=card", "parameter_unknown", "payment_method_types"),
        ("/v1/payment_intents", "amount=100", "parameter_missing", "currency"),
        ("/v1/payment_intents", "amount=1.5&currency=usd", "parameter_invalid_integer", "amount"),
        ("/v1/payment_intents", "amount=100&currency=usd&confirm=yes", "parameter_invalid", "confirm"),
        ("/v1/payment_intents", "amount=100&currency=usd&expand=latest_charge", "parameter_invalid", "expand"),
        ("/v1/payment_intents", "amount=100&currency=usd&idempotency_key=k", "parameter_unknown", "idempotency_key"),
        ("/v1/accounts", "controller[fees][who]=x", "parameter_unknown", "controller[fees][who]"),
        ("/v1/refunds", "payment_intent=pi_1&origin=elsewhere", "parameter_invalid", "origin"),
        ("/v1/checkout/sessions", "line_items[0][cost]=5", "parameter_unknown", "line_items[0][cost]"),
        ("/v1/customers", "metadata=x&email=a@example.com", "parameter_invalid", "metadata"),
        ("/v1/transfers", "amount=100&currency=&destination=acct_1", "parameter_invalid_empty", "currency"),
    ],
)  # fmt: skip
async def test_what_the_types_of_the_sdk_do_not_allow_is_refused(path: str, form: str, code: str, param: str) -> None:
    async with world() as opened:
        answer = await post(opened, path, form)
        error = answer.json()["error"]
        assert (answer.status_code, error["type"], error["code"], error["param"]) == (400, "invalid_request_error", code, param)


async def test_a_request_without_a_good_key_or_a_version_is_refused() -> None:
    async with world() as opened:
        assert (await post(opened, "/v1/customers", "", Authorization="Bearer sk_test_other")).status_code == 401
        assert (await post(opened, "/v1/customers", "", **{"Stripe-Version": ""})).status_code == 400
        assert (await post(opened, "/v1/customers", "{}", **{"Content-Type": "application/json"})).status_code == 400
        assert (await post(opened, "/v1/customers", "")).status_code == 200
        assert (await post(opened, "/v1/unheard_of", "")).status_code == 404


async def test_what_is_made_for_the_platform_is_not_made_for_an_account() -> None:
    async with world() as opened:
        answer = await post(opened, "/v1/customers", "", **{"Stripe-Account": "acct_1"})
        assert answer.status_code == 400
