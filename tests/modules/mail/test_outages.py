"""Mail servers that are away, slow, silent or cut the line: nothing is lost, nobody else waits, and a doubled letter is known as one."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from souk.kernel.db import Tx
from souk.kernel.messages import Rhythm, Worker, enqueue, job
from souk.kernel.messages.catalogue import Catalogue
from souk.kernel.sealing import Vault
from souk.modules import mail
from souk.modules.mail.model import KEEP_TRYING, pause
from souk.modules.mail.post import Gate
from souk.modules.mail.transports import Mailbox, Parcel
from tests.modules.mail.conftest import VAULT, PostOffice
from tests.modules.mail.servers import Server, nowhere, serving, talking

QUICK = Rhythm(lease=1.0, beat=0.2)


async def test_a_server_that_is_down_for_hours_loses_nothing_and_gets_each_letter_once(office: PostOffice) -> None:
    port = nowhere()
    office.smtp(port)
    for n in range(5):
        await office.send(f"reader{n}@example.com")
    await office.deliver()
    for _ in range(9):
        await office.later(minutes=10)
    await office.send("latecomer@example.com")
    for _ in range(9):
        await office.later(minutes=10)
    assert set(await office.states()) == {"waiting"}
    ((attempts, error),) = await office.rows("select attempts, error from mails where recipient = 'reader0@example.com'")
    assert attempts >= 8
    assert "127.0.0.1" in error
    server = Server()
    async with serving(server, port):
        await office.later(minutes=90)
        await office.later(minutes=90)
    assert sorted(server.recipients) == ["latecomer@example.com", *(f"reader{n}@example.com" for n in range(5))]
    assert set(await office.states()) == {"sent"}


async def test_a_letter_is_given_up_after_three_days_and_says_why(office: PostOffice) -> None:
    office.smtp(nowhere())
    await office.send()
    for _ in range(70):
        await office.later(hours=1)
    assert await office.states() == ["waiting"]
    await office.later(hours=3)
    await office.later(hours=1)
    ((state, error, sealed),) = await office.rows("select state::text, error, sealed from mails")
    assert (state, sealed) == ("failed", None)
    assert error.startswith("given up after 3 days: 127.0.0.1")


def test_the_pauses_grow_to_an_hour_and_differ_from_letter_to_letter() -> None:
    ids = [UUID(int=n) for n in (0, 1023)]
    assert [pause(ids[0], n).total_seconds() for n in (1, 2, 3)] == [11.25, 22.5, 45]
    assert pause(ids[0], 40).total_seconds() == 2700
    assert pause(ids[1], 5) > pause(ids[0], 5)
    assert KEEP_TRYING.total_seconds() >= 24 * 3600


async def test_a_server_that_is_busy_is_asked_again(office: PostOffice) -> None:
    server = Server()
    server.to = lambda _address: "450 4.2.1 busy, come back"
    async with serving(server) as port:
        office.smtp(port)
        await office.send()
        await office.deliver()
        assert await office.rows("select state::text, error from mails") == [("waiting", "the mail server says 450 4.2.1 busy, come back")]
        server.to = lambda _address: "250 OK"
        await office.later(minutes=1)
    assert len(server.taken) == 1
    assert await office.rows("select state::text, attempts, error from mails") == [("sent", 2, None)]


async def test_a_server_that_cuts_the_line_after_the_letter_gets_the_same_message_again(office: PostOffice) -> None:
    """Nobody can know whether it was taken. The second one carries the same Message-ID, so its reader's side can drop it."""
    heard: list[bytes] = []

    async def deaf_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            if line.upper().startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                heard.append(await reader.readuntil(b"\r\n.\r\n"))
                return
            writer.write(b"250 OK\r\n")

    async with talking(deaf_at_the_end) as port:
        office.smtp(port)
        await office.send()
        await office.deliver()
        assert await office.states() == ["waiting"]
        await office.later(minutes=1)
    first, second = heard
    assert first == second
    ((mail_id,),) = await office.rows("select id from mails")
    assert f"Message-ID: <{mail_id}@souk.example>".encode() in first


