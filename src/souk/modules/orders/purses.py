"""What a step does to an order's money: the verbs of the language, carried out by the ledger and by payments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from souk.kernel.db import Tx
from souk.kernel.http.refusals import invalid
from souk.kernel.money import Asset, Rate, fee_of, rounded
from souk.modules import ledger, payments
from souk.modules.orders.errors import PaymentDiffers, PaymentOfOthers, SplitDiffers
from souk.modules.orders.kinds import Kind
from souk.modules.orders.model import Moved, Purse
from souk.modules.orders.takers import Taker
from souk.process import PLATFORM, Actor, Computed, Escrow, Field, Money, Param, Process, Step, Verb


class Matter(msgspec.Struct):
    """An order in the middle of a step: what the money follows from, and what became of it."""

    kind: Kind
    step: Step
    order: Any
    params: Any
    taker: Taker
    till: payments.Till
    purse: Purse | None
    moved: list[Moved] = []
    movements: list[ledger.Movement] = []
    """What the ledger has to carry out, with the step itself."""
    renames: bool = True
    """Whether the step may change who has a part in the order."""
    refunds: list[UUID] = []
    """Refunds that payments still have to send."""
    calls: list[UUID] = []
    """Payments whose provider still has to be asked."""

    def why(self, what: str) -> dict[str, Any]:
        """Key, kind and reasons of a movement."""
        key = f"{self.kind.name} {self.order.id} {self.order.revision} {what}"
        return {"key": key, "kind": f"{self.kind.name}.{what}", "reference": self.order.id, "actor": self.taker.person}

    def says(self, verb: Verb, amount: int, asset: str, fee: int = 0, to: Mapping[str, int] | None = None) -> None:
        """Note what moved: how much of it is the platform's, and who got the rest."""
        self.moved.append(Moved(str(verb), amount, asset, fee, amount - fee, {name: part for name, part in (to or {}).items() if part}))


async def carry_out(tx: Tx, matter: Matter) -> None:
    """Do all that a step says about money."""
    for money in matter.step.money:
        await _VERBS[money.verb](tx, matter, money)


def amount_of(matter: Matter, tx: Tx, amount: object) -> int:
    """An amount, from wherever it comes."""
    match amount:
        case Field(name=name):
            return int(getattr(matter.order, name))
        case Param(name=name):
            return int(getattr(matter.params, name))
        case Computed(rule=rule):
            return rule(matter.order, tx.now)
        case _:
            raise TypeError(f"{amount} is no amount")


def _asset(matter: Matter, asset: str | Field | None) -> Asset:
    code = getattr(matter.order, asset.name) if isinstance(asset, Field) else asset
    return matter.till.asset(code)


def _person(matter: Matter, actor: Actor) -> UUID:
    person = getattr(matter.order, matter.kind.process.parties[actor])
    if person is None:
        raise TypeError(f"{matter.kind.name} {matter.order.id} has no {actor.name} whose money could move")
    return UUID(str(person))


def _wallet(asset: Asset, person: UUID) -> ledger.Account:
    """Where somebody's money of that asset is: credits are kept in lots."""
    return (ledger.CREDITS if asset.code == ledger.CRD.code else ledger.WALLET).of(asset, person)


def _earned(asset: Asset) -> ledger.Account:
    return (ledger.SPENT if asset.code == ledger.CRD.code else ledger.FEES).of(asset)


def _held(matter: Matter) -> Purse:
    if matter.purse is None or matter.purse.escrow is not Escrow.HELD:
        raise TypeError(f"{matter.kind.name} {matter.order.id} holds nothing for {matter.step.name}: its history and its money differ")
    return matter.purse


# Money that comes in


async def _reserve(tx: Tx, matter: Matter, money: Money) -> None:
    amount, asset = amount_of(matter, tx, money.amount), _asset(matter, money.asset)
    event, payer = matter.taker.event, _person(matter, money.payer or PLATFORM)
    if not isinstance(event, payments.PaymentAuthorised):
        raise TypeError(f"{matter.step.name} reserves money, and nothing was authorised")
    _check_payment(matter, event, payer, amount, asset)
    fee = fee_now(matter.order, fee_of_process(matter.kind.process, money), amount)
    matter.purse = Purse(Escrow.RESERVED, asset.code, payer, amount, fee, payment_id=event.payment_id)
    matter.says(Verb.RESERVE, amount, asset.code, fee)


