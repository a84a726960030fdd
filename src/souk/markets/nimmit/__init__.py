"""Nimmit: remote jobs paid with subscription credits and matched by score."""

from souk.kernel.assembly import Market, module
from souk.kernel.http.guards import Role, who
from souk.kernel.live import Live, Namespace
from souk.markets.nimmit import engine_room, money
from souk.modules import admin, audit, identity, ledger, mail, payments

NIMMIT = Market(
    "nimmit",
    base="/nimmit/v1",
    title="Nimmit: remote jobs on subscription credits",
    roles=(
        Role("client", payments.PAYER),
        Role("worker", payments.PAYEE),
        Role("admin", identity.STAFF | audit.READER | mail.STAFF | payments.STAFF | admin.STAFF),
    ),
    modules=(mail.MODULE, audit.MODULE, identity.MODULE, ledger.MODULE, payments.MODULE, module("nimmit", money, engine_room)),
    rules=(
        identity.Rules(sign_up=("client", "worker"), password=identity.MIXED, refresh_in_body=False),
        ledger.Assets((ledger.USD, ledger.CRD)),
        payments.Rules(),
    ),
    live=Live(
        (
            Namespace(path="/jobs", says=payments.SAYS),
            Namespace(path="/messages"),
            Namespace(path="/admin", who=who("admin"), says=payments.SAYS_TO_STAFF),
        )
    ),
)
