"""Links by which a person ends a category's mail without signing in: signed, for that person and those categories alone, and for ever."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.kernel.http import Content
from souk.kernel.sealing import Unopenable, Vault
from souk.modules.notify import sql
from souk.modules.notify.deciding import kind_scope
from souk.modules.notify.errors import UnsubscribeLinkInvalid
from souk.modules.notify.rules import Notices
from souk.modules.notify.webpush import decoded, encoded

PURPOSE: Final = "unsubscribe from notifications"
PATH: Final = "/notifications/unsubscribe"

WORDS: Final = {
    "en": ("E-mails you get", "No more e-mails about: {}", "Unsubscribe", "Done. You will get no more e-mails about: {}"),
    "fr": ("Vos e-mails", "Ne plus recevoir d'e-mails : {}", "Se désabonner", "C'est fait. Plus d'e-mails : {}"),
    "ar": ("رسائلك", "إيقاف الرسائل حول: {}", "إلغاء الاشتراك", "تم. لن تصلك رسائل حول: {}"),
}


class Leave(msgspec.Struct, frozen=True, array_like=True):
    """What a link says: who wants no more mail, of what, and which language they read."""

    person_id: UUID
    categories: list[str]
    language: str


def link_for(notices: Notices, vault: Vault, person_id: UUID, categories: Sequence[str], language: str) -> str:
    """The link that stands in a mail of these categories, and in its header."""
    leave = Leave(person_id, list(dict.fromkeys(categories)), language)
    return f"{notices.api}{PATH}?token={encoded(vault.seal(msgspec.json.encode(leave), PURPOSE))}"


def read(vault: Vault, token: str) -> Leave:
    """What a link says, if it is one of ours."""
    try:
        return msgspec.json.decode(vault.open(decoded(token), PURPOSE), type=Leave)
    except (Unopenable, ValueError, msgspec.MsgspecError):
        raise UnsubscribeLinkInvalid from None


async def leave(tx: Tx, notices: Notices, wanted: Leave) -> None:
    """No more mail of these categories. Their other channels, and what is due always, go on."""
    kinds = [kind_scope(kind.name) for kind in notices.kinds.values() if kind.category in wanted.categories]
    await tx.finish(sql.UNSUBSCRIBE, wanted.person_id, sorted(wanted.categories), kinds)


def asking_page(notices: Notices, wanted: Leave, token: str) -> Content:
    """Asks for the click: mail programs open links to look at them, and looking changes nothing."""
    _title, asks, button, _done = _words(wanted.language)
    action = f"{urlsplit(notices.api).path}{PATH}?token={token}"
    form = f'<form method="post" action="{escape(action)}"><p><button type="submit">{escape(button)}</button></p></form>'
    return _page(notices, wanted.language, f"<p>{escape(asks.format(', '.join(wanted.categories)))}</p>{form}")


def done_page(notices: Notices, wanted: Leave) -> Content:
    """Says that it is done."""
    done = _words(wanted.language)[3]
    return _page(notices, wanted.language, f"<p>{escape(done.format(', '.join(wanted.categories)))}</p>")


def _words(language: str) -> tuple[str, str, str, str]:
    return WORDS.get(language.partition("-")[0], WORDS["en"])


def _page(notices: Notices, language: str, body: str) -> Content:
    tag = language.partition("-")[0] if language.partition("-")[0] in WORDS else "en"
    title, name = escape(_words(language)[0]), escape(notices.name)
    html = (
        f'<!doctype html><html lang="{tag}" dir="{"rtl" if tag == "ar" else "ltr"}"><head><meta charset="utf-8">'
        f"<title>{title} · {name}</title>"
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"></head>'
        f"<body><h1>{name}</h1><h2>{title}</h2>{body}</body></html>"
    )
    return Content(html.encode(), "text/html; charset=utf-8")