async def _hold(tx: Tx, matter: Matter, money: Money) -> None:
    """Out of the wallet; or what a payment has brought, which holds it there itself."""
    amount, asset = amount_of(matter, tx, money.amount), _asset(matter, money.asset)
    payer, fee = _person(matter, money.payer or PLATFORM), fee_now(matter.order, money.fee, amount)
    event = matter.taker.event
    if isinstance(event, payments.PaymentCaptured):
        _check_payment(matter, event, payer, amount, asset)
        fee = event.fee or fee
        matter.purse = Purse(Escrow.HELD, asset.code, payer, amount, fee, payment_id=event.payment_id)
        matter.says(Verb.HOLD, amount, asset.code, fee)
        return
    hold_id = None
    if amount:
        movement = ledger.hold(**matter.why("held"), account=_wallet(asset, payer), amount=amount)
        matter.movements.append(movement)
        hold_id = movement.hold_id
    matter.purse = Purse(Escrow.HELD, asset.code, payer, amount, fee, hold_id)
    matter.says(Verb.HOLD, amount, asset.code, fee)


def _check_payment(
    matter: Matter, event: payments.PaymentCaptured | payments.PaymentAuthorised, payer: UUID, amount: int, asset: Asset
) -> None:
    """A payment pays for an order if it is by its payer, for its payee, and as much as it costs: whoever it is for gets the money."""
    if (event.amount, event.currency) != (amount, asset.code):
        raise PaymentDiffers(paid=event.amount, wanted=amount)
    if (event.payer_id, event.payee_id) != (payer, payee_of(matter.kind.process, matter.order)):
        raise PaymentOfOthers


def payee_of(process: Process, order: Any) -> UUID | None:
    """To whom the money goes if all goes well: who gets all of it, or else the first who gets a part and does not pay."""
    every = [money for step in process.steps for money in step.money]
    payers = {money.payer for money in every}
    gains = [actor for verb in (Verb.RELEASE, Verb.SPLIT) for money in every if money.verb is verb for actor, _part in money.to]
    name = next((process.parties[actor] for actor in gains if actor in process.parties and actor not in payers), None)
    return getattr(order, name) if name is not None else None


def fee_of_process(process: Process, money: Money) -> Rate | Field | None:
    """The fee of an amount. Of one that is reserved, it is that of the step which holds it when it has come."""
    if money.verb is Verb.RESERVE:
        return next((each.fee for step in process.steps for each in step.money if each.verb is Verb.HOLD), None)
    return money.fee


def fee_now(order: Any, fee: Rate | Field | None, amount: int) -> int:
    """What the platform keeps, as it is agreed now."""
    if isinstance(fee, Field):
        return min(int(getattr(order, fee.name)), amount)
    return fee_of(amount, fee)[0] if fee is not None else 0


async def _capture(tx: Tx, matter: Matter, _money: Money) -> None:
    payment = _payment(matter)
    await payments.ask_capture(tx, payment)
    matter.calls.append(payment)


async def _void(tx: Tx, matter: Matter, _money: Money) -> None:
    """What has come all the same, because it was asked for before, goes back."""
    payment = _payment(matter)
    try:
        await payments.ask_cancel(tx, payment)
    except payments.PaymentOver:
        await _send_back(tx, matter, payment, await payments.held_of(tx, payment))
    else:
        matter.calls.append(payment)
    if matter.purse is not None:
        matter.says(Verb.VOID, matter.purse.amount, matter.purse.asset)
        matter.purse = replace(matter.purse, escrow=Escrow.NOTHING)


def _payment(matter: Matter) -> UUID:
    if matter.purse is None or matter.purse.payment_id is None:
        raise TypeError(f"{matter.kind.name} {matter.order.id} has no payment for {matter.step.name}")
    return matter.purse.payment_id


# Money that goes on


async def _release(tx: Tx, matter: Matter, money: Money) -> None:
    purse = _held(matter)
    ((actor, _rest),) = money.to
    fee = purse.amount if actor == PLATFORM else purse.fee
    shares = {} if actor == PLATFORM else {actor: purse.amount - fee}
    await _divide(tx, matter, Verb.RELEASE, shares, fee)


async def _split(tx: Tx, matter: Matter, money: Money) -> None:
    """As it is said. The platform's fee is taken of what others than the payer get."""
    purse = _held(matter)
    said = {actor: amount_of(matter, tx, amount) for actor, amount in money.to if isinstance(amount, Field | Param | Computed)}
    given = sum(said.values())
    rest = next((actor for actor, _amount in money.to if actor not in said), None)
    if given > purse.amount or min(said.values(), default=0) < 0 or (rest is None and given != purse.amount):
        fields = [amount.name for _actor, amount in money.to if isinstance(amount, Param)]
        raise SplitDiffers(parts=given, held=purse.amount, change=" and ".join(fields) or "the rule")
    parts = said if rest is None else {**said, rest: purse.amount - given}
    waived = money.fee_waived is not None and bool(getattr(matter.params, money.fee_waived.name))
    fee, shares = parts.pop(PLATFORM, 0), {}
    for actor, amount in parts.items():
        if _person(matter, actor) != purse.payer_id:
            kept = 0 if waived or not purse.amount else rounded(purse.fee * amount, purse.amount)
            fee += kept
            shares[actor] = amount - kept
    await _divide(tx, matter, Verb.SPLIT, shares, fee)


