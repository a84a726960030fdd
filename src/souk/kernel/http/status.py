"""How the house is: `/health` (alive), `/ready` (able to serve) and `/status` (a page for people), made from probes.

A probe is a question with a time-out; its answer is a value. The pages are made from those values alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from html import escape
from time import perf_counter
from typing import Final

import msgspec

from souk.kernel.http.answer import JSON, Answer, envelope

Check = Callable[[], Awaitable[str]]
"""Asks one thing and answers a few words ("3 ms behind"); raises when it is not well."""

PROBE_SECONDS: Final = 2.0
REFRESH_SECONDS: Final = 10


class Probe(msgspec.Struct, frozen=True):
    """What one question found."""

    name: str
    ok: bool
    detail: str = ""
    milliseconds: int = 0


class Failing(Exception):
    """What a check raises to say, in words meant for everyone, why something is not well."""


async def run(checks: Mapping[str, Check], *, seconds: float = PROBE_SECONDS) -> list[Probe]:
    """Ask everything at once; what does not answer in time is not well."""
    return list(await asyncio.gather(*(_ask(name, check, seconds) for name, check in checks.items())))


async def _ask(name: str, check: Check, seconds: float) -> Probe:
    started = perf_counter()
    try:
        async with asyncio.timeout(seconds):
            ok, detail = True, await check()
    except TimeoutError:
        ok, detail = False, f"no answer within {seconds:g} s"
    except Failing as failing:
        ok, detail = False, str(failing)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a check is what it found; only its kind is told
        ok, detail = False, type(error).__name__
    return Probe(name, ok, detail, round((perf_counter() - started) * 1000))


def health() -> Answer:
    """The process is alive. Asks nothing of anyone, so that a slow database never gets a process killed."""
    return Answer(200, [JSON, (b"cache-control", b"no-store")], envelope({"status": "alive"}))


def ready(probes: Sequence[Probe]) -> Answer:
    """Whether requests should be sent here; if not, why not."""
    failing = {probe.name: probe.detail for probe in probes if not probe.ok}
    headers = [JSON, (b"cache-control", b"no-store")]
    if not failing:
        return Answer(200, headers, envelope({"status": "ready", "probes": probes}))
    error = {"code": "NOT_READY", "message": f"Not ready: {', '.join(failing)}.", "details": failing}
    return Answer(503, [*headers, (b"retry-after", b"2")], msgspec.json.encode({"success": False, "error": error}))


def status_page(title: str, groups: Mapping[str, Sequence[Probe]], links: Mapping[str, Mapping[str, str]] | None = None) -> bytes:
    """A page that shows each market and each dependency, and renews itself. `links` are those of a group, by their text."""
    well = all(probe.ok for probes in groups.values() for probe in probes)
    cards = "".join(_card(name, probes, (links or {}).get(name, {})) for name, probes in groups.items())
    state, verdict = ("good", "Everything works") if well else ("bad", "Something needs attention")
    return PAGE.format(title=escape(title), refresh=REFRESH_SECONDS, style=STYLE, cards=cards, state=state, verdict=verdict).encode()


def _card(name: str, probes: Sequence[Probe], links: Mapping[str, str]) -> str:
    rows = "".join(_row(probe) for probe in probes)
    anchors = "".join(f'<a href="{escape(url)}">{escape(text)}</a>' for text, url in links.items() if url.startswith(("/", "http")))
    return f"<section><h2>{escape(name)}</h2><ul>{rows}</ul><nav>{anchors}</nav></section>"


def _row(probe: Probe) -> str:
    state, label = ("good", "well") if probe.ok else ("bad", "failing")
    return (
        f'<li class="{state}"><i role="img" aria-label="{label}"></i><b>{escape(probe.name)}</b>'
        f"<span>{escape(probe.detail)}</span><small>{probe.milliseconds} ms</small></li>"
    )


STYLE: Final = """:root{color-scheme:light dark}
:root{--ink:#1c2430;--soft:#667085;--line:#e4e7ec;--page:#f7f8fa;--card:#fff;--good:#12805c;--bad:#c4320a}
@media(prefers-color-scheme:dark){:root{--ink:#eef1f6;--soft:#98a2b3;--line:#2b3340;--page:#12161d;--card:#1a2029;--good:#3ccb97;--bad:#ff8a5c}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:64rem;margin:auto;padding:3rem 1.25rem}h1{margin:0;font-size:1.75rem}h2{margin:0 0 .5rem;font-size:1.1rem}
header p{margin:.25rem 0 2rem;font-weight:600}header .good{color:var(--good)}header .bad{color:var(--bad)}
.grid{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(18rem,1fr))}
section{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1.25rem}
ul{list-style:none;margin:0;padding:0}
li{display:grid;grid-template-columns:1rem 1fr auto;gap:0 .5rem;padding:.4rem 0;align-items:baseline}
li i{width:.6rem;height:.6rem;border-radius:50%;background:var(--good)}li.bad i{background:var(--bad);border-radius:0}
li b{font-weight:500}li span{grid-column:2/4;color:var(--soft);font-size:.875rem;overflow-wrap:anywhere}li.bad span{color:var(--bad)}
li small{grid-row:1;grid-column:3;color:var(--soft)}nav{margin-top:.75rem}nav a{margin-right:1rem;color:inherit;font-size:.9rem}"""

PAGE: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><meta http-equiv="refresh" content="{refresh}">
<style>{style}</style></head><body><main><header><h1>{title}</h1><p class="{state}" role="status">{verdict}</p></header>
<div class="grid">{cards}</div></main></body></html>"""
