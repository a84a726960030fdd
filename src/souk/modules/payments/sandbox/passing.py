"""Time passes: what banks do by themselves, when it is due."""

from __future__ import annotations

from typing import Any

from souk.modules.payments.sandbox import buying, paying, returning, sending
from souk.modules.payments.sandbox import objects as o
from souk.modules.payments.sandbox.asking import Params
from souk.modules.payments.sandbox.cards import behind
from souk.modules.payments.sandbox.counter import Counter
from souk.modules.payments.sandbox.desk import Desk
from souk.modules.payments.sandbox.store import Kept

NONE: Params = {}


async def work(counter: Counter, at_once: int) -> int:
    """Do what is due, the longest overdue first; says how many things it did."""
    due = await counter.store.due(counter.now(), at_once)
    for kept in due:
        await go_on(counter, kept)
    return len(due)


async def go_on(counter: Counter, kept: Kept) -> None:
    """Do what is due for one object."""
    await counter.do(o.Object, move_on, NONE, None, kept.kind, kept.id, account=kept.account)


async def move_on(desk: Desk, kind: str, object_id: str) -> Any:  # noqa: C901 - a line for each thing that can be due
    """Whatever comes next for that object. Somebody else may have done it meanwhile."""
    thing = await desk.get(o.KINDS[kind], object_id)
    if not desk.is_due(thing):
        return thing
    desk.done(thing)
    match thing:
        case o.PaymentIntent(status="processing", latest_charge=str(charge_id)):
            await paying.come_through(desk, thing, await desk.get(o.Charge, charge_id))
        case o.PaymentIntent(status="requires_capture"):
            paying.let_go(desk, thing, "automatic")
        case o.Charge(disputed=False) if thing.amount_captured > thing.amount_refunded:
            returning.dispute_charge(desk, thing, behind(thing.payment_method_details.card).disputed)
        case o.Refund(status="pending"):
            returning.settle_refund(desk, thing)
        case o.Refund(status="succeeded"):
            await returning.fail_refund(desk, thing.id)
        case o.Dispute(status="needs_response" | "under_review"):
            won = thing.status == "under_review" and "winning_evidence" in thing.evidence.values()
            await returning.decide_dispute(desk, thing.id, won=won)
        case o.Payout():
            await sending.move_payout(desk, thing, desk.account)
        case o.Session(status="open"):
            await buying.expire_checkout_session(desk, thing.id)
        case o.Subscription(status="active" | "past_due"):
            await (buying.cancel_subscription if thing.cancel_at_period_end else buying.renew)(desk, thing.id)
        case _:
            pass
    return thing
