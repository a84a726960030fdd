"""Go4U: everyday tasks with chat, deals, a wallet, contracts and certificates."""

from souk.kernel.assembly import Market
from souk.kernel.http.guards import Role
from souk.kernel.live import Live, Namespace
from souk.modules import audit, identity, ledger, mail, profiles

GO4U = Market(
    "go4u",
    base="/go4u/api",
    title="Go4U: everyday tasks",
    roles=(
        Role("requester", profiles.CUSTOMER),
        Role("agent", profiles.PROVIDER),
        Role("admin", identity.STAFF | audit.READER | mail.STAFF | profiles.STAFF),
    ),
    modules=(mail.MODULE, audit.MODULE, identity.MODULE, profiles.MODULE, ledger.MODULE),
    rules=(identity.Rules(sign_up=("requester", "agent"), several_roles=True), ledger.Assets((ledger.EUR,))),
    live=Live((Namespace(path="/"),)),
)
