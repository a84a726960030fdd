"""What a developer has the sandbox do: what a payer's browser does, what goes wrong with calls and events, what banks think of later.

Development only. Ids are the market's own; what a bank does reaches the market as it would in life, by an event.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from difflib import get_close_matches
from typing import Annotated, Final, TypeVar
from uuid import UUID

from msgspec import Meta
from msgspec.structs import replace

from souk.kernel.db import Database
from souk.kernel.errors import Refusal
from souk.kernel.http import ANYONE, invalid, operation
from souk.kernel.record import Record
from souk.modules.payments.model import Minor
from souk.modules.payments.providers import Till
from souk.modules.payments.sandbox import objects as o
from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.cards import BY_NUMBER, CARDS
from souk.modules.payments.sandbox.errors import BankError
from souk.modules.payments.sandbox.faults import Fault
from souk.modules.payments.sandbox.mischief import QUIET, Mischief, PlannedFault, SharedFaults
from souk.modules.payments.sandbox.pages import ClientSecret, PageNotFound, bank_of, secret_thing
from souk.modules.payments.sql import paying, payouts, refunding

T = TypeVar("T")
TAGS: Final = ("development",)
VERBS: Final = ("create_", "confirm_", "capture_", "cancel_", "retrieve_", "list_", "update_", "attach_", "detach_")
CALLS: Final = tuple(sorted(name for name in vars(Bank) if name.startswith(VERBS)))
"""The calls that a market may make, by their names: each can be made to fail."""


class NotInSandbox(Refusal, status=404, message="The sandbox knows nothing of that id; what never reached it cannot go wrong there."):
    """No such payment, refund, payout or dispute, or the market pays by somebody else."""


class SandboxRefused(Refusal, status=409, message="The sandbox cannot do that now: {reason}"):
    """What is asked for does not follow from how it stands."""

    reason: str


class CardDeclined(Refusal, status=402, message="{reason}"):
    """What the payer's browser is told when their bank says no."""

    reason: str
    decline: str


# The payer's browser

Number = Annotated[str, Meta(min_length=1, max_length=100, description="A test card, by number or name.", examples=["4242424242424242"])]


class InBrowser(Record):
    """What the payer does: a card is typed in; or, where their bank asks whether it is them, the answer."""

    card: Number | None = None
    passed: bool | None = None


class WentInBrowser(Record):
    """How far it came."""

    id: str
    status: str
    next_url: str | None


@operation(
    "POST",
    "/sandbox/payments/{client_secret}/confirm",
    who=ANYONE,
    idempotent=False,
    shared=True,
    refusals=(PageNotFound, CardDeclined, SandboxRefused),
    example={"card": "4242424242424242"},
    tags=TAGS,
)
async def pay_in_browser(database: Database, till: Till, client_secret: ClientSecret, body: InBrowser) -> WentInBrowser:
    """Do what the provider's library does in a payer's browser: pay by a test card, or save it. What became of it is told by an event.

    Where the status is `requires_action`, send `{"passed": true}` or `{"passed": false}` next.
    """
    bank = bank_of(database, till)
    thing = await secret_thing(bank, client_secret)
    if (body.card is None) is (body.passed is None):
        raise invalid("card", "is needed, or `passed` in its place; not both")
    thing = await told(_answer(bank, thing, passed=body.passed) if body.passed is not None else _pay(bank, thing, body.card or ""))
    last = thing.last_payment_error if isinstance(thing, o.PaymentIntent) else thing.last_setup_error
    if thing.status == "requires_payment_method" and last is not None:
        raise CardDeclined(reason=last.message, decline=last.decline_code or last.code)
    return WentInBrowser(thing.id, thing.status, thing.next_action.redirect_to_url.url if thing.next_action else None)


async def opens_in_sandbox(database: Database, till: Till, client_secret: str) -> bool:
    """Whether that secret is of the market's sandbox."""
    try:
        await secret_thing(bank_of(database, till), client_secret)
    except PageNotFound:
        return False
    return True


