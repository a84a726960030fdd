"""Tulifo: freelance projects with bids, bookings, escrow and disputes."""

from souk.kernel.assembly import Market
from souk.kernel.http.guards import Role
from souk.kernel.live import Live, Namespace
from souk.kernel.money import Rate
from souk.modules import admin, audit, identity, ledger, mail, payments

TULIFO = Market(
    "tulifo",
    base="/tulifo/api",
    title="Tulifo: freelance projects",
    roles=(
        Role("client", payments.PAYER),
        Role("worker", payments.PAYEE),
        Role("admin", identity.STAFF | audit.READER | mail.STAFF | payments.STAFF | admin.STAFF),
    ),
    modules=(mail.MODULE, audit.MODULE, identity.MODULE, ledger.MODULE, payments.MODULE, admin.MODULE),
    rules=(identity.Rules(sign_up=("client", "worker")), ledger.Assets((ledger.USD,)), payments.Rules(fee=Rate.parse("10%"))),
    live=Live((Namespace(path="/", says=payments.SAYS),)),
)
