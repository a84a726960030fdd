"""What the bank's pages are made of: forms that work without script and style, with everything escaped."""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import parse_qs, urlsplit

from souk.kernel.assembly import Market
from souk.kernel.http import Content
from souk.modules.payments.sandbox.cards import CARDS

CARD: Final = '<p><label>Card number <input name="number" inputmode="numeric" autocomplete="off" required></label></p>'
TEST_CARDS: Final = (
    "<details><summary>Test cards</summary><ul>"
    + "".join(f"<li>{escape(card.number)}: {escape(name)}</li>" for name, card in CARDS.items())
    + "</ul></details>"
)


def page(market: Market, title: str, body: str) -> Content:
    """A whole page. `body` is HTML already."""
    name = escape(market.title.partition(":")[0])
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · {name}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"></head>'
        f"<body><h1>{name}</h1><p><small>Sandbox: no real money moves here.</small></p><h2>{escape(title)}</h2>{body}</body></html>"
    )
    return Content(html.encode(), "text/html; charset=utf-8")


def form(action: str, fields: str, button: str) -> str:
    """A form with one button. `fields` is HTML already."""
    return f'<form method="post" action="{escape(action)}">{fields}<p><button type="submit">{escape(button)}</button></p></form>'


def hidden(name: str, value: str) -> str:
    """A field that nobody fills in."""
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def said(sentence: str) -> str:
    """What went wrong, if something did."""
    return f"<p><strong>{escape(sentence)}</strong></p>" if sentence else ""


def link(url: str | None, label: str) -> str:
    """A link to a web page; addresses of other kinds (`javascript:`) are not linked."""
    if not url or urlsplit(url).scheme not in ("http", "https"):
        return ""
    return f'<p><a href="{escape(url)}" rel="noreferrer">{escape(label)}</a></p>'


def amount_of(amount: int, currency: str) -> str:
    """An amount for a payer's eyes: the test currencies have two decimals."""
    return f"{amount // 100}.{amount % 100:02} {currency.upper()}"


def fields_of(raw: bytes) -> dict[str, str]:
    """A form's fields, as browsers send them. What is no form has none."""
    try:
        sent = parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[0] for name, values in sent.items()}
