"""Letters are asked for in a transaction, leave after its commit, and are readable by nobody but their reader."""

from __future__ import annotations

import logging
from uuid import uuid4

import asyncpg
import pytest

from souk.kernel.db import Tx
from souk.kernel.sealing import Vault
from souk.modules import mail
from souk.modules.mail import commands
from souk.modules.mail.transports import Mailbox, NotConfigured
from tests.modules.mail.conftest import LINK, VAULT, PostOffice
from tests.modules.mail.servers import Server, serving


class Refused(Exception):
    """The change was refused after the letter was asked for."""


async def test_a_letter_is_written_in_the_readers_language_and_arrives_once(office: PostOffice) -> None:
    server = Server()
    async with serving(server) as port:
        office.smtp(port)
        await office.send("ada@example.com", language="fr")
        assert server.taken == []
        await office.deliver()
        await office.deliver()
    (letter,) = server.taken
    assert server.recipients == ["ada@example.com"]
    assert letter["Subject"] == "Bienvenue, Ada"
    assert letter["To"] == "ada@example.com"
    assert letter["From"] == "Sample <no-reply@souk.example>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Date"] is not None
    assert letter.get_content_type() == "multipart/alternative"
    body = letter.get_body(("plain",))
    assert body is not None
    assert LINK in body.get_content()
    html = letter.get_body(("html",))
    assert html is not None
    assert f'<a href="{LINK}">' in html.get_content()
    assert await office.states() == ["sent"]


async def test_a_rolled_back_change_sends_nothing(office: PostOffice) -> None:
    async def change(tx: Tx) -> None:
        await mail.send(tx, VAULT, mail.Letter("ada@example.com", "club/welcome", "en", {"name": "Ada", "link": LINK}))
        raise Refused

    with pytest.raises(Refused):
        await office.write(change)
    await office.deliver()
    assert await office.states() == []
    assert await office.rows("select 1 from jobs where name = 'mail.deliver'") == []


async def test_what_is_written_lies_sealed_and_is_wiped_once_it_was_sent(office: PostOffice) -> None:
    await office.send(name="Secretive")
    (before,) = await office.rows("select mails::text, sealed from mails")
    assert "Secretive" not in before[0]
    assert b"Secretive" not in before[1]
    assert await office.rows("select 1 from jobs where payload::text like '%Secretive%'") == []
    await office.deliver()
    assert await office.rows("select state::text, sealed, sent_at is not null from mails") == [("sent", None, True)]


async def test_development_keeps_what_was_written_for_its_mailbox(office: PostOffice) -> None:
    office.through(Mailbox(), keeps=True)
    await office.send("ada@example.com")
    await office.send("bo@example.com", name="Bo")
    await office.deliver()
    newest, older = await office.mailbox()
    assert (newest.to, older.to) == ("bo@example.com", "ada@example.com")
    (found,) = await office.mailbox("ADA@Example.com")
    assert (found.subject, found.links, found.state) == ("Welcome, Ada", [LINK], mail.MailState.SENT)
    assert "Hello Ada" in found.text
    assert "<p>Hello Ada,</p>" in found.html


async def test_a_short_text_lies_in_the_same_mailbox(office: PostOffice) -> None:
    office.through(Mailbox(), keeps=True)
    await office.write(lambda tx: mail.text(tx, VAULT, mail.Letter("+33612345678", "club/code", "en", {"code": "424242"})))
    await office.deliver()
    (found,) = await office.mailbox("+33612345678")
    assert (found.channel, found.subject, found.text, found.html) == (mail.Channel.SMS, "", "424242 is your code.\n", "")


async def test_a_short_text_cannot_be_sent_as_a_letter(office: PostOffice) -> None:
    await office.write(lambda tx: mail.send(tx, VAULT, mail.Letter("ada@example.com", "club/code", "en", {"code": "1"})))
    await office.deliver()
    ((state, error),) = await office.rows("select state::text, error from mails")
    assert state == "failed"
    assert "no subject" in error


