"""Grid: cloud capacity paid by card or on chain, deployed on chain, and the onboarding of nodes."""

from souk.kernel.assembly import Market
from souk.kernel.http.guards import Role

GRID = Market(
    "grid",
    base="/grid/v1",
    title="Grid: decentralised cloud capacity",
    roles=(Role("user"), Role("node_operator"), Role("dashboard_operator"), Role("admin")),
)
