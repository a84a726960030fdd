"""Go4U: everyday tasks with chat, deals, a wallet, contracts and certificates."""

from souk.kernel.assembly import Market
from souk.kernel.http.guards import Role

GO4U = Market(
    "go4u",
    base="/go4u/api",
    title="Go4U: everyday tasks",
    roles=(Role("requester"), Role("agent"), Role("admin")),
)