@pytest.mark.parametrize(
    "letter",
    [
        mail.Letter("ada@example.com", "club/none", "en", {}),
        mail.Letter("ada@example.com", "club/welcome", "en", {"name": "Ada"}),
        mail.Letter("ada@example.com", "club/welcome", "en", {"name": "Ada", "link": LINK, "more": "x"}),
        mail.Letter("ada@example.com", "club/welcome", "en", {"name": "Ada", "link": "javascript:alert(1)"}),
    ],
    ids=["no such template", "a value is missing", "a value too many", "a link that is none"],
)
async def test_a_letter_that_cannot_be_written_has_failed_and_says_why(office: PostOffice, letter: mail.Letter) -> None:
    await office.write(lambda tx: mail.send(tx, VAULT, letter))
    await office.deliver()
    ((state, error, sealed),) = await office.rows("select state::text, error, sealed from mails")
    assert state == "failed"
    assert error
    assert sealed is None


async def test_a_letter_that_cannot_be_written_says_so_in_the_mailbox(office: PostOffice) -> None:
    office.through(Mailbox(), keeps=True)
    await office.write(lambda tx: mail.send(tx, VAULT, mail.Letter("ada@example.com", "club/none", "en", {})))
    await office.deliver()
    (found,) = await office.mailbox()
    assert (found.state, found.subject, found.html) == (mail.MailState.FAILED, "", "")
    assert "no template is called 'club/none'" in found.text


async def test_a_letter_sealed_with_a_lost_key_has_failed(office: PostOffice) -> None:
    letter = mail.Letter("ada@example.com", "club/welcome", "en", {"name": "Ada", "link": LINK})
    await office.write(lambda tx: mail.send(tx, Vault({"lost": b"x" * 32}), letter))
    await office.deliver()
    assert await office.states() == ["failed"]


async def test_without_a_mail_server_letters_wait_and_leave_when_there_is_one(office: PostOffice, caplog: pytest.LogCaptureFixture) -> None:
    office.through(NotConfigured(mail.NOWHERE))
    await office.send()
    with caplog.at_level(logging.WARNING):
        await office.deliver()
    assert await office.rows("select state::text, attempts, error from mails") == [("waiting", 1, mail.NOWHERE)]
    server = Server()
    async with serving(server) as port:
        office.smtp(port)
        await office.later(minutes=1)
    assert len(server.taken) == 1


async def test_a_letter_to_a_person_is_exported_and_erased(office: PostOffice) -> None:
    ada, bo = uuid4(), uuid4()
    office.through(Mailbox(), keeps=True)
    await office.send("ada@example.com", person_id=ada)
    await office.send("bo@example.com", person_id=bo)
    await office.deliver()
    await office.send("ada@example.com", person_id=ada)
    assert [each.to for each in await office.database.read(lambda tx: commands.export(tx, ada))] == ["ada@example.com"] * 2
    await office.write(lambda tx: commands.erase(tx, ada))
    await office.deliver()
    left = await office.rows("select recipient, address, sealed is null, state::text from mails order by created_at, id")
    assert left == [("", "", True, "sent"), ("bo@example.com", "bo@example.com", False, "sent"), ("", "", True, "suppressed")]


async def test_letters_are_forgotten_after_half_a_year_but_not_while_they_wait(office: PostOffice) -> None:
    await office.send("ada@example.com")
    await office.deliver()
    await office.later(days=179)
    assert await office.states() == ["sent"]
    await office.send("bo@example.com")
    await office.later(days=2)
    assert [to for (to,) in await office.rows("select recipient from mails")] == ["bo@example.com"]


async def test_no_law_is_broken_and_each_notices_its_breach(office: PostOffice, admin_dsn: str) -> None:

    await office.send("ada@example.com")
    await office.deliver()
    await office.send("bo@example.com")
    laws = [law.query.sql for law in mail.MODULE.laws]
    breaches = ("delete from jobs", "update mails set recipient = '' where recipient = 'bo@example.com'")
    connection = await asyncpg.connect(admin_dsn)
    await connection.execute("set search_path to sample")
    for law, breach in zip(laws, breaches, strict=True):
        assert await connection.fetch(law) == []
        await connection.execute(f"begin; {breach}")
        assert len(await connection.fetch(law)) == 1
        await connection.execute("rollback")
    await connection.close()
