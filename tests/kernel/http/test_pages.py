"""Pages: the API's, which load nothing from elsewhere, and those that say how the house is."""

from __future__ import annotations

import asyncio
import gzip
import html
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from shutil import which
from subprocess import run as start
from typing import Any

import brotli
import msgspec
import pytest

from souk.kernel.http.answer import Answer
from souk.kernel.http.headers import page_headers
from souk.kernel.http.openapi import describe
from souk.kernel.http.operation import operation
from souk.kernel.http.pages import ASSETS, FILES, asset, scalar_page, swagger_page
from souk.kernel.http.status import Failing, Probe, health, ready, run, status_page
from tests.plugins.needs import need

PAGES: list[Callable[[str, str, str], Answer]] = [swagger_page, scalar_page]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_for_nothing_but_our_own_files(page: Callable[[str, str, str], Answer]) -> None:
    text = page("A <market>", "/m/openapi.json", "/assets").body.decode()
    assert "A &lt;market&gt;" in text
    files = re.findall(r'(?:src|href)="/assets/([^"]+)"', text)
    assert files
    assert all(asset(name) is not None for name in files)
    assert "//" not in html.unescape(text).replace("<!doctype", "")
    assert not re.search(r"<script[^>]*>[^<]", text), "a script inside the page would be refused by its policy"


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_is_the_same_in_every_coding(name: str) -> None:
    bodies = set()
    for accept in (b"br, gzip", b"gzip", b""):
        answer = asset(name, accept)
        assert answer is not None
        coding = dict(answer.headers).get(b"content-encoding", b"")
        bodies.add({b"br": brotli.decompress, b"gzip": gzip.decompress, b"": bytes}[coding](answer.body))
    assert len(bodies) == 1


@pytest.mark.parametrize("name", ["", "other.js", "../pages.py", "README.md", "LICENSE.scalar.txt", "swagger-start.js/..", "\0"])
def test_no_other_file_is_served(name: str) -> None:
    assert asset(name) is None


def test_each_vendored_file_is_named_with_its_version_and_licence() -> None:
    readme = (ASSETS / "README.md").read_text()
    for file in ASSETS.iterdir():
        assert file.name in readme or file.name == "README.md"


@operation("GET", "/lots")
async def lots() -> list[int]:
    """Everything that is for sale."""
    return []


@pytest.fixture
def address() -> Iterator[str]:
    """A server with nothing but the pages, as strict as ours."""
    document = msgspec.json.encode(describe("Auction", "/auction", [lots], ()))
    pages = {
        "/docs": swagger_page("Auction", "/openapi.json", "/assets"),
        "/reference": scalar_page("Auction", "/openapi.json", "/assets"),
        "/openapi.json": Answer(200, [(b"content-type", b"application/json")], document),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = pages.get(self.path) or asset(self.path.removeprefix("/assets/"), b"gzip") or Answer(404, [])
            self.send_response(found.status)
            for name, value in (*found.headers, *page_headers(production=False)):
                self.send_header(name.decode(), value.decode())
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, format: str, *_: Any) -> None: ...  # noqa: A002 - the name that the server calls it by

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/docs", "/reference"])
def test_a_browser_shows_the_api_under_our_policy(address: str, path: str, tmp_path: Any) -> None:
    browser = which("chromium") or need("chromium", "apt-get install chromium")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--enable-logging=stderr"]
    command = [browser, *options, "--virtual-time-budget=20000", "--dump-dom", address + path]
    shown = start(command, capture_output=True, text=True, timeout=90, check=True)
    assert "Everything that is for sale" in shown.stdout
    assert "Content Security Policy" not in shown.stderr


# How the house is


async def fine() -> str:
    return "3 ms behind"


async def broken() -> str:
    raise ConnectionError("postgres://souk:secret@db")


async def lagging() -> str:
    raise Failing("oldest job waits 93 s")


async def silent() -> str:
    await asyncio.Event().wait()
    return ""


async def test_all_is_asked_at_once_and_what_is_silent_is_not_well() -> None:
    checks = {"database": fine, "queue": lagging, "mail": broken, "cache": silent, "search": silent}
    probes = await run(checks, seconds=0.05)
    assert [(p.name, p.ok, p.detail) for p in probes] == [
        ("database", True, "3 ms behind"),
        ("queue", False, "oldest job waits 93 s"),
        ("mail", False, "ConnectionError"),
        ("cache", False, "no answer within 0.05 s"),
        ("search", False, "no answer within 0.05 s"),
    ]


def test_a_living_process_says_so() -> None:
    assert (health().status, json.loads(health().body)["data"]) == (200, {"status": "alive"})


def test_ready_says_yes_or_why_not() -> None:
    well, ill = Probe("tulifo database", ok=True), Probe("tulifo queue", ok=False, detail="oldest job waits 93 s")
    assert ready([well]).status == 200
    answer = ready([well, ill])
    assert answer.status == 503
    assert json.loads(answer.body)["error"] == {
        "code": "NOT_READY",
        "message": "Not ready: tulifo queue.",
        "details": {"tulifo queue": "oldest job waits 93 s"},
    }


def test_the_status_page_shows_each_market_and_dependency_and_renews_itself() -> None:
    probes = [Probe("queue", ok=False, detail="<b>93 s</b>")]
    links = {"tulifo": {"API": "/tulifo/api/docs", "bad": "javascript:alert(1)"}}
    page = status_page("Souk", {"tulifo": probes, "empty": []}, links).decode()
    assert "Something needs attention" in page
    assert "&lt;b&gt;93 s&lt;/b&gt;" in page
    assert 'href="/tulifo/api/docs"' in page
    assert "javascript:" not in page
    assert 'http-equiv="refresh"' in page
    assert "Everything works" in status_page("Souk", {"tulifo": [Probe("queue", ok=True)]}).decode()
