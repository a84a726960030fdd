"""What people of several markets are told in the same words: somebody wrote to them, and what became of their money.

NOTICES = notify.notifies(news.MESSAGE, *news.of_money(ASSETS), templates=news.TEXTS)
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from souk.kernel.db import Tx
from souk.modules import chat, ledger, notify, payments, profiles

TEXTS: Final = Path(__file__).parent / "texts"
LONGEST: Final = 200
"""So much of a message is shown outside of the conversation."""


async def _who_wrote(tx: Tx, fact: chat.MessagePosted) -> dict[str, str]:
    author = fact.message.author_id
    cards = await profiles.cards(tx, [author]) if author is not None else {}
    name = cards[author].name if author is not None and author in cards else "Somebody"
    return {"name": name, "text": fact.message.content[:LONGEST]}


MESSAGE: Final = notify.Kind(
    "message.received",
    "messages",
    means="somebody wrote to you",
    parameters=("name", "text"),
    link="/conversations/{{ about }}",
    digest=notify.Digest("messages"),
    on=chat.MessagePosted,
    # What the market itself says in a conversation follows from something that people are told of otherwise.
    to=lambda fact: [each for each in fact.recipients if each not in fact.quiet] if fact.message.author_id else [],
    says=_who_wrote,
    about=lambda fact: fact.conversation_id,
    actor=lambda fact: fact.message.author_id,
    group=lambda fact: f"conversation {fact.conversation_id}",
)


def of_money(assets: ledger.Assets) -> tuple[notify.Kind, ...]:
    """What becomes of people's money."""

    def amount(fact: payments.PaymentCaptured | payments.PaymentRefunded | payments.PayoutPaid | payments.PayoutFailed) -> dict[str, str]:
        return {"amount": f"{assets.named(fact.currency).digits(fact.amount)} {fact.currency}"}

    return (
        notify.Kind(
            "payment.captured",
            "payments",
            means="a payment of yours came through",
            parameters=("amount",),
            on=payments.PaymentCaptured,
            to=lambda fact: fact.payer_id,
            says=amount,
            about=lambda fact: fact.payment_id,
        ),
        notify.Kind(
            "payment.failed",
            "payments",
            means="a payment of yours did not work",
            parameters=("reason",),
            on=payments.PaymentFailed,
            to=lambda fact: fact.payer_id,
            says=lambda fact: {"reason": fact.message},
            about=lambda fact: fact.payment_id,
        ),
        notify.Kind(
            "payment.refunded",
            "payments",
            means="money comes back to you",
            parameters=("amount",),
            on=payments.PaymentRefunded,
            to=lambda fact: fact.payer_id,
            says=amount,
            about=lambda fact: fact.payment_id,
        ),
        notify.Kind(
            "payout.paid",
            "payments",
            means="a payout reached your bank",
            parameters=("amount",),
            on=payments.PayoutPaid,
            to=lambda fact: fact.person_id,
            says=amount,
            about=lambda fact: fact.payout_id,
        ),
        notify.Kind(
            "payout.failed",
            "payments",
            means="a payout did not reach your bank",
            parameters=("amount", "reason"),
            on=payments.PayoutFailed,
            to=lambda fact: fact.person_id,
            says=lambda fact: {**amount(fact), "reason": fact.message},
            about=lambda fact: fact.payout_id,
        ),
    )
