"""What staff see of chargebacks and of the provider's books, over HTTP."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.http import Actor, Page, Paging, operation
from souk.modules.payments import disputes, reconciliation
from souk.modules.payments.books import Day, Difference, DifferencesQuery, Explanation
from souk.modules.payments.capacities import STAFF
from souk.modules.payments.chargebacks import Chargeback, DisputesQuery
from souk.modules.payments.errors import DifferenceExplained, DifferenceNotFound


@operation("GET", "/admin/payments/disputes", who=STAFF)
async def list_chargebacks(tx: Tx, query: DisputesQuery) -> Page[Chargeback]:
    """List the chargebacks of payers' banks, newest first: what was taken, what is owed since, how they ended."""
    return await disputes.chargebacks(tx, query)


@operation("GET", "/admin/reconciliation", who=STAFF)
async def list_reconciliations(tx: Tx, query: Paging) -> Page[Day]:
    """List the days on which the provider's books were compared with the ledger, newest first, and how that came out."""
    return await reconciliation.days(tx, query)


@operation("GET", "/admin/reconciliation/differences", who=STAFF)
async def list_differences(tx: Tx, query: DifferencesQuery) -> Page[Difference]:
    """List where provider and ledger do not agree, newest first."""
    return await reconciliation.differences(tx, query)


@operation(
    "POST",
    "/admin/reconciliation/differences/{difference_id}/explain",
    who=STAFF,
    shared=True,
    idempotent=True,
    refusals=(DifferenceNotFound, DifferenceExplained),
    example={"explanation": "A refund that was made by hand on the provider's own page."},
)
async def explain_difference(tx: Tx, by: Actor, difference_id: UUID, body: Explanation) -> Difference:
    """Close a difference, because you know where it comes from. It is noted in the audit log."""
    return await reconciliation.explain(tx, by, difference_id, body.explanation)
