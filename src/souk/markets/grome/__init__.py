"""Grome: barber appointments with calendar, map, commission and payouts."""

from datetime import timedelta

from souk.kernel.assembly import Market
from souk.kernel.http.guards import Role
from souk.kernel.live import Live, Namespace
from souk.modules import audit, identity, ledger, mail, profiles

GROME = Market(
    "grome",
    base="/grome/api/v1",
    title="Grome: barber appointments",
    roles=(
        Role("customer", profiles.CUSTOMER),
        Role("barber", profiles.PROVIDER),
        Role("admin", identity.STAFF | audit.READER | mail.STAFF | profiles.STAFF),
    ),
    modules=(mail.MODULE, audit.MODULE, identity.WITH_CODES, profiles.MODULE, ledger.MODULE),
    rules=(
        identity.Rules(
            sign_up=("customer", "barber"),
            by=frozenset({"email", "phone"}),
            refresh_life=timedelta(days=30),
            languages=("en", "fr", "ar"),
        ),
        ledger.Assets((ledger.EUR,)),
    ),
    live=Live((Namespace(path="/"),)),
)
