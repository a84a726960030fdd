"""The page of a development mailbox: letters as their readers would see them.

A letter may hold anything, so it is shown in a frame of its own, which may run no script, send no form and leave no trace.
The page has no script either.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from html import escape
from typing import Final

from starlette.requests import Request

from souk.app.development import letters
from souk.app.opened import OpenMarket
from souk.kernel.errors import Refusal
from souk.kernel.http.answer import Answer, refused
from souk.modules.mail import Posted


def mailbox_page(market: OpenMarket) -> Callable[[Request], Awaitable[Answer]]:
    """The page of one market: `?to=` for one address, `?open=` for one letter."""

    async def page(request: Request) -> Answer:
        to = request.query_params.get("to", "")
        try:
            found = await letters(market, to)
        except Refusal as refusal:
            return refused(refusal)
        html = written(market.market.title, to, found, request.query_params.get("open", ""))
        return Answer(200, [(b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-store")], html.encode())

    return page


def written(title: str, to: str, found: Iterable[Posted], opened: str = "") -> str:
    """The page as HTML. The letter that was chosen is open, otherwise the latest."""
    found = list(found)
    shown = next((each for each in found if str(each.id) == opened), found[0] if found else None)
    rows = "".join(_row(each, to, chosen=each is shown) for each in found) or "<li>No letters yet.</li>"
    return PAGE.format(title=escape(title), style=STYLE, to=escape(to), rows=rows, letter=_letter(shown) if shown else "")


def _row(mail: Posted, to: str, *, chosen: bool) -> str:
    mark = ' aria-current="true"' if chosen else ""
    where = f"?to={escape(to)}&amp;open={mail.id}"
    about = f"{mail.to or 'nobody'} · {mail.created_at:%d %b %H:%M:%S} · {mail.channel.value} · {mail.state.value}"
    return f'<li><a href="{where}"{mark}><b>{escape(mail.subject or mail.text[:60] or ERASED)}</b><span>{escape(about)}</span></a></li>'


def _letter(mail: Posted) -> str:
    frame = f'<iframe sandbox title="The letter" srcdoc="{escape(mail.html)}"></iframe>' if mail.html else ""
    links = "".join(f'<li><a href="{escape(link)}" rel="noreferrer">{escape(link)}</a></li>' for link in mail.links)
    text = f"<details{'' if frame else ' open'}><summary>Text</summary><pre>{escape(mail.text)}</pre></details>"
    return f"<h2>{escape(mail.subject)}</h2><p>{escape(mail.to)}</p>{frame}{text}<ul>{links}</ul>"


ERASED: Final = "(its reader was erased)"
"""Where neither subject nor text is left of a letter."""

STYLE: Final = """:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{margin:0;display:grid;grid-template-columns:minmax(16rem,24rem) 1fr;min-height:100vh}
aside{border-right:1px solid #8884;padding:1rem;overflow:auto}main{padding:1rem 1.5rem;min-width:0}h1{font-size:1.1rem}
ul{list-style:none;padding:0}aside a{display:block;padding:.5rem;color:inherit;text-decoration:none;overflow-wrap:anywhere}
aside a[aria-current]{background:#8883}aside span{display:block;opacity:.7;font-size:.85em}
iframe{width:100%;height:60vh;border:1px solid #8884;background:#fff}main li,pre{overflow-wrap:anywhere}pre{white-space:pre-wrap}
input{font:inherit;width:100%;box-sizing:border-box}@media(max-width:44rem){body{display:block}}"""

PAGE: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Mail of {title}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,"><style>{style}</style></head><body>
<aside><h1>Mail of {title}</h1><form><input name="to" value="{to}" placeholder="To" aria-label="Only letters to"></form>
<ul>{rows}</ul></aside><main>{letter}</main></body></html>"""
