"""Roles, capacities, and who may do what."""

from __future__ import annotations

from uuid import uuid4

import pytest

from souk.kernel.http.guards import ANYONE, MEMBER, Actor, Role, Who, capacities_of, roles_allowed, who
from souk.kernel.http.tokens import Tokens

CUSTOMER, PROVIDER, STAFF = who("customer"), who("provider"), who("staff")
ROLES = (Role("requester", CUSTOMER), Role("agent", CUSTOMER | PROVIDER), Role("admin", STAFF), Role("node_operator"))


@pytest.mark.parametrize(
    ("allowed", "roles"),
    [
        (CUSTOMER, {"requester", "agent"}),
        (PROVIDER, {"agent"}),
        (PROVIDER | STAFF, {"agent", "admin"}),
        (who("node_operator"), {"node_operator"}),
        (who("nobody"), set()),
        (MEMBER, {"requester", "agent", "admin", "node_operator"}),
        (ANYONE, {"requester", "agent", "admin", "node_operator"}),
    ],
)
def test_an_operation_is_open_to_the_roles_that_have_its_capacity(allowed: Who, roles: set[str]) -> None:
    assert roles_allowed(allowed, ROLES) == roles


def test_a_person_may_what_any_of_their_roles_allows() -> None:
    tokens = Tokens("go4u", {"1": b"k" * 32}, ROLES)
    sent = Actor(uuid4(), frozenset({"requester", "agent"}), uuid4(), "go4u")
    person = tokens.actor(b"Bearer " + tokens.issue(sent).encode())
    assert person.may(PROVIDER)
    assert person.may(CUSTOMER | STAFF)
    assert person.may(who("agent"))
    assert not person.may(STAFF)
    assert person.capacities == capacities_of(sent.roles, ROLES) == {"customer", "provider"}


def test_a_role_that_the_market_does_not_have_gives_nothing() -> None:
    assert capacities_of(frozenset({"emperor"}), ROLES) == frozenset()
