"""What developers and operators see of mail: the mailbox as API and as page, the command line, `souk doctor`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx
import msgspec

from souk.app.application import Application, operations_of
from souk.app.doctor import Finding, letters
from souk.app.mailbox import written
from souk.app.opened import OpenMarket, sources_of
from souk.app.preview import listed, previewed
from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.migrate import migrate
from souk.kernel.telemetry import AccessLog, Metrics, Telemetry
from souk.kernel.telemetry.sink import Sink
from souk.modules import mail
from tests.kernel.http.serving import code
from tests.modules.mail.conftest import LINK
from tests.modules.mail.servers import nowhere

EVIL = "<script>alert(1)</script>"
PRODUCTION = {"SOUK_ENV": "production", "SOUK_SECRET": "0t2N4vQ8sYb1Kx7LmZcR5uHj3WdPfGa6EiTo9"}


@asynccontextmanager
async def served(dsn: str, market: Market, **environ: str) -> AsyncIterator[tuple[OpenMarket, httpx.AsyncClient]]:
    """A market in an application of its own, without a worker: what is due is done by whoever looks."""
    settings = Settings.load(environ)
    await migrate(dsn, market.name, sources_of(market), secret=settings.key("database").hex())
    app = Application(settings, [market], dsn, Telemetry(Sink(), AccessLog(lambda _line: None), Metrics(), None, None))
    await app.start(work=False)
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app.edge), base_url="http://souk") as client:
            yield app.opened[0], client
    finally:
        await app.stop()
        app.telemetry.lag.stop()


async def send(opened: OpenMarket, to: str, name: str = "Ada") -> None:
    letter = mail.Letter(to, "club/welcome", "en", {"name": name, "link": LINK})
    await opened.database.write(lambda tx: mail.send(tx, opened.vault, letter))


async def test_a_letter_asked_for_a_moment_ago_is_in_the_mailbox(dsn: str, market: Market) -> None:
    async with served(dsn, market) as (opened, client):
        await send(opened, "ada@example.com")
        await send(opened, "bo@example.com")
        (found,) = (await client.get("/sample/dev/mail", params={"to": "Ada@example.com"})).json()["data"]
        keys = {"id", "channel", "to", "subject", "text", "html", "links", "state", "createdAt", "sentAt"}
        assert set(found) == keys
        assert (found["channel"], found["to"], found["subject"], found["state"]) == ("email", "ada@example.com", "Welcome, Ada", "sent")
        assert found["links"] == [LINK]
        assert LINK in found["text"]
        both = (await client.get("/sample/dev/mail")).json()["data"]
        assert [each["to"] for each in both] == ["bo@example.com", "ada@example.com"]
        assert len((await client.get("/sample/dev/mail?limit=1")).json()["data"]) == 1


async def test_a_number_may_be_typed_as_it_is(dsn: str, market: Market) -> None:
    async with served(dsn, market) as (opened, client):
        letter = mail.Letter("+33612345678", "club/code", "en", {"code": "123456"})
        await opened.database.write(lambda tx: mail.text(tx, opened.vault, letter))
        for written_ in ("+33612345678", "%2B33612345678"):
            (found,) = (await client.get(f"/sample/dev/mail?to={written_}")).json()["data"]
            assert found["channel"] == "sms"


async def test_a_browser_sees_a_page_in_which_no_letter_can_run_a_script(dsn: str, market: Market) -> None:
    async with served(dsn, market) as (opened, client):
        await send(opened, "ada@example.com", EVIL)
        answer = await client.get("/sample/dev/mail?to=ada@example.com", headers={"accept": "text/html,*/*"}, follow_redirects=True)
        assert answer.url.path == "/sample/dev/mailbox"
        assert answer.headers["content-type"].startswith("text/html")
        assert EVIL not in answer.text
        assert "<iframe sandbox title" in answer.text
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "<script" not in answer.text


async def test_a_market_without_mail_says_so(dsn: str, market: Market) -> None:
    without = msgspec.structs.replace(market, modules=())
    async with served(dsn, without) as (_, client):
        for path in ("/sample/dev/mail", "/sample/dev/mailbox"):
            answer = await client.get(path)
            assert (answer.status_code, code(answer)) == (404, "NO_MAIL")


async def test_production_has_no_mailbox(dsn: str, market: Market) -> None:
    assert "/dev/mail" not in {each.path for each in operations_of(market, Settings.load(PRODUCTION))}
    async with served(dsn, market, **PRODUCTION) as (opened, client):
        await send(opened, "ada@example.com")
        for path in ("/sample/dev/mail", "/sample/dev/mailbox"):
            assert (await client.get(path)).status_code == 404


def test_the_page_shows_the_chosen_letter_and_hides_nothing_in_markup() -> None:
    one, two = (
        mail.Posted(
            *(UUID(int=n), mail.Channel.EMAIL, f'"{EVIL}@x', f"Subject {n} {EVIL}", f"Text {n}", f'<p class="x">{n}</p>'),
            links=[f"{LINK}&n={n}"],
            state=mail.MailState.SENT,
            created_at=datetime(2026, 11, 21, 12, tzinfo=UTC),
            sent_at=None,
        )
        for n in (1, 2)
    )
    page = written("Sample", EVIL, [two, one], str(one.id))
    assert EVIL not in page
    assert 'srcdoc="&lt;p class=&quot;x&quot;&gt;1&lt;/p&gt;"' in page
    assert "Text 1" in page
    assert "Text 2" not in page
    assert "No letters yet" in written("Sample", "", [])


# The command line


def souk(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("SOUK_")}
    program = [sys.executable, "-c", "from souk.cli import main; main(prog_name='souk')", "mail", *words]
    return subprocess.run(program, env=mine | {"COLUMNS": "200", **environ}, capture_output=True, text=True, check=False, timeout=60)


def test_a_template_that_does_not_exist_is_one_line_and_an_exit_code() -> None:
    done = souk("preview", "sample", "club/welcome")
    assert done.returncode == 1
    assert "no template is called 'club/welcome'" in done.stderr
    assert "Traceback" not in done.stderr
    unknown = souk("templates", "atlantis")
    assert unknown.returncode == 2
    assert "there is no market atlantis; there are" in unknown.stderr


def test_the_command_lists_templates_and_writes_what_it_shows(tmp_path: Path) -> None:
    template = souk("templates", "tulifo").stdout.split()[0]
    shown = souk("preview", "tulifo", template)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("Subject: ")
    out = tmp_path / "letter.html"
    assert souk("preview", "tulifo", template, "--html", "--out", str(out), "--language", "fr").stdout == ""
    assert out.read_text().startswith("<!doctype html>")


def test_previews_are_letters_with_their_samples(market: Market) -> None:
    templates = mail.Templates(market, "https://souk.example")
    assert list(listed(templates)) == ["club/code  en  (code)", "club/welcome  ar en fr  (name, link)"]
    assert previewed(templates, "club/welcome", "fr", html=False).startswith("Subject: Bienvenue, Ada\n\nBonjour Ada,")
    assert previewed(templates, "club/code", "en", html=False) == "123456 is your code.\n"
    assert f'<a href="{LINK}">' in previewed(templates, "club/welcome", "en", html=True)


# souk doctor


def look(market: Market, own: dict[str, str], **environ: str) -> list[Finding]:
    return list(letters(Settings.load(environ), [market], own))


def test_doctor_says_where_letters_stay_in_development(market: Market) -> None:
    (finding,) = look(market, {})
    assert finding.ok
    assert "dev/mail" in finding.detail


def test_doctor_says_that_production_needs_a_mail_server(market: Market) -> None:
    (finding,) = look(market, {}, **PRODUCTION)
    assert not finding.ok
    assert "SOUK_MAIL_URL" in finding.remedy


def test_doctor_looks_whether_the_mail_server_answers(market: Market) -> None:
    (finding,) = look(market, {"SOUK_MAIL_URL": f"smtp://127.0.0.1:{nowhere()}?tls=none", "SOUK_MAIL_FROM": "a@example.com"})
    assert not finding.ok
    assert "127.0.0.1" in finding.detail


def test_doctor_names_a_setting_that_cannot_be_read(market: Market) -> None:
    (finding,) = look(market, {"SOUK_MAIL_URL": "mail"})
    assert (finding.name, finding.ok) == ("SOUK_MAIL_URL", False)


def test_doctor_has_nothing_to_say_where_no_market_sends_mail(market: Market) -> None:
    assert look(msgspec.structs.replace(market, modules=()), {}) == []
