"""The plain pages that links in mail lead to, where a market has no pages of its own: a form each, no script, no style."""

from __future__ import annotations

from html import escape

from souk.kernel.assembly import Market
from souk.kernel.http import Content
from souk.modules.identity.passwords import LONGEST, SHORTEST
from souk.modules.identity.rules import rules_of


def verify_page(market: Market, token: str) -> Content:
    """Asks for the click that verifies an address."""
    return _page(market, "Verify your e-mail address", _form(f"{market.base}/auth/verify-email/page", token, "", "Verify"))


def reset_page(market: Market, token: str, wrong: str = "") -> Content:
    """Asks for a new password, and says beforehand what one needs here."""
    needed = ", ".join((f"{SHORTEST} to {LONGEST} characters", *(rule.wants for rule in rules_of(market).password)))
    said = f"<p><strong>{escape(wrong)}</strong></p>" if wrong else f"<p>A password has {escape(needed)}.</p>"
    field = '<p><label>New password <input type="password" name="password" autocomplete="new-password" required></label></p>'
    return _page(market, "Set a new password", said + _form(f"{market.base}/auth/reset-password/page", token, field, "Set password"))


def done_page(market: Market, title: str, sentence: str) -> Content:
    """Says how it went."""
    return _page(market, title, f"<p>{escape(sentence)}</p>")


def _form(action: str, token: str, fields: str, button: str) -> str:
    return (
        f'<form method="post" action="{escape(action)}"><input type="hidden" name="token" value="{escape(token)}">'
        f'{fields}<p><button type="submit">{escape(button)}</button></p></form>'
    )


def _page(market: Market, title: str, body: str) -> Content:
    name = escape(market.title.partition(":")[0])
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · {name}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"></head>'
        f"<body><h1>{name}</h1><h2>{escape(title)}</h2>{body}</body></html>"
    )
    return Content(html.encode(), "text/html; charset=utf-8")
