"""Grome: barber appointments with calendar, map, commission and payouts."""

from souk.kernel.assembly import Market
from souk.kernel.http.guards import Role

GROME = Market(
    "grome",
    base="/grome/api/v1",
    title="Grome: barber appointments",
    roles=(Role("customer"), Role("barber"), Role("admin")),
)