async def test_a_worker_that_dies_between_sending_and_recording_sends_the_same_message_again(office: PostOffice) -> None:
    server = Server()
    stuck = asyncio.Event()

    class SendsAndHangs:
        """Hands the letter over, and never comes back to say so."""

        async def hand_over(self, parcel: Parcel) -> None:
            await office_smtp.hand_over(parcel)
            stuck.set()
            await asyncio.Event().wait()

    async with serving(server) as port:
        office.smtp(port)
        office_smtp = office.post.transports[mail.Channel.EMAIL]
        office.through(SendsAndHangs())
        await office.send()
        doomed = asyncio.create_task(office.worker(QUICK).run())
        async with asyncio.timeout(20):
            await stuck.wait()
        doomed.cancel()
        await asyncio.gather(doomed, return_exceptions=True)
        assert await office.states() == ["waiting"]
        office.smtp(port)
        await office.deliver()
    assert await office.states() == ["sent"]
    assert len(server.taken) == 2
    assert len({letter["Message-ID"] for letter in server.taken}) == 1


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def crawling(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says something all the time, and never anything whole."""
    writer.write(b"220")
    while True:
        writer.write(b"-")
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("behaves", [silent, crawling])
async def test_a_server_that_never_answers_is_left_after_its_time(office: PostOffice, behaves: object) -> None:
    async with talking(behaves) as port:  # type: ignore[arg-type]
        office.smtp(port, step=0.4)
        await office.send()
        async with asyncio.timeout(10):
            await office.deliver()
    ((state, error),) = await office.rows("select state::text, error from mails")
    assert state == "waiting"
    assert "Timeout" in error


DONE: list[int] = []


@job("tests.other_work")
async def other_work(_tx: Tx, number: int) -> None:
    DONE.append(number)


async def test_a_silent_server_leaves_hands_for_other_work(office: PostOffice) -> None:
    """Forty letters to a server that hangs, and behind them other work, which is done long before the first letter gives up."""
    DONE.clear()
    catalogue = office.catalogue
    catalogue.work["tests.other_work"] = other_work
    async with talking(silent) as port:
        office.smtp(port, step=30, gate=Gate(4, 0.1))
        for n in range(40):
            await office.send(f"reader{n}@example.com")

        async def ask(tx: Tx) -> None:
            for n in range(20):
                await enqueue(tx, other_work, n)

        await office.write(ask)
        working = asyncio.create_task(office.worker().run())
        async with asyncio.timeout(15):
            while len(DONE) < 20:  # noqa: ASYNC110 - another task's work
                await asyncio.sleep(0.02)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    deferred = await office.rows("select count(*) from mails where attempts = 0 and state = 'waiting'")
    assert deferred == [(40,)]


async def test_letters_that_found_no_place_leave_when_there_is_one(office: PostOffice) -> None:
    server = Server()
    server.slow = 0.3
    async with serving(server) as port:
        office.smtp(port, gate=Gate(2, 0.05))
        for n in range(8):
            await office.send(f"reader{n}@example.com")
        await office.deliver()
        assert 0 < len(server.taken) < 8
        server.slow = 0
        for _ in range(10):
            await office.later(minutes=1)
    assert sorted(server.recipients) == [f"reader{n}@example.com" for n in range(8)]
    assert server.most_at_once == 2


async def test_a_quick_server_turns_nobody_away(office: PostOffice) -> None:
    server = Server()
    async with serving(server) as port:
        office.smtp(port)
        for n in range(40):
            await office.send(f"reader{n}@example.com")
        await office.deliver()
    assert len(server.taken) == 40
    assert server.most_at_once <= 4


async def test_two_workers_send_each_letter_once(office: PostOffice) -> None:
    server = Server()
    async with serving(server) as port:
        office.smtp(port)
        for n in range(10):
            await office.send(f"reader{n}@example.com")
        other = Worker(office.database, Catalogue((mail.MODULE,)), resources={mail.Post: office.post, Vault: VAULT})
        await asyncio.gather(office.worker().drain(), other.drain())
    assert sorted(server.recipients) == [f"reader{n}@example.com" for n in range(10)]


async def test_the_development_mailbox_needs_no_server(office: PostOffice) -> None:
    office.through(Mailbox())
    await office.send()
    await office.deliver()
    assert await office.states() == ["sent"]
