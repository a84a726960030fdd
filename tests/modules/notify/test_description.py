"""The description of the API shows notifications as they come, and asks for what it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from souk.app.application import operations_of
from souk.kernel.config import Settings
from souk.kernel.http.openapi import describe
from tests.modules.notify.club import CLUB

MADE_UP = json.dumps("text")
"""What is shown for a text of which nobody said what it looks like."""


@pytest.fixture
def operations() -> dict[str, Any]:
    examples = {kind: example for module in CLUB.modules for kind, example in module.examples.items()}
    document = describe(CLUB.title, CLUB.base, operations_of(CLUB, Settings.load({})), CLUB.roles, examples=examples)
    found = {f"{method} {path}": each for path, methods in document["paths"].items() for method, each in methods.items()}
    return {name: each for name, each in found.items() if "notify" in each["tags"]}


def test_every_contract_finds_its_addresses(operations: dict[str, Any]) -> None:
    assert set(operations) == {
        "get /notifications",
        "get /notifications/unread-count",
        "patch /notifications/{notificationId}/read",
        "patch /notifications/read-all",
        "get /notifications/vapid-key",
        "post /notifications/push-subscriptions",
        "delete /notifications/push-subscriptions",
        "get /devices",
        "post /devices",
        "delete /devices/{deviceId}",
        "get /users/me/notification-preferences",
        "put /users/me/notification-preferences",
        "get /notifications/unsubscribe",
        "post /notifications/unsubscribe",
        "get /admin/notifications/deliveries",
    }


def test_every_answer_is_shown_as_it_comes(operations: dict[str, Any]) -> None:
    shown = {
        name: content["example"].get("data")
        for name, operation in operations.items()
        for status, response in operation["responses"].items()
        if status.startswith("2")
        for content in response.get("content", {}).values()
        if "example" in content
    }
    assert [name for name, example in shown.items() if MADE_UP in json.dumps(example)] == []
    assert shown["get /notifications"][0]["title"] == "Bo wrote to you"
    assert shown["get /notifications/unread-count"] == {"unread": 3}
