"""Tulifo: freelance projects with bids, bookings, escrow and disputes."""

from souk.kernel.assembly import Market
from souk.kernel.http.guards import Role

TULIFO = Market(
    "tulifo",
    base="/tulifo/api",
    title="Tulifo: freelance projects",
    roles=(Role("client"), Role("worker"), Role("admin")),
)
