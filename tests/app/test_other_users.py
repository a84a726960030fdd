"""What belongs to one person, nobody else of any market reaches: asked of the running system, for every operation there is."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from uuid import UUID, uuid4

import httpx
import pytest

from souk.app.application import operations_of
from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.http.guards import MEMBER, Actor
from souk.kernel.http.openapi import camel
from souk.kernel.http.operation import operation
from souk.modules import identity
from tests.app.running import Souk, every_market, tokens_of
from tests.kernel.http.serving import IN_THE_CLEAR
from tests.plugins.other_users import about_rows, filled, ids_in, makers, others_of, own_lists, signing_up, trespasses
from tests.plugins.permissions import AnyOperation

MARKETS = {market.name: market for market in every_market()}
CURSOR = re.compile(rb'"nextCursor":"[^"]*"')
DEMO_NAMES = {"customer": "Ada", "provider": "Bo"}
"""Whom the sample's demo data are of."""


class Crawl:
    """One market of a running system, asked by some of its people."""

    def __init__(self, souk: Souk, market: Market) -> None:
        self.market = market
        self.operations: tuple[AnyOperation, ...] = operations_of(market, Settings.load({}))
        self.client = httpx.Client(base_url=souk.address + market.base, timeout=30, **IN_THE_CLEAR)
        self.asked: Counter[str] = Counter()
        self.reached: set[str] = set()
        """What the owners themselves reached: proof that the ids are the right ones."""
        self.wrong: list[str] = []
        self.bodies: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.bodies = self._bodies()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def _bodies(self) -> dict[str, Any]:
        """A right body for every operation that takes one, as the market's own description has it: a wrong one proves nothing."""
        paths = self.client.get("/openapi.json").json()["paths"]
        found = {}
        for each in self.operations:
            described = paths[re.sub(r"{(\w+)}", lambda name: f"{{{camel(name[1])}}}", each.path)][each.method.lower()]
            found[each.name] = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        return found

    # People

    def sign_in(self, role: str) -> str:
        """Somebody of the demo data, whatever this market's way in is."""
        if any(each.path == "/sign-in" for each in self.operations):
            return self._token("/sign-in", {"name": DEMO_NAMES.get(role, role), "role": role})
        return self._token("/auth/login", {"email": f"{role}@{self.market.name}.test", "password": identity.DEMO_PASSWORD})

    def newcomer(self, role: str) -> str:
        """Somebody whom nobody knows. Who cannot sign up in that role has a token of it all the same."""
        if any(each.path == "/sign-in" for each in self.operations):
            return self._token("/sign-in", {"name": f"newcomer {uuid4()}", "role": role})
        if role in signing_up(self.market):
            name = {"firstName": "New", "lastName": "Comer", "role": role}
            return self._token("/auth/register", {"email": f"{uuid4()}@example.com", "password": f"Four-fine-summers-{uuid4()}", **name})
        tokens = tokens_of(self.market.name)
        return tokens.issue(Actor(uuid4(), frozenset({role}), uuid4(), self.market.name))

    def _token(self, path: str, body: dict[str, str]) -> str:
        answer = self.client.post(path, json=body)
        assert answer.status_code in {200, 201}, f"{path} {body}: {answer.text}"
        return str(answer.json()["data"]["accessToken"])

    # Asking

    def ask(self, token: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """One request; of a stream, only its head."""
        with self.client.stream(method, path, json=body, headers={"Authorization": f"Bearer {token}"}) as answer:
            if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                answer.read()
            return answer

    def sees(self, token: str, role: str) -> dict[str, bytes]:
        """Everything that somebody reads without naming anything, but for where to read on: that may be a moment, and moments pass."""
        return {path: CURSOR.sub(b"", self.ask(token, "GET", path).content) for path in own_lists(self.market, self.operations, role)}

    def settled(self, token: str, role: str) -> dict[str, bytes]:
        """The same when nothing moves any more: letters on their way, say."""
        deadline = time.monotonic() + 30
        before: dict[str, bytes] = {}
        now = self.sees(token, role)
        while before != now and time.monotonic() < deadline:
            time.sleep(0.25)
            before, now = now, self.sees(token, role)
        return now

    def of(self, role: str) -> None:
        """What belongs to somebody of that role, tried by newcomers."""
        self.sign_in(role)  # another session of theirs, which is an id as well
        owner = self.sign_in(role)
        for maker in makers(self.market, self.operations, role):
            self.ask(owner, "POST", maker.path, self.bodies[maker.name])
        ids = ids_in(self.sees(owner, role).values())
        self._reach(owner, ids)
        for other in others_of(self.market, role):
            self._try(role, owner, other, ids)

    def _reach(self, owner: str, ids: list[str]) -> None:
        for each in about_rows(self.operations):
            if each.reading and any(self.ask(owner, "GET", path).is_success for path in filled(each, ids)):
                self.reached.add(each.name)

    def _try(self, role: str, owner: str, other: str, ids: list[str]) -> None:
        intruder = self.newcomer(other)
        before = self.settled(owner, role)

        def ask(method: str, path: str, body: Any) -> int:
            return self.ask(intruder, method, path, body).status_code

        found = [f"{other} at what is {role}'s: {each}" for each in trespasses(self.operations, ids, self.bodies, ask, self.asked)]
        after = self.settled(owner, role)
        self.wrong += found
        self.wrong += [f"{role} sees something else at {path} after {other} was there" for path in before if before[path] != after[path]]


@contextmanager
def crawled(souk: Souk, name: str) -> Iterator[Crawl]:
    with Crawl(souk, MARKETS[name]) as crawl:
        for role in crawl.market.roles:
            crawl.of(role.name)
        yield crawl


@pytest.mark.parametrize("name", MARKETS)
def test_nobody_reaches_what_belongs_to_another(everything: Souk, name: str) -> None:
    with crawled(everything, name) as crawl:
        assert crawl.wrong == []
        silent = [each.name for each in about_rows(crawl.operations) if not crawl.asked[each.name]]
        assert silent == [], "every operation about rows was asked for some"
        assert crawl.asked.total() >= 10 * len(list(about_rows(crawl.operations)))
        if name == "sample":
            assert crawl.reached == {"read_order", "list_messages"}, "their owners do reach them by the same ids"
        else:
            assert crawl.asked["end_session"] >= 20


# Guards of the test above


@operation("GET", "/papers/{paper_id}/{kind}", who=MEMBER)
async def read_paper(paper_id: UUID, kind: int) -> UUID:
    """Leaks."""
    del kind
    return paper_id


@operation("DELETE", "/papers/{paper_id}", who=MEMBER)
async def drop_paper(paper_id: UUID) -> None:
    """Leaks too."""


@operation("GET", "/people/{person_id}", who=MEMBER, shared=True)
async def read_person(person_id: UUID) -> UUID:
    """Is for everybody."""
    return person_id


LEAKY: tuple[AnyOperation, ...] = (read_paper, drop_paper, read_person)


@pytest.mark.parametrize(("status", "found"), [(200, 6), (204, 6), (302, 6), (409, 6), (500, 6), (401, 6), (403, 0), (404, 0), (422, 0)])
def test_only_a_plain_no_is_one(status: int, found: int) -> None:
    ids = [str(uuid4()) for _ in range(2)]
    sent: list[str] = []

    def ask(method: str, path: str, body: Any) -> int:
        del body
        sent.append(f"{method} {path}")
        return status

    asked: Counter[str] = Counter()
    assert len(list(trespasses(LEAKY, ids, {}, ask, asked))) == found
    assert sorted(sent) == sorted(
        [f"{m} /papers/{one}/1" for m in ("GET", "HEAD") for one in ids] + [f"DELETE /papers/{one}" for one in ids]
    )
    assert asked == {"read_paper": 4, "drop_paper": 2}


def test_staff_are_above_and_everybody_else_is_not() -> None:
    assert others_of(MARKETS["tulifo"], "client") == ["client", "worker"]
    assert others_of(MARKETS["tulifo"], "admin") == ["client", "worker", "admin"]
    assert others_of(MARKETS["sample"], "customer") == ["customer", "provider"]
    assert others_of(MARKETS["grid"], "dashboard_operator") == ["user", "node_operator", "dashboard_operator"]


def test_every_id_in_an_answer_is_found() -> None:
    one, other = str(uuid4()), str(uuid4())
    assert ids_in([f'{{"a":"{one}","b":["x{other}"]}}'.encode(), one.encode(), b"none"]) == sorted([one, other])
