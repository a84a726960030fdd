"""What payments say live: to those whose money it is, and to staff. Why a card was declined hears its owner alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from uuid import UUID

from souk.kernel.live import Says, user_room
from souk.kernel.live.rooms import ROLE
from souk.kernel.messages import Event
from souk.kernel.record import Record
from souk.modules.payments.events import (
    PaymentAuthorised,
    PaymentCanceled,
    PaymentCaptured,
    PaymentDisputed,
    PaymentFailed,
    PaymentRefunded,
    PayoutAccountChanged,
    PayoutCanceled,
    PayoutFailed,
    PayoutPaid,
    PayoutRequested,
    RefundFailed,
)


class NotPaidOut(Record):
    """A payout that did not arrive, as its receiver hears of it: the provider's own words are for staff."""

    payout_id: UUID
    amount: int
    currency: str
    status: str


def _rooms(*people: UUID | None) -> list[str]:
    return [user_room(person) for person in people if person is not None]


def _says(fact: type[Event], to: Callable[[Any], Iterable[str]], what: Callable[[Any], object] = lambda said: said) -> Says:
    return Says(fact.topic.name, fact, to=to, what=what)


def _payer(fact: PaymentAuthorised | PaymentCanceled | PaymentFailed | RefundFailed) -> list[str]:
    return _rooms(fact.payer_id)


def _parties(fact: PaymentCaptured | PaymentRefunded | PaymentDisputed) -> list[str]:
    return _rooms(fact.payer_id, fact.payee_id)


def _receiver(fact: PayoutRequested | PayoutPaid | PayoutFailed | PayoutCanceled | PayoutAccountChanged) -> list[str]:
    return _rooms(fact.person_id)


def _staff(_fact: object) -> list[str]:
    return [ROLE]


def _not_paid_out(fact: PayoutFailed) -> NotPaidOut:
    return NotPaidOut(fact.payout_id, fact.amount, fact.currency, fact.status)


SAYS: Final = (
    *(_says(fact, _payer) for fact in (PaymentAuthorised, PaymentCanceled, PaymentFailed, RefundFailed)),
    *(_says(fact, _parties) for fact in (PaymentCaptured, PaymentRefunded, PaymentDisputed)),
    *(_says(fact, _receiver) for fact in (PayoutRequested, PayoutPaid, PayoutCanceled, PayoutAccountChanged)),
    _says(PayoutFailed, _receiver, _not_paid_out),
)
"""For the namespace in which a market's people are."""

SAYS_TO_STAFF: Final = tuple(_says(fact, _staff) for fact in (PaymentDisputed, RefundFailed, PayoutRequested, PayoutFailed))
"""For a namespace that only staff may enter."""