async def _refund(tx: Tx, matter: Matter, _money: Money) -> None:
    await _divide(tx, matter, Verb.REFUND, {}, 0)


async def _divide(tx: Tx, matter: Matter, verb: Verb, shares: Mapping[Actor, int], fee: int) -> None:
    """Give parts of what is held to others than its payer, and the rest back, the way it came."""
    purse = _held(matter)
    if purse.payment_id is not None:
        await _divide_payment(tx, matter, verb, purse, shares, fee)
    elif purse.hold_id is not None:
        asset = matter.till.asset(purse.asset)
        parts = [*((_wallet(asset, _person(matter, actor)), amount) for actor, amount in shares.items()), (_earned(asset), fee)]
        why, taken = matter.why(str(verb)), any(amount for _account, amount in parts)
        end = ledger.capture(**why, held=purse.hold_id, parts=parts) if taken else ledger.release(**why, held=purse.hold_id)
        matter.movements.append(end)
        _say_divided(matter, verb, purse, purse.amount, shares, fee)
    matter.purse = replace(purse, escrow=Escrow.NOTHING if verb is Verb.REFUND else Escrow.SETTLED, hold_id=None)


def _say_divided(matter: Matter, verb: Verb, purse: Purse, amount: int, shares: Mapping[Actor, int], fee: int) -> None:  # noqa: PLR0913, PLR0917 - who gets what
    payer = next((name for name, person in matter.kind.parties(matter.order).items() if person == purse.payer_id), "payer")
    to = {payer: amount - fee - sum(shares.values()), **{actor.name: share for actor, share in shares.items()}}
    matter.says(verb, amount, purse.asset, fee, to)


async def _divide_payment(tx: Tx, matter: Matter, verb: Verb, purse: Purse, shares: Mapping[Actor, int], fee: int) -> None:  # noqa: PLR0913, PLR0917 - as above
    """What came by a card goes back to it; the rest goes to whom the payment was for, and from there to others who get a part.

    Staff may have sent a part of it back before, or a bank may have taken it: then everybody gets their share of what is left.
    """
    payment = _payment(matter)
    held = await payments.held_of(tx, payment)
    if held != purse.amount:
        shares, fee = {actor: share * held // purse.amount for actor, share in shares.items()}, fee * held // purse.amount
    given = sum(shares.values())
    await _send_back(tx, matter, payment, held - given - fee)
    if given or fee:
        await payments.release(tx, matter.till, payment, to_payee=given, fee=fee, actor=matter.taker.person)
        payee, asset = payee_of(matter.kind.process, matter.order), matter.till.asset(purse.asset)
        others = [(_wallet(asset, person), share) for actor, share in shares.items() if (person := _person(matter, actor)) != payee]
        if payee is not None and any(share for _account, share in others):
            matter.movements.append(ledger.transfer(**matter.why("shared"), source=_wallet(asset, payee), parts=others))
    _say_divided(matter, verb, purse, held, shares, fee)


async def _send_back(tx: Tx, matter: Matter, payment: UUID, amount: int) -> None:
    if amount:
        wanted = payments.NewRefund(key=matter.why("refund")["key"], payment_id=payment, amount=amount, asked_by=matter.taker.person)
        refund = await payments.ask_refund(tx, matter.till, wanted)
        matter.refunds.append(refund.id)


async def _pay(tx: Tx, matter: Matter, money: Money) -> None:
    """Out of what the platform has earned."""
    ((actor, wanted),) = money.to
    amount, asset = amount_of(matter, tx, wanted), _asset(matter, money.asset)
    if amount < 0:
        raise invalid(matter.step.name, "would pay less than nothing")
    if amount:
        parts = [(_wallet(asset, _person(matter, actor)), amount)]
        matter.movements.append(ledger.transfer(**matter.why("paid"), source=ledger.FEES.of(asset), parts=parts))
        matter.says(Verb.PAY, amount, asset.code, to={actor.name: amount})


_VERBS = {
    Verb.RESERVE: _reserve,
    Verb.CAPTURE: _capture,
    Verb.HOLD: _hold,
    Verb.VOID: _void,
    Verb.RELEASE: _release,
    Verb.REFUND: _refund,
    Verb.SPLIT: _split,
    Verb.PAY: _pay,
}
