"""The markets that come with Souk are declared as their contracts say."""

from __future__ import annotations

import pytest

from souk.markets import DEMONSTRATION, MARKETS

CONTRACTS = {
    "tulifo": ("/tulifo/api", ["client", "worker", "admin"]),
    "nimmit": ("/nimmit/v1", ["client", "worker", "admin"]),
    "go4u": ("/go4u/api", ["requester", "agent", "admin"]),
    "grome": ("/grome/api/v1", ["customer", "barber", "admin"]),
    "grid": ("/grid/v1", ["user", "node_operator", "dashboard_operator", "admin"]),
}


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_market_has_the_base_path_and_the_roles_of_its_contract(name: str) -> None:
    base, roles = CONTRACTS[name]
    assert (MARKETS[name].base, [role.name for role in MARKETS[name].roles]) == (base, roles)


def test_there_are_five_and_none_of_them_is_the_sample() -> None:
    assert set(MARKETS) == set(CONTRACTS)
    assert set(DEMONSTRATION) == {"sample"}
