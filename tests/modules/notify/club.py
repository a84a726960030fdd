"""The market of these tests: a club whose members write to each other, like each other's posts, and run errands."""

from __future__ import annotations

from enum import StrEnum, auto
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

from msgspec import Meta

from souk.kernel.assembly import Market
from souk.kernel.db import Tx
from souk.kernel.http.guards import Role
from souk.kernel.live import Live, Namespace
from souk.kernel.messages import Event, event
from souk.kernel.money import Rate
from souk.kernel.record import Record
from souk.modules import audit, identity, ledger, mail, notify, orders, payments
from souk.modules.notify import Channel, Kind
from souk.process import CLOCK, START, Order, after, party, process, role, step, tell, waits_on

TEXTS = Path(__file__).parent / "texts"
LANGUAGES = ("en", "fr", "ar")


@event("club.message_written")
class MessageWritten(Event):
    """Somebody wrote to others."""

    conversation_id: UUID
    sender_id: UUID
    to: tuple[UUID, ...]
    name: str
    text: str


@event("club.post_liked")
class PostLiked(Event):
    """Somebody likes a post."""

    post_id: UUID
    author_id: UUID
    by_id: UUID
    name: str


MESSAGE = Kind(
    "message.received",
    "messages",
    means="somebody wrote to you",
    parameters=("name", "text"),
    link="/conversations/{{ about }}?from={{ name }}",
    digest=notify.Digest("messages"),
    on=MessageWritten,
    to=lambda fact: [person for person in fact.to if person != fact.sender_id],
    says=lambda fact: {"name": fact.name, "text": fact.text},
    about=lambda fact: fact.conversation_id,
    actor=lambda fact: fact.sender_id,
    group=lambda fact: f"conversation {fact.conversation_id}",
)
LIKED = Kind(
    "post.liked",
    "social",
    parameters=("name",),
    channels=notify.PHONES,
    urgency=notify.Urgency.LOW,
    on=PostLiked,
    to=lambda fact: fact.author_id,
    says=lambda fact: {"name": fact.name},
    about=lambda fact: fact.post_id,
    actor=lambda fact: fact.by_id,
    group=lambda fact: f"likes {fact.post_id}",
)
CHANGED = Kind(
    "account.changed",
    "security",
    parameters=("what",),
    always=(Channel.MAIL,),
    urgency=notify.Urgency.URGENT,
)
DEADLINE = Kind(
    "deadline.near",
    "work",
    parameters=("title", "hours"),
    channels=(Channel.IN_APP, Channel.MAIL, Channel.SMS),
    link="https://elsewhere.example.com/{{ title }}",
)
TERMS = Kind("terms.changed", "account", channels=(Channel.IN_APP, Channel.MAIL), always=(Channel.MAIL,), by_law=True)


# Errands: a process whose steps tell people

CLIENT, WORKER, ADMIN = party("client"), party("worker"), role("admin")


class S(StrEnum):
    """Where an errand can be."""

    ASKED = auto()
    ACCEPTED = auto()
    LAPSED = auto()


class Errand(Order):
    """Something to be fetched."""

    client_id: UUID
    worker_id: UUID
    what: str


class NewErrand(Record):
    """What, and by whom."""

    worker_id: UUID
    what: Annotated[str, Meta(min_length=1, max_length=100)]


ERRAND: Final = process(
    "errand",
    order=Errand,
    states=S,
    parties={CLIENT: "client_id", WORKER: "worker_id"},
    steps=(
        step("ask", by=CLIENT, source=START, target=S.ASKED, takes=NewErrand, tell=tell(WORKER, "errand_asked")),
        step("accept", by=WORKER, source=S.ASKED, target=S.ACCEPTED, tell=tell(CLIENT | ADMIN, "errand_accepted")),
        step("lapse", by=CLOCK, source=S.ASKED, target=S.LAPSED, at=after(S.ASKED, days=2)),
    ),
    waits={S.ASKED: waits_on(WORKER)},
    ends=frozenset({S.ACCEPTED, S.LAPSED}),
)
SALES = orders.sells(orders.Sold(ERRAND, "errands"))

HEADS: list[UUID] = []
"""Who leads the club: its market knows."""


async def of_role(_tx: Tx, name: str) -> list[UUID]:
    assert name == "admin"
    return HEADS


async def says(_tx: Tx, fact: Any) -> dict[str, str]:
    return {"what": f"errand of {fact.process}"}


ERRANDS = notify.from_processes(SALES.processes, says=says, parameters=("what",), of_role=of_role)

BLOCKED: set[frozenset[UUID]] = set()
"""Who wants nothing of whom."""


async def blocked(_tx: Tx, one: UUID, other: UUID) -> bool:
    return frozenset({one, other}) in BLOCKED


NOTICES = notify.notifies(MESSAGE, LIKED, CHANGED, DEADLINE, TERMS, *ERRANDS, templates=TEXTS, languages=LANGUAGES)
STAFF = identity.STAFF | audit.READER | mail.STAFF | payments.STAFF | notify.STAFF
CLUB = Market(
    "sample",
    "/test",
    "Club: people for tests",
    (Role("client", payments.PAYER), Role("worker", payments.PAYEE), Role("admin", STAFF)),
    (mail.MODULE, audit.MODULE, identity.WITH_CODES, ledger.MODULE, payments.MODULE, SALES.module, NOTICES),
    rules=(
        identity.Rules(sign_up=("client", "worker"), by=frozenset({"email", "phone"}), languages=LANGUAGES, web="https://club.example.com"),
        ledger.Assets((ledger.USD,)),
        payments.Rules(fee=Rate.parse("10%")),
        SALES.processes,
        notify.Rules(blocked=blocked),
    ),
    live=Live((Namespace(path="/", says=(notify.SAYS,)),)),
)
