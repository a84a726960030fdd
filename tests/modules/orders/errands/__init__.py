"""Errands: wishes, visits that are paid by card, and chores that are paid in credits. A market of everything that lessons have not.

A visit takes its wish along, and writes the worker's hours into a table of the market's own. Its money is reserved first, and captured
when the worker agrees. A chore is offered around by the clock, taken by whoever comes first, and earned by the platform, which pays
its worker. A meter reports what it has counted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from souk.kernel.assembly import Market, Module
from souk.kernel.http.guards import Role
from souk.modules import admin, audit, identity, ledger, mail, orders, payments
from tests.modules.orders.errands.chores import CHORE
from tests.modules.orders.errands.people import FEE
from tests.modules.orders.errands.visits import VISITS, MeterRead
from tests.modules.orders.errands.wishes import WISH

__all__ = ["ASSETS", "ERRANDS", "SALES", "MeterRead"]

SALES = orders.sells(orders.Sold(WISH, "wishes"), orders.Sold(VISITS, "visits"), orders.Sold(CHORE, "chores"), facts=(MeterRead,))
SLOTS: Final = Module("errands", Path(__file__).parent)
ASSETS: Final = ledger.Assets((ledger.USD, ledger.EUR, ledger.CRD))
ERRANDS: Final = Market(
    "errands",
    base="/errands/api",
    title="Errands: everything else",
    roles=(
        Role("client", payments.PAYER),
        Role("worker", payments.PAYEE),
        Role("admin", identity.STAFF | audit.READER | mail.STAFF | payments.STAFF | admin.STAFF),
    ),
    modules=(mail.MODULE, audit.MODULE, identity.MODULE, ledger.MODULE, payments.MODULE, SALES.module, admin.MODULE, SLOTS),
    rules=(identity.Rules(sign_up=("client", "worker")), ASSETS, payments.Rules(fee=FEE), SALES.processes),
)
