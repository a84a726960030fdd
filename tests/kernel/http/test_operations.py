"""Operations as declared, over real HTTP and a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from ipaddress import ip_network
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import msgspec
import pytest

from souk.kernel.db import Database, Tx, count, many, one, only, value
from souk.kernel.errors import Refusal
from souk.kernel.http.answer import Content, Redirect, Reply
from souk.kernel.http.binding import Undeclared
from souk.kernel.http.compiling import compile_operation
from souk.kernel.http.guards import ANYONE, MEMBER, Actor, who
from souk.kernel.http.limits import parse
from souk.kernel.http.operation import Operation, operation
from souk.kernel.http.paging import Page, Paging
from souk.kernel.http.request import Request
from souk.kernel.record import Record

from .serving import Served, code, site

CLIENT, STAFF = who("customer"), who("staff")


class Appointment(Record):
    """When, without saying where."""

    at: datetime


class Note(Record):
    """A row of these tests."""

    id: UUID
    body_text: str


class NewNote(Record):
    """What a client sends."""

    body_text: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    copies: Annotated[int, msgspec.Meta(ge=1, le=3)] = 1


class NoteTaken(Refusal, status=409, message="A note says {text_taken} already."):
    """For these tests."""

    text_taken: str


NOTE = one(Note, "select id, body_text from notes where id = $1")
NOTES = many(Note, "select id, body_text from notes order by id limit $1 offset $2")
HOW_MANY = only(int, "select count(*) from notes")
ADD_NOTE = one(Note, "insert into notes (id, body_text) values ($1, $2) returning id, body_text")
SLEEP = value(str, "select pg_sleep($1)::text")
DELETE = count("delete from notes where id = $1")


@operation("GET", "/notes/{note_id}", who=MEMBER)
async def read_note(tx: Tx, note_id: UUID) -> Note | None:
    """Read a note."""
    return await tx.run(NOTE, note_id)


class NotesQuery(Paging):
    """How notes are listed."""

    sort: Literal["id"] = "id"


@operation("GET", "/notes", who=ANYONE)
async def list_notes(tx: Tx, by: Actor | None, query: NotesQuery) -> Page[Note]:
    """List notes."""
    del by
    return Page(await tx.run(NOTES, query.limit, query.offset), await tx.run(HOW_MANY), query)


@operation("POST", "/notes", who=CLIENT, status=201, idempotent=True, dry_run=True)
async def add_note(tx: Tx, by: Actor, body: NewNote) -> Note | None:
    """Add a note."""
    if body.body_text == "taken":
        await tx.run(ADD_NOTE, uuid4(), "taken")
        raise NoteTaken(text_taken=body.body_text)
    if body.body_text == "broken":
        raise ZeroDivisionError
    return await tx.finish(ADD_NOTE, uuid4(), f"{body.body_text} by {len(by.roles)}")


@operation("DELETE", "/notes/{note_id}", who=STAFF, status=204)
async def remove_note(tx: Tx, note_id: UUID) -> None:
    """Remove a note."""
    await tx.run(DELETE, note_id)


@operation("POST", "/hooks", who=ANYONE, kind="webhook", max_body=100, limit="2/1m")
async def hook(raw: bytes, request: Request) -> Reply[int]:
    """Take raw bytes."""
    return Reply(len(raw), message=request.header("x-signature"), status=202, headers=(("X-Extra", "1"),))


@operation("GET", "/report", who=ANYONE)
async def report() -> Content:
    """A document."""
    return Content(b"a,b\n" * 1000, "text/csv", filename='repört".csv')


@operation("GET", "/elsewhere", who=ANYONE)
async def elsewhere() -> Redirect:
    """Somewhere else."""
    return Redirect("https://example.com/file?x=1")


@operation("GET", "/slow", who=ANYONE)
async def slow(tx: Tx) -> str | None:
    """Takes a moment."""
    return await tx.run(SLEEP, 0.2)


OPERATIONS: Sequence[Operation[..., Any]] = (read_note, list_notes, add_note, remove_note, hook, report, elsewhere, slow)


@pytest.fixture
def notes(admin_dsn: str, database: Database) -> Database:
    """A market with a table of notes."""
    import asyncpg  # noqa: PLC0415
    import uvloop  # noqa: PLC0415

    async def create() -> None:
        connection = await asyncpg.connect(admin_dsn)
        await connection.execute("set search_path to sample; create table notes (id uuid primary key, body_text text not null)")
        await connection.close()

    uvloop.run(create())
    return database


async def test_a_note_is_added_read_listed_and_removed(notes: Database) -> None:
    async with Served(site(notes), OPERATIONS) as served, served.client("client", "admin") as staff:
        added = await staff.post("/notes", json={"bodyText": "hello"})
        assert added.status_code == 201
        note = added.json()["data"]
        assert note["bodyText"] == "hello by 2"
        read = await staff.get(f"/notes/{note['id']}")
        assert read.json() == {"success": True, "data": note}
        listed = (await staff.get("/notes?limit=5")).json()
        assert listed == {"success": True, "data": [note], "pagination": {"page": 1, "limit": 5, "total": 1, "totalPages": 1}}
        assert (await staff.delete(f"/notes/{note['id']}")).status_code == 204
        assert (await staff.get(f"/notes/{note['id']}")).json()["data"] is None


async def test_every_wrong_field_is_named(notes: Database) -> None:
    async with Served(site(notes), OPERATIONS) as served, served.client("client") as client:
        refused = await client.post("/notes", json={"bodyText": "", "copies": 9, "colour": "red"})
        assert (refused.status_code, code(refused)) == (422, "INVALID")
        assert {f["field"] for f in refused.json()["error"]["details"]["fields"]} == {"bodyText", "copies", "colour"}
        refused = await client.get("/notes/seven")
        assert refused.json()["error"]["details"]["fields"][0]["field"] == "noteId"
        refused = await client.get("/notes?limit=0&sort=colour&nonsense=1")
        assert {f["field"] for f in refused.json()["error"]["details"]["fields"]} == {"limit", "sort", "nonsense"}
        refused = await client.get(f"/notes/{uuid4()}?verbose=1")
        assert code(refused) == "INVALID"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "expected"),
    [
        (b"{", "application/json", 400, "MALFORMED_BODY"),
        (b"", "application/json", 400, "MALFORMED_BODY"),
        (b'{"bodyText": "\xff"}', "application/json", 400, "MALFORMED_BODY"),
        (b"[" * 100_000, "application/json", 400, "MALFORMED_BODY"),
        (b"null", "application/json", 422, "INVALID"),
        (b"bodyText=1", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b'"' + b"x" * 2_000_000 + b'"', "application/json", 413, "BODY_TOO_LARGE"),
        (b'{"bodyText": "nul \\u0000"}', "application/json", 422, "UNSTORABLE"),
    ],
)
async def test_a_wrong_body_gets_a_clear_answer(notes: Database, body: bytes, content_type: str, status: int, expected: str) -> None:
    async with Served(site(notes), OPERATIONS) as served, served.client("client") as client:
        refused = await client.post("/notes", content=body, headers={"content-type": content_type})
        assert (refused.status_code, code(refused)) == (status, expected)


async def test_who_may_not_is_told_so(notes: Database) -> None:
    async with Served(site(notes), OPERATIONS) as served, served.client() as nobody, served.client("worker") as worker:
        assert code(await nobody.post("/notes", json={"bodyText": "x"})) == "SIGN_IN_NEEDED"
        assert code(await worker.post("/notes", json={"bodyText": "x"})) == "NOT_ALLOWED"
        assert code(await nobody.get("/notes", headers={"Authorization": "Bearer nonsense"})) == "TOKEN_INVALID"
        assert (await nobody.get("/notes")).status_code == 200


async def test_a_refusal_undoes_what_was_done_and_a_bug_says_nothing(notes: Database) -> None:
    async with Served(site(notes), OPERATIONS) as served, served.client("client") as client:
        refused = await client.post("/notes", json={"bodyText": "taken"})
        assert refused.json()["error"] == {
            "code": "NOTE_TAKEN",
            "message": "A note says taken already.",
            "details": {"textTaken": "taken"},
        }
        broken = await client.post("/notes", json={"bodyText": "broken"})
        assert (broken.status_code, code(broken)) == (500, "INTERNAL_ERROR")
        assert "ZeroDivision" not in broken.text
        assert (await client.get("/notes")).json()["pagination"]["total"] == 0


async def test_a_dry_run_answers_and_changes_nothing(notes: Database) -> None:
    async with Served(site(notes), OPERATIONS) as served, served.client("client") as client:
        dry = await client.post("/notes?dry_run=true", json={"bodyText": "x"})
        assert (dry.status_code, dry.json()["data"]["bodyText"]) == (201, "x by 1")
        assert (await client.get("/notes")).json()["pagination"]["total"] == 0


async def test_fifty_requests_with_one_key_are_one_change(notes: Database) -> None:
    async with Served(site(notes), OPERATIONS) as served, served.client("client") as client:
        sent = [client.post("/notes", json={"bodyText": "once"}, headers={"Idempotency-Key": "k1"}) for _ in range(50)]
        answers = await asyncio.gather(*sent)
        assert {a.status_code for a in answers} <= {201, 409}
        assert {code(a) for a in answers if a.status_code == 409} <= {"KEY_IN_FLIGHT"}
        again = await client.post("/notes", json={"bodyText": "once"}, headers={"Idempotency-Key": "k1"})
        assert {a.content for a in answers if a.status_code == 201} == {again.content}
        other = await client.post("/notes", json={"bodyText": "twice"}, headers={"Idempotency-Key": "k1"})
        assert (other.status_code, code(other)) == (422, "KEY_REUSED")
        assert (await client.get("/notes")).json()["pagination"]["total"] == 1


async def test_reading_again_costs_nothing_where_nothing_changed(notes: Database) -> None:
    async with Served(site(notes), OPERATIONS) as served, served.client("client") as client:
        first = await client.get("/notes")
        again = await client.get("/notes", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        await client.post("/notes", json={"bodyText": "x"})
        changed = await client.get("/notes", headers={"If-None-Match": first.headers["etag"]})
        assert changed.status_code == 200


async def test_fields_can_be_chosen(notes: Database) -> None:
    async with Served(site(notes), OPERATIONS) as served, served.client("client") as client:
        await client.post("/notes", json={"bodyText": "x"})
        assert list((await client.get("/notes?fields=bodyText")).json()["data"][0]) == ["bodyText"]
        assert code(await client.get("/notes?fields=colour")) == "INVALID"


async def test_what_every_answer_carries(notes: Database) -> None:
    async with Served(site(notes, origins=["https://shop.example"]), OPERATIONS) as served, served.client() as client:
        answer = await client.get("/notes", headers={"X-Request-Id": "mine-1", "Origin": "https://shop.example"})
        for name in ("x-content-type-options", "ratelimit-remaining", "etag", "date", "content-length", "content-security-policy"):
            assert name in answer.headers
        assert answer.headers["x-request-id"] == "mine-1"
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        other = await client.get("/notes", headers={"X-Request-Id": "<b>", "Origin": "https://evil.example"})
        assert other.headers["x-request-id"] != "<b>"
        assert "access-control-allow-origin" not in other.headers
        preflight = await client.options("/notes", headers={"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"})
        assert preflight.status_code == 204
        assert "POST" in preflight.headers["access-control-allow-methods"]


async def test_a_method_that_does_not_exist_is_told_which_do(notes: Database) -> None:
    async with Served(site(notes), OPERATIONS) as served, served.client() as client:
        refused = await client.patch("/notes")
        assert (refused.status_code, code(refused)) == (405, "METHOD_NOT_ALLOWED")
        assert refused.headers["allow"] == "GET, HEAD, OPTIONS, POST"
        head = await client.head("/report", headers={"Accept-Encoding": "identity"})
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "4000")


async def test_a_limit_of_its_own_is_counted_apart(notes: Database) -> None:
    async with Served(site(notes), OPERATIONS) as served, served.client() as client:
        first = await client.post("/hooks", content=b"12345", headers={"X-Signature": "s"})
        assert (first.status_code, first.json()) == (202, {"success": True, "message": "s", "data": 5})
        assert (first.headers["x-extra"], first.headers["ratelimit-remaining"]) == ("1", "1")
        assert (await client.post("/hooks", content=b"x" * 101)).status_code == 413
        assert (await client.post("/hooks", content=b"")).status_code == 202
        third = await client.post("/hooks", content=b"")
        assert (third.status_code, code(third)) == (429, "TOO_MANY_REQUESTS")
        assert int(third.headers["retry-after"]) > 0
        assert (await client.get("/notes")).status_code == 200


async def test_whoever_asks_too_often_waits(notes: Database) -> None:
    narrow = site(notes, address_limit=parse("2/1m"), member_limit=parse("3/1m"))
    async with Served(narrow, OPERATIONS) as served, served.client() as nobody, served.client("client") as client:
        assert [(await nobody.get("/notes")).status_code for _ in range(3)] == [200, 200, 429]
        assert [(await client.get("/notes")).status_code for _ in range(4)] == [200, 200, 200, 429]


async def test_machines_that_sign_may_tell_more_than_strangers_ask(notes: Database) -> None:
    async with Served(site(notes, address_limit=parse("1/1m")), OPERATIONS) as served, served.client() as nobody:
        assert [(await nobody.get("/notes")).status_code for _ in range(2)] == [200, 429]
        assert (await nobody.post("/hooks", content=b"1")).status_code == 202


async def test_what_is_refused_is_counted_and_another_session_brings_no_more(notes: Database) -> None:
    narrow = site(notes, address_limit=parse("2/1m"), member_limit=parse("2/1m"))
    async with Served(narrow, OPERATIONS) as served, served.client() as nobody:
        path = f"/notes/{uuid4()}"
        assert [(await nobody.get(path)).status_code for _ in range(3)] == [401, 401, 429]
        person = uuid4()
        sent = [{"Authorization": f"Bearer {served.token('worker', person=person)}"} for _ in range(3)]
        assert [(await nobody.delete(path, headers=each)).status_code for each in sent] == [403, 403, 429]


async def test_documents_and_redirects(notes: Database) -> None:
    async with Served(site(notes), OPERATIONS) as served, served.client() as client:
        document = await client.get("/report", headers={"Accept-Encoding": "gzip"})
        assert document.headers["content-disposition"] == 'attachment; filename="rep?rt\'.csv"'
        assert document.headers["content-encoding"] == "gzip"
        assert document.text == "a,b\n" * 1000
        redirect = await client.get("/elsewhere")
        assert (redirect.status_code, redirect.headers["location"]) == (302, "https://example.com/file?x=1")


def test_a_signature_that_cannot_be_bound_is_refused_at_start(notes: Database) -> None:
    @operation("GET", "/things/{thing_id}")
    async def forgetful(tx: Tx) -> None:
        """Forgets its path parameter."""

    @operation("GET", "/things")
    async def greedy(weather: float) -> None:
        """Wants what nobody has."""

    @operation("POST", "/things", idempotent=True)
    async def careless() -> None:
        """Has nothing to keep its answer in."""

    @operation("GET", "/things", kind="stream")
    async def hoarding(tx: Tx) -> AsyncIterator[int]:
        """Would hold a transaction for as long as somebody listens."""
        yield await tx.run(HOW_MANY)

    @operation("POST", "/things", idempotent=False)
    async def timeless(body: Appointment) -> None:
        """Would compare what cannot be compared."""

    for wrong in (forgetful, greedy, careless, hoarding, timeless):
        with pytest.raises(Undeclared):
            compile_operation(wrong, site(notes))


async def test_an_address_behind_a_trusted_proxy_is_counted_for_itself(notes: Database) -> None:
    served = Served(site(notes, address_limit=parse("1/1m")), OPERATIONS)
    served.edge.trusted = (ip_network("127.0.0.0/8"),)
    async with served, served.client() as client:
        first = {"X-Forwarded-For": "198.51.100.1"}
        assert (await client.get("/notes", headers=first)).status_code == 200
        assert (await client.get("/notes", headers=first)).status_code == 429
        assert (await client.get("/notes", headers={"X-Forwarded-For": "198.51.100.2"})).status_code == 200


async def test_guessing_tokens_is_counted_and_an_expired_one_is_not_a_guess(notes: Database) -> None:
    async with Served(site(notes, address_limit=parse("3/1h")), OPERATIONS) as served, served.client() as client:
        expired = served.site.tokens.issue(Actor(uuid4(), frozenset({"client"}), uuid4(), "test"), life=-1)
        for _ in range(5):
            assert code(await client.get("/notes", headers={"Authorization": f"Bearer {expired}"})) == "TOKEN_EXPIRED"
        guesses = [code(await client.get("/notes", headers={"Authorization": f"Bearer a.b.{guess}"})) for guess in range(4)]
        assert guesses == ["TOKEN_INVALID", "TOKEN_INVALID", "TOKEN_INVALID", "TOO_MANY_REQUESTS"]


@pytest.mark.parametrize("sent", ["Bearer a.b.c", "Basic YTpi", "Bearer souk_of-nobody-at-all-really", "expired"])
async def test_where_nobody_is_asked_who_they_are_no_token_stands_in_the_way(notes: Database, sent: str) -> None:
    async with Served(site(notes), OPERATIONS) as served, served.client() as client:
        expired = served.site.tokens.issue(Actor(uuid4(), frozenset({"client"}), uuid4(), "test"), life=-1)
        headers = {"Authorization": f"Bearer {expired}" if sent == "expired" else sent}
        assert (await client.get("/report", headers=headers)).status_code == 200
        assert (await client.get("/notes", headers=headers)).status_code == 401, "this one takes who asks"