async def _pay(bank: Bank, thing: o.PaymentIntent | o.SetupIntent, card: str) -> o.PaymentIntent | o.SetupIntent:
    name = card if card in CARDS else BY_NUMBER.get(card.replace(" ", ""))
    if name is None:
        raise invalid("card", f"is no test card; some are {', '.join(list(BY_NUMBER)[:4])}, and the page of the payment lists all")
    asked = {"payment_method": name}
    return await (bank.confirm_setup_intent if isinstance(thing, o.SetupIntent) else bank.confirm_payment_intent)(thing.id, asked)


async def _answer(bank: Bank, thing: o.PaymentIntent | o.SetupIntent, *, passed: bool) -> o.PaymentIntent | o.SetupIntent:
    return await (bank.complete_setup if isinstance(thing, o.SetupIntent) else bank.complete_action)(thing.id, passed=passed)


# Calls and events that go wrong


class NewFault(Record):
    """What is to go wrong with the next calls of a name."""

    fault: Annotated[Fault, Meta(description="`_before` means that nothing happened, `_after` that it happened and nobody heard.")]
    call: Annotated[str, Meta(max_length=60, description="The bank's name for a call.", examples=["create_payment_intent"])]
    times: Annotated[int, Meta(ge=1, le=1000)] = 1


class Telling(Record):
    """How events reach the market from now on."""

    late_seconds: Annotated[int, Meta(ge=0, le=30 * 86400, description="How long after it happened an event is sent.")] = 0
    copies: Annotated[int, Meta(ge=1, le=10, description="How often each is sent.")] = 1
    shuffled: Annotated[bool, Meta(description="Whether they come in any order, within a minute.")] = False


class PlannedCall(Record):
    """A fault that has not come true yet."""

    fault: Fault
    call: str
    times: int


class Asked(Record):
    """All that goes wrong in this market's sandbox, in every process."""

    calls: list[PlannedCall]
    events: Telling


@operation("GET", "/sandbox/faults", who=ANYONE, refusals=(NotInSandbox,), tags=TAGS)
async def read_faults(database: Database, till: Till) -> Asked:
    """What goes wrong in the sandbox: with which calls, and with its events."""
    return shown(await faults_of(database, till).asked_for())


@operation(
    "POST",
    "/sandbox/faults",
    who=ANYONE,
    idempotent=False,
    refusals=(NotInSandbox,),
    example={"fault": "timeout_after", "call": "create_payment_intent", "times": 1},
    tags=TAGS,
)
async def plan_fault(database: Database, till: Till, body: NewFault) -> Asked:
    """Let the next calls of a name go wrong, in whichever process they are made."""
    if body.call not in CALLS:
        like = get_close_matches(body.call, CALLS, 3) or CALLS
        raise invalid("call", f"is no call of the sandbox; did you mean {' or '.join(like)}?")
    wanted = PlannedFault(body.fault, body.call, body.times)
    return shown(await faults_of(database, till).plan(lambda now: replace(now, calls=[*now.calls, wanted])))


@operation(
    "PUT",
    "/sandbox/events",
    who=ANYONE,
    refusals=(NotInSandbox,),
    example={"lateSeconds": 30, "copies": 2, "shuffled": True},
    tags=TAGS,
)
async def plan_events(database: Database, till: Till, body: Telling) -> Asked:
    """Let events come late, several times, or in any order, until this is said otherwise."""
    late = timedelta(seconds=body.late_seconds)
    planned = await faults_of(database, till).plan(lambda now: replace(now, late=late, copies=body.copies, shuffled=body.shuffled))
    return shown(planned)


@operation("DELETE", "/sandbox/faults", who=ANYONE, status=204, refusals=(NotInSandbox,), tags=TAGS)
async def forget_faults(database: Database, till: Till) -> None:
    """Let nothing go wrong any more: neither calls nor events."""
    await faults_of(database, till).plan(lambda _now: QUIET)


def faults_of(database: Database, till: Till) -> SharedFaults:
    """What goes wrong in the market's sandbox."""
    try:
        faults = bank_of(database, till).faults
    except PageNotFound:
        raise NotInSandbox from None
    if not isinstance(faults, SharedFaults):
        raise NotInSandbox
    return faults


def shown(mischief: Mischief) -> Asked:
    """As it is asked for."""
    calls = [PlannedCall(each.fault, each.call, each.times) for each in mischief.calls]
    return Asked(calls, Telling(int(mischief.late.total_seconds()), mischief.copies, mischief.shuffled))


