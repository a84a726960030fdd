"""A journey of money, API and worker each a process: in by the bank's page, into escrow, back in part, out to a bank."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
import uvloop

from bench.machine import free_port
from souk.app.opened import sources_of
from souk.kernel.config import Settings
from souk.kernel.migrate import migrate
from tests.app.running import BASE, SHOP, Souk, Start, code, until
from tests.app.shop import SHOP as SHOP_MARKET
from tests.kernel.http.serving import IN_THE_CLEAR

PASSWORD: Final = "three fine winters"


class Square:
    """A market in which people pay, as several processes, and those who came to it."""

    def __init__(self, start: Start, dsn: str) -> None:
        port = free_port()
        self._start = start
        self._settings = {"SOUK_DATABASE_URL": dsn, "SOUK_PUBLIC_URL": f"http://127.0.0.1:{port}"}
        uvloop.run(migrate(dsn, SHOP_MARKET.name, sources_of(SHOP_MARKET), secret=Settings.load({}).key("database").hex()))
        self.api = self._begin("serve", SOUK_PORT=str(port))
        self.worker = self._begin("work")
        self.address = self.api.address
        self.worker.wait_for("souk: at work")
        self.anybody = httpx.Client(base_url=self.address, timeout=30, **IN_THE_CLEAR, follow_redirects=True)

    def _begin(self, *words: str, **also: str) -> Souk:
        return self._start(*words, measured=False, program=SHOP, **self._settings, **also)

    def asks(self, *words: str) -> Souk:
        """A command that ends by itself."""
        return self._begin(*words)

    def another_worker(self) -> None:
        """In the place of the one that was killed."""
        self.worker = self._begin("work")

    def later(self, step: str) -> None:
        """Time passes."""
        moved = self.anybody.post(f"{BASE}/dev/clock", json={"advance": step})
        assert moved.status_code == 200, moved.text

    def develops(self, method: str, path: str, **body: Any) -> Any:
        """Have the sandbox do something."""
        answer = self.anybody.request(method, f"{BASE}/sandbox/{path}", json=body or None)
        assert answer.is_success, answer.text
        return answer.json()["data"] if answer.content else None

    def join(self, name: str, role: str) -> httpx.Client:
        """Somebody signs up."""
        wanted = {"email": f"{name}@example.com", "password": PASSWORD, "firstName": name, "lastName": "Byron", "role": role}
        answer = self.anybody.post(f"{BASE}/auth/register", json=wanted)
        assert answer.status_code == 201, answer.text
        return self._client(answer.json()["data"]["accessToken"])

    def staff(self) -> httpx.Client:
        """Somebody who may send money back."""
        return self.api.client("sam", "staff")

    def _client(self, token: str) -> httpx.Client:
        return httpx.Client(base_url=self.address + BASE, headers={"Authorization": f"Bearer {token}"}, timeout=30, **IN_THE_CLEAR)

    def fills_in(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """The form of a page of the bank's, filled in and sent."""
        action = re.search(r'<form method="post" action="([^"]*)">', page.text)
        assert action is not None, page.text
        hidden = {name: unescape(value) for name, value in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text)}
        return self.anybody.post(unescape(action[1]), data={**hidden, **fields})


@contextmanager
def leaving(*people: httpx.Client) -> Iterator[None]:
    """They hang up at the end."""
    try:
        yield
    finally:
        for person in people:
            person.close()


@pytest.fixture
def square(start: Start, dsn: str) -> Iterator[Square]:
    square = Square(start, dsn)
    with leaving(square.anybody):
        yield square


def told(answer: httpx.Response, status: int = 200) -> Any:
    """What an answer says."""
    assert answer.status_code == status, answer.text
    return answer.json()["data"]


def becomes(person: httpx.Client, path: str, status: str) -> None:
    """Until that is how it stands: processes tell each other over HTTP and by jobs."""
    until(lambda: told(person.get(path))["status"] == status)


def moved(person: httpx.Client) -> list[tuple[str, int]]:
    """What moved in somebody's wallet, the latest last."""
    return [(line["kind"], line["amount"]) for line in told(person.get("/wallet/statement"))[::-1]]


