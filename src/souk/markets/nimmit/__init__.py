"""Nimmit: remote jobs paid with subscription credits and matched by score."""

from souk.kernel.assembly import Market
from souk.kernel.http.guards import Role

NIMMIT = Market(
    "nimmit",
    base="/nimmit/v1",
    title="Nimmit: remote jobs on subscription credits",
    roles=(Role("client"), Role("worker"), Role("admin")),
)