# What banks think of later


class NewDispute(Record):
    """What a payer's bank takes back; without an amount, all that was not refunded."""

    payment_id: UUID
    amount: Minor | None = None
    reason: Annotated[str, Meta(min_length=1, max_length=100, examples=["fraudulent"])] = "fraudulent"


class Decision(Record):
    """How a payer's bank decides."""

    won: Annotated[bool, Meta(description="Whether the market wins, and the money comes back.")]


class AtBank(Record):
    """Something of the bank's, as it stands there."""

    id: str
    status: str
    amount: int


@operation(
    "POST",
    "/sandbox/disputes",
    who=ANYONE,
    status=201,
    idempotent=False,
    refusals=(NotInSandbox, SandboxRefused),
    example={"paymentId": "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a11", "amount": 5000, "reason": "product_not_received"},
    tags=TAGS,
)
async def open_dispute(database: Database, till: Till, body: NewDispute) -> AtBank:
    """Let the payer's bank take a payment back."""
    intent = await intent_of(database, body.payment_id)
    return at_bank(await told(sandbox_of(database, till).open_dispute(intent, body.amount, body.reason)))


@operation(
    "POST",
    "/sandbox/disputes/{payment_id}/decide",
    who=ANYONE,
    idempotent=False,
    shared=True,
    refusals=(NotInSandbox, SandboxRefused),
    example={"won": True},
    tags=TAGS,
)
async def decide_dispute(database: Database, till: Till, payment_id: UUID, body: Decision) -> AtBank:
    """Let the payer's bank decide about the dispute of a payment."""
    bank = sandbox_of(database, till)
    found = (await bank.list_disputes({"payment_intent": await intent_of(database, payment_id)})).data
    if not found:
        raise NotInSandbox
    return at_bank(await told(bank.decide_dispute(found[0].id, won=body.won)))


@operation(
    "POST",
    "/sandbox/refunds/{refund_id}/fail",
    who=ANYONE,
    idempotent=False,
    shared=True,
    refusals=(NotInSandbox, SandboxRefused),
    tags=TAGS,
)
async def fail_refund(database: Database, till: Till, refund_id: UUID) -> AtBank:
    """Let the payer's bank send a refund back, also one that has succeeded."""
    row = await database.read(lambda tx: tx.run(refunding.REFUND, refund_id))
    if row is None or row.provider_id is None:
        raise NotInSandbox
    return at_bank(await told(sandbox_of(database, till).fail_refund(row.provider_id)))


@operation(
    "POST",
    "/sandbox/payouts/{payout_id}/fail",
    who=ANYONE,
    idempotent=False,
    shared=True,
    refusals=(NotInSandbox, SandboxRefused),
    tags=TAGS,
)
async def fail_payout(database: Database, till: Till, payout_id: UUID) -> AtBank:
    """Let the receiver's bank send a payout back, also one that was paid."""
    row = await database.read(lambda tx: tx.run(payouts.PAYOUT, payout_id))
    if row is None or row.provider_id is None:
        raise NotInSandbox
    return at_bank(await told(sandbox_of(database, till).fail_payout(row.provider_id, row.recipient_id)))


async def intent_of(database: Database, payment_id: UUID) -> str:
    """What the bank calls a payment."""
    row = await database.read(lambda tx: tx.run(paying.PAYMENT, payment_id))
    if row is None or row.provider_id is None:
        raise NotInSandbox
    return row.provider_id


def sandbox_of(database: Database, till: Till) -> Bank:
    """The bank behind the market's sandbox, where it has one."""
    try:
        return bank_of(database, till)
    except PageNotFound:
        raise NotInSandbox from None


def at_bank(thing: o.Dispute | o.Refund | o.Payout) -> AtBank:
    """As the bank shows it."""
    return AtBank(thing.id, thing.status, thing.amount)


async def told(doing: Awaitable[T]) -> T:
    """What the bank answers, or why not."""
    try:
        return await doing
    except BankError as refusal:
        if refusal.type == "card_error":
            raise CardDeclined(reason=refusal.message, decline=refusal.decline_code or refusal.code or "") from None
        if refusal.code == "resource_missing":
            raise NotInSandbox from None
        raise SandboxRefused(reason=refusal.message) from None
