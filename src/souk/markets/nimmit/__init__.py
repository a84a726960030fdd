"""Nimmit: remote jobs paid with subscription credits and matched by score."""

from souk.kernel.assembly import Market, module
from souk.kernel.http.guards import Role, who
from souk.kernel.live import Live, Namespace
from souk.markets import news
from souk.markets.nimmit import engine_room, money
from souk.modules import admin, audit, chat, identity, ledger, mail, notify, payments, profiles

ASSETS = ledger.Assets((ledger.USD, ledger.CRD))
CHAT = chat.chats(paths={"job": "/jobs"})
NOTICES = notify.notifies(news.MESSAGE, *news.of_money(ASSETS), templates=news.TEXTS)

NIMMIT = Market(
    "nimmit",
    base="/nimmit/v1",
    title="Nimmit: remote jobs on subscription credits",
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
        *(CHAT, NOTICES, module("nimmit", money, engine_room)),
    ),
    rules=(
        identity.Rules(sign_up=("client", "worker"), password=identity.MIXED, refresh_in_body=False),
        ASSETS,
        payments.Rules(),
        chat.Rules(may_begin=chat.anybody, blocked=profiles.blocked, blocked_among=profiles.blocked_among),
        notify.Rules(blocked=profiles.blocked),
    ),
    live=Live(
        (
            Namespace(path="/jobs", says=(*payments.SAYS, notify.SAYS)),
            Namespace(
                path="/messages",
                joins={"job:join": chat.CONVERSATION},
                leaves={"job:leave": chat.CONVERSATION},
                relays={"job:typing": chat.CONVERSATION},
                says=chat.says(new_message="job:new_message"),
            ),
            Namespace(path="/admin", who=who("admin"), says=payments.SAYS_TO_STAFF),
        )
    ),
)
