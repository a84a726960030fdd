"""Grid: cloud capacity paid by card or on chain, deployed on chain, and the onboarding of nodes."""

from souk.kernel.assembly import Market
from souk.kernel.http.guards import Role
from souk.kernel.live import Live, Namespace
from souk.modules import audit, identity, ledger, mail

GRID = Market(
    "grid",
    base="/grid/v1",
    title="Grid: decentralised cloud capacity",
    roles=(
        Role("user"),
        Role("node_operator"),
        Role("dashboard_operator", identity.STAFF | audit.READER | mail.STAFF),
        Role("admin", identity.STAFF | audit.READER | mail.STAFF),
    ),
    modules=(mail.MODULE, audit.MODULE, identity.MODULE, ledger.MODULE),
    rules=(identity.Rules(sign_up=("user", "node_operator")), ledger.Assets((ledger.USD, ledger.USDC, ledger.TFT))),
    live=Live((Namespace(path="/"),)),
)
