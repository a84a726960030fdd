"""Addresses that take no mail: refused when handed over, or reported later. Nothing more goes there until staff clear them."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from souk.kernel.http.guards import Role
from souk.kernel.http.tokens import Tokens
from souk.modules import mail
from souk.modules.mail.transports import Mailbox
from tests.kernel.http.serving import Served, code, site
from tests.modules.mail.conftest import VAULT, PostOffice
from tests.modules.mail.servers import Server, serving

KEY, OLD_KEY = b"0123456789abcdef0123456789abcdef", b"fedcba9876543210fedcba9876543210"


async def refusing(office: PostOffice, said: str, *, data: bool = False) -> Server:
    """A letter to Ada, at a server that refuses her (or the letter itself) in these words."""
    server = Server()
    if data:
        server.data = lambda _address: said
    else:
        server.to = lambda address: said if address == "ada@example.com" else "250 OK"
    async with serving(server) as port:
        office.smtp(port)
        await office.send("ada@example.com")
        await office.deliver()
    return server


async def test_an_address_that_nobody_has_bounces_and_gets_no_more(office: PostOffice) -> None:
    server = await refusing(office, "550 5.1.1 no such user")
    assert await office.rows("select address, kind::text, reason from bounced_addresses") == [
        ("ada@example.com", "refused", "the mail server says 550 5.1.1 no such user")
    ]
    asked = server.conversations
    async with serving(server) as port:
        office.smtp(port)
        await office.send("Ada@EXAMPLE.com")
        await office.send("bo@example.com")
        await office.deliver()
    assert await office.states() == ["bounced", "suppressed", "sent"]
    assert server.conversations == asked + 1
    assert await office.rows("select 1 from mails where sealed is not null") == []


@pytest.mark.parametrize(
    "said", ["554 5.7.1 relay access denied", "530 5.7.0 authenticate first", "550 5.7.26 not signed", "451 4.3.0 later"]
)
async def test_a_server_that_does_not_want_us_says_nothing_about_the_address(office: PostOffice, said: str) -> None:
    await refusing(office, said)
    assert await office.states() == ["waiting"]
    assert await office.rows("select 1 from bounced_addresses") == []


@pytest.mark.parametrize(
    ("said", "state", "suppressed"),
    [
        ("554 5.6.0 we do not take this", "failed", 0),
        ("552 too large", "failed", 0),
        ("550 5.1.1 no such user after all", "bounced", 1),
        ("550 5.7.1 policy", "waiting", 0),
        ("451 try again", "waiting", 0),
    ],
)
async def test_a_letter_that_is_refused_when_it_was_read(office: PostOffice, said: str, state: str, suppressed: int) -> None:
    await refusing(office, said, data=True)
    assert await office.states() == [state]
    assert len(await office.rows("select 1 from bounced_addresses")) == suppressed


# Reports


class Reporter:
    """A mail service that reports bounces, and staff who look at them."""

    def __init__(self, running: Served, market: Tokens) -> None:
        self.running = running
        self.tokens = market

    async def report(self, key: bytes = KEY, *, at: float = 0, name: str = "", raw: bytes = b"", **document: Any) -> httpx.Response:
        """Send a signed report; `at` seconds from now."""
        raw = raw or msgspec.json.encode({"address": "ada@example.com", "kind": "bounce", **document})
        moment, name = str(int(time.time() + at)), name or str(uuid4())
        signature = b64encode(hmac.digest(key, f"{name}.{moment}.".encode() + raw, hashlib.sha256)).decode()
        return await self.send(raw, {"webhook-id": name, "webhook-timestamp": moment, "webhook-signature": f"v1,{signature}"})

    async def send(self, raw: bytes, headers: dict[str, str]) -> httpx.Response:
        async with self.running.client() as client:
            return await client.post("/mail/bounces", content=raw, headers=headers)

    def staff(self) -> httpx.AsyncClient:
        return self.running.client("admin")


@asynccontextmanager
async def opened(office: PostOffice, *keys: bytes) -> AsyncIterator[Reporter]:
    post = office.through(Mailbox(), keys=keys or (KEY, OLD_KEY))
    own = msgspec.structs.replace(site(office.database, resources={mail.Post: post}), roles=(Role("admin", mail.STAFF), Role("client")))
    async with Served(own, mail.MODULE.operations) as running:
        yield Reporter(running, own.tokens)


async def test_a_reported_bounce_marks_its_letter_and_stops_the_next_ones(office: PostOffice) -> None:
    async with opened(office) as reporter:
        await office.send()
        await office.deliver()
        ((message_id,),) = await office.rows("select message_id from mails")
        assert (await reporter.report(messageId=message_id, reason="mailbox is gone")).status_code == 200
        await office.send()
        await office.deliver()
    assert await office.states() == ["bounced", "suppressed"]
    assert await office.rows("select kind::text, reason from bounced_addresses") == [("bounce", "bounce: mailbox is gone")]


async def test_a_complaint_counts_even_without_a_known_letter(office: PostOffice) -> None:
    async with opened(office) as reporter:
        for message_id in ("", "<elsewhere@example.com>", f"<{'-' * 36}@souk.example>", f"<{uuid4()}@souk.example>"):
            assert (await reporter.report(kind="complaint", messageId=message_id, address="Ada@Example.com")).status_code == 200
    assert await office.rows("select address, kind::text from bounced_addresses") == [("ada@example.com", "complaint")]


async def test_a_report_that_comes_twice_counts_once(office: PostOffice) -> None:
    async with opened(office) as reporter, reporter.staff() as staff:
        assert (await reporter.report(name="one")).status_code == 200
        assert (await staff.delete("/admin/mail/bounces/ada@example.com")).status_code == 204
        assert (await reporter.report(name="one")).status_code == 200
        assert await office.rows("select 1 from bounced_addresses") == []


async def test_a_key_that_is_being_exchanged_is_still_believed(office: PostOffice) -> None:
    async with opened(office) as reporter:
        assert (await reporter.report(OLD_KEY)).status_code == 200


@pytest.mark.parametrize("at", [-301, 301, -86400])
async def test_a_report_from_another_time_is_not_believed(office: PostOffice, at: int) -> None:
    async with opened(office) as reporter:
        answer = await reporter.report(at=at)
        assert (answer.status_code, code(answer)) == (401, "BOUNCE_REPORT_REFUSED")
    assert await office.rows("select 1 from bounced_addresses") == []


async def test_a_report_with_a_wrong_signature_is_not_believed(office: PostOffice) -> None:
    raw = msgspec.json.encode({"address": "ada@example.com", "kind": "bounce"})
    now = str(int(time.time()))
    right = b64encode(hmac.digest(KEY, f"a.{now}.".encode() + raw, hashlib.sha256)).decode()
    whole = {"webhook-id": "a", "webhook-timestamp": now, "webhook-signature": f"v1,{right}"}
    wrong = [
        (raw, {**whole, "webhook-signature": ""}),
        (raw, {**whole, "webhook-signature": right}),
        (raw, {**whole, "webhook-signature": f"v1a,{right}"}),
        (raw, {**whole, "webhook-signature": "v1,not base64!"}),
        (raw, {**whole, "webhook-signature": f"v1,{b64encode(b'x' * 32).decode()}"}),
        (raw, {**whole, "webhook-id": "b"}),
        (raw, {**whole, "webhook-id": ""}),
        (raw, {**whole, "webhook-id": "b" * 256}),
        (raw, {**whole, "webhook-timestamp": str(int(now) + 1)}),
        (raw, {**whole, "webhook-timestamp": "soon"}),
        (raw + b" ", whole),
        (raw, {}),
    ]
    async with opened(office) as reporter:
        for body, headers in wrong:
            answer = await reporter.send(body, headers)
            assert (answer.status_code, code(answer)) == (401, "BOUNCE_REPORT_REFUSED"), headers
        assert await office.rows("select 1 from bounced_addresses") == []
        several = {**whole, "webhook-signature": f"v1,{b64encode(b'x' * 32).decode()} v1a,zzz v1,{right}"}
        assert (await reporter.send(raw, several)).status_code == 200


async def test_a_signed_report_that_cannot_be_read_says_what_is_wrong(office: PostOffice) -> None:
    async with opened(office) as reporter:
        wrong = await reporter.report(kind="birthday", address="", extra=1)
        assert wrong.status_code == 422
        assert {each["field"] for each in wrong.json()["error"]["details"]["fields"]} == {"kind", "address", "extra"}
        assert (await reporter.report(raw=b"{")).status_code == 400
        assert (await reporter.report(raw=b"[" * 30000)).status_code == 400


async def test_without_a_secret_no_report_is_taken(office: PostOffice) -> None:
    post = office.through(Mailbox())
    assert post.webhook_keys == ()
    async with Served(site(office.database, resources={mail.Post: post}), mail.MODULE.operations) as running:
        answer = await Reporter(running, running.site.tokens).report()
        assert (answer.status_code, code(answer)) == (404, "NO_BOUNCE_REPORTS")


# Staff


async def test_staff_see_what_became_of_letters_but_not_what_they_say(office: PostOffice) -> None:
    async with opened(office) as reporter, reporter.staff() as staff:
        await office.send("ada@example.com")
        await office.send("bo@example.com", name="Bo")
        await office.deliver()
        await office.send("ada@example.com", language="fr")
        await office.write(lambda tx: mail.text(tx, VAULT, mail.Letter("+33612345678", "club/code", "en", {"code": "424242"})))
        found = (await staff.get("/admin/mail")).json()
        assert [each["to"] for each in found["data"]] == ["+33612345678", "ada@example.com", "bo@example.com", "ada@example.com"]
        assert found["pagination"] == {"page": 1, "limit": 20, "total": 4, "totalPages": 1}
        assert "token=abc" not in str(found)
        assert "424242" not in str(found)
        waiting = (await staff.get("/admin/mail?to=ADA@example.com&state=waiting")).json()["data"]
        assert [(each["template"], each["language"], each["state"]) for each in waiting] == [("club/welcome", "fr", "waiting")]
        assert (await staff.get("/admin/mail?to=%2B33612345678")).json()["pagination"]["total"] == 1
        assert len((await staff.get("/admin/mail?limit=1&page=2")).json()["data"]) == 1
        assert (await staff.get("/admin/mail?state=lost")).status_code == 422


async def test_staff_see_bounced_addresses_and_clear_them(office: PostOffice) -> None:
    async with opened(office) as reporter, reporter.staff() as staff:
        await reporter.report()
        (found,) = (await staff.get("/admin/mail/bounces")).json()["data"]
        assert (found["address"], found["kind"]) == ("ada@example.com", "bounce")
        assert (await staff.delete("/admin/mail/bounces/ADA%40example.com")).status_code == 204
        again = await staff.delete("/admin/mail/bounces/ada@example.com")
        assert (again.status_code, code(again)) == (404, "NOT_BOUNCED")
        await office.send("ada@example.com")
        await office.deliver()
    assert await office.states() == ["sent"]


async def test_others_than_staff_see_nothing(office: PostOffice) -> None:
    async with opened(office) as reporter, reporter.running.client("client") as client, reporter.running.client() as nobody:
        for path in ("/admin/mail", "/admin/mail/bounces"):
            assert (await client.get(path)).status_code == 403
            assert (await nobody.get(path)).status_code == 401
        assert (await client.delete("/admin/mail/bounces/ada@example.com")).status_code == 403
