"""Tulifo: freelance projects with bids, bookings, escrow and disputes."""

from souk.kernel.assembly import Market
from souk.kernel.http.guards import Role
from souk.kernel.live import Live, Namespace
from souk.kernel.money import Rate
from souk.markets import news
from souk.modules import admin, audit, chat, identity, ledger, mail, notify, payments, profiles

ASSETS = ledger.Assets((ledger.USD,))
CHAT = chat.chats(about={"project_id": "project"})
NOTICES = notify.notifies(news.MESSAGE, *news.of_money(ASSETS), templates=news.TEXTS)

TULIFO = Market(
    "tulifo",
    base="/tulifo/api",
    title="Tulifo: freelance projects",
    roles=(
        Role("client", payments.PAYER | profiles.CUSTOMER),
        Role("worker", payments.PAYEE | profiles.PROVIDER),
        Role(
            "admin",
            identity.STAFF | audit.READER | mail.STAFF | payments.STAFF | profiles.STAFF | chat.STAFF | notify.STAFF | admin.STAFF,
        ),
    ),
    modules=(
        *(mail.MODULE, audit.MODULE, identity.MODULE, profiles.MODULE, ledger.MODULE, payments.MODULE),
        *(CHAT, NOTICES, admin.MODULE),
    ),
    rules=(
        identity.Rules(sign_up=("client", "worker")),
        ASSETS,
        payments.Rules(fee=Rate.parse("10%")),
        chat.Rules(may_begin=chat.anybody, blocked=profiles.blocked, blocked_among=profiles.blocked_among),
        notify.Rules(blocked=profiles.blocked),
    ),
    live=Live(
        (
            Namespace(
                path="/",
                joins={"join_conversation": chat.CONVERSATION, "join_presence": chat.PRESENCE},
                leaves={"leave_conversation": chat.CONVERSATION, "leave_presence": chat.PRESENCE},
                relays={"typing": chat.CONVERSATION},
                says=(*payments.SAYS, *chat.SAYS, notify.SAYS),
            ),
        )
    ),
)