def test_money_comes_in_waits_goes_back_in_part_and_goes_out_each_once(square: Square) -> None:
    ada, bo, sam = square.join("ada", "customer"), square.join("bo", "provider"), square.staff()
    with leaving(ada, bo, sam):
        pays_on_the_page_of_the_bank(square, ada)
        payment = pays_for_work_while_the_worker_is_killed(square, ada, bo)
        refund = told(sam.post(f"/payments/{payment}/refund", json={"amount": 3_000, "reason": "Half of it was late."}), 201)
        assert (refund["status"], refund["amount"]) == ("succeeded", 3_000)
        told(ada.post(f"/payments/{payment}/release", headers={"Idempotency-Key": str(uuid4())}))
        assert told(ada.get("/wallet")) == {"available": 5_000, "onHold": 0, "total": 5_000, "currency": "EUR"}
        assert told(bo.get("/wallet"))["available"] == 6_000
        payout = takes_money_out(square, bo)
        the_bank_sends_it_back(square, bo, payout)
        assert moved(ada) == [
            ("payment.captured", 5_000),
            ("payment.captured", 10_000),
            ("payment.refunded", -3_000),
            ("escrow.released", -7_000),
        ]
        assert moved(bo) == [("escrow.released", 6_000), ("payout.requested", -6_000), ("payout.returned", 6_000)]
    laws = square.asks("laws")
    assert laws.ended() == 0, laws.all_it_said()


def pays_on_the_page_of_the_bank(square: Square, ada: httpx.Client) -> None:
    """Declined first, then by a card that works; the bank itself tells the market."""
    begun = told(ada.post("/wallet/deposits", json={"amount": 5_000}), 201)
    page = square.anybody.get(f"/sandbox/pay/{begun['clientSecret']}")
    page = square.fills_in(page, number="4000000000009995")
    assert "Your card has insufficient funds." in page.text
    becomes(ada, f"/payments/{begun['paymentId']}", "failed")
    page = square.fills_in(page, number="4242 4242 4242 4242")
    assert "This is succeeded." in page.text
    becomes(ada, f"/payments/{begun['paymentId']}", "captured")


def pays_for_work_while_the_worker_is_killed(square: Square, ada: httpx.Client, bo: httpx.Client) -> str:
    """A call is not answered, whoever hands over what the bank tells is killed, and all of it comes twice: it is one payment."""
    square.develops("PUT", "events", copies=2)
    square.develops("POST", "faults", fault="timeout_after", call="create_payment_intent")
    bo_id = told(bo.get("/auth/me"))["id"]
    key = {"Idempotency-Key": str(uuid4())}
    wanted = {"payeeId": bo_id, "referenceId": str(uuid4()), "amount": 10_000}
    begun = told(ada.post("/payments/create-intent", json=wanted, headers=key), 201)
    assert (begun["status"], begun["clientSecret"], begun["fee"]) == ("unknown", None, 1_000)
    again = told(ada.post("/payments/create-intent", json=wanted, headers=key), 201)
    assert (again["paymentId"], again["status"]) == (begun["paymentId"], "pending")
    square.worker.kill()
    card = {"card": "4000002760003184"}
    asked = told(square.anybody.post(f"/sandbox/payments/{again['clientSecret']}/confirm", json=card))
    assert asked["status"] == "requires_action"
    told(square.anybody.post(f"/sandbox/payments/{again['clientSecret']}/confirm", json={"passed": True}))
    assert told(ada.get(f"/payments/{begun['paymentId']}"))["status"] == "pending", "nobody has told the market"
    square.another_worker()
    becomes(ada, f"/payments/{begun['paymentId']}", "captured")
    square.develops("DELETE", "faults")
    assert told(ada.get("/wallet")) == {"available": 5_000, "onHold": 10_000, "total": 15_000, "currency": "EUR"}
    return str(begun["paymentId"])


def takes_money_out(square: Square, bo: httpx.Client) -> str:
    """To an account that is given on the bank's page; payouts wait a day after that, and arrive a day later."""
    missing = bo.post("/wallet/payouts", json={"amount": 6_000})
    assert (missing.status_code, code(missing)) == (409, "PAYOUT_ACCOUNT_MISSING")
    account = told(bo.put("/wallet/payout-account", json={"country": "FR"}))
    assert "ends with 6789" in square.fills_in(square.anybody.get(account["onboardingUrl"]), number="000123456789").text
    until(lambda: bool(told(bo.get("/wallet/payout-account"))["ready"]))
    payout = told(bo.post("/wallet/payouts", json={"amount": 6_000}), 201)
    path = f"/wallet/payouts/{payout['id']}"
    square.later("25h")
    becomes(bo, path, "sent")
    square.later("25h")
    becomes(bo, path, "paid")
    return path


def the_bank_sends_it_back(square: Square, bo: httpx.Client, path: str) -> None:
    """After it was paid: the money is in the wallet again."""
    square.develops("POST", f"payouts/{path.rpartition('/')[2]}/fail")
    becomes(bo, path, "returned")
    assert told(bo.get("/wallet"))["available"] == 6_000
