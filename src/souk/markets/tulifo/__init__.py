"""Tulifo: freelance projects with bids, bookings, escrow and disputes."""

from souk.kernel.assembly import Market
from souk.kernel.http.guards import Role
from souk.kernel.live import Live, Namespace
from souk.modules import audit, identity, ledger, mail

TULIFO = Market(
    "tulifo",
    base="/tulifo/api",
    title="Tulifo: freelance projects",
    roles=(Role("client"), Role("worker"), Role("admin", identity.STAFF | audit.READER | mail.STAFF)),
    modules=(mail.MODULE, audit.MODULE, identity.MODULE, ledger.MODULE),
    rules=(identity.Rules(sign_up=("client", "worker")), ledger.Assets((ledger.USD,))),
    live=Live((Namespace(path="/"),)),
)
