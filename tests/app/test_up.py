"""`souk up`, `serve` and `work` as a new user meets them: addresses, pages, ports, signals and restarts."""

from __future__ import annotations

import contextlib
import html
import re
import threading
from datetime import datetime
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from souk.cli.outcome import Code
from tests.app.blocking import Blocker
from tests.app.running import BASE, Person, Souk, Start, code, every_market
from tests.kernel.http.serving import IN_THE_CLEAR

SECRET = "a secret of these tests, long enough for production"


def order(person: httpx.Client, **fields: object) -> httpx.Response:
    return person.post(
        "/orders", json={"providerId": str(uuid4()), "title": "Paint the fence", "price": 12500, "currency": "EUR", **fields}
    )


# What it says and shows


def test_it_prints_where_everything_is_and_that_it_is_ready(up: Souk) -> None:
    address = up.address
    assert up.lines[-1] == f"souk: ready on {address}"
    printed = [word for line in up.lines[:-1] for word in line.split() if word.startswith("http")]
    assert f"{address}/status" in printed
    assert f"{address}{BASE}/docs" in printed
    for url in printed:
        assert httpx.get(url, trust_env=False).status_code in {200, 302}, url


def test_it_prints_the_demo_logins_of_each_market_and_they_work(everything: Souk) -> None:
    assert everything.address
    printed = [line for line in everything.lines if " logins " in line]
    assert [line.split()[1] for line in printed] == [market.name for market in every_market() if market.name != "sample"]
    for line in printed:
        _, _, name, _, *addresses, _, password = line.replace("souk:", "souk :").split()
        base = next(market.base for market in every_market() if market.name == name)
        given = {"email": addresses[0].strip(","), "password": password}
        answer = httpx.post(f"{everything.address}{base}/auth/login", json=given, timeout=30, **IN_THE_CLEAR)
        assert answer.json()["data"]["user"]["role"] == "admin", answer.text


def test_it_prints_where_letters_land_and_the_status_page_leads_there(everything: Souk) -> None:
    page = httpx.get(f"{everything.address}/status", timeout=30, **IN_THE_CLEAR).text
    printed = {word for line in everything.lines for word in line.split() if word.endswith("/dev/mail")}
    bases = [market.base for market in every_market() if market.name != "sample"]
    assert printed == {f"{everything.address}{base}/dev/mail" for base in bases}
    assert [base for base in bases if f'href="{base}/dev/mail"' not in page] == []


def test_production_takes_no_demo_logins(start: Start) -> None:
    souk = start("seed", SOUK_ENV="production", SOUK_SECRET=SECRET)
    assert souk.ended() == Code.CONFIGURATION
    assert "SOUK_ENV is production" in souk.all_it_said()


def test_machines_can_ask_whether_it_is_well(up: Souk) -> None:
    assert up.get("/health").json() == {"success": True, "data": {"status": "alive"}}
    ready = up.get("/ready")
    assert ready.status_code == 200
    assert {probe["name"] for probe in ready.json()["data"]["probes"]} == {"sample: database", "sample: queue"}


def test_its_metrics_tell_of_requests_connections_and_the_queue(up: Souk, person: Person) -> None:
    assert person().get("/orders").status_code == 200
    page = up.get("/metrics").text
    for line in ('souk_requests_total{market="sample"', 'operation="list_orders"', "souk_connections_open", "souk_queue_dead"):
        assert line in page


@pytest.mark.parametrize("path", ["/", "/status"])
def test_people_see_a_page_that_says_everything_works(up: Souk, path: str) -> None:
    page = up.get(path)
    assert page.headers["content-type"].startswith("text/html")
    assert "Everything works" in page.text
    assert f'href="{BASE}/docs"' in page.text


@pytest.mark.parametrize("path", [f"{BASE}/docs", f"{BASE}/reference", "/status"])
def test_a_page_loads_nothing_from_elsewhere(up: Souk, path: str) -> None:
    page = up.get(path)
    assert page.status_code == 200
    assert "'self'" in page.headers["content-security-policy"] or "default-src 'none'" in page.headers["content-security-policy"]
    named = re.findall(r"""(?:src|href|url)\s*=\s*["']([^"']+)["']""", html.unescape(page.text))
    ours = [reference for reference in named if not reference.startswith("data:")]
    assert ours
    for reference in ours:
        assert not urlsplit(reference).netloc, f"{path} names {reference}"
        assert up.get(reference).status_code == 200, reference


def test_the_address_of_a_market_leads_to_its_pages(up: Souk) -> None:
    sent = up.get(BASE)
    assert (sent.status_code, sent.headers["location"]) == (302, f"{BASE}/docs")


def test_the_description_of_the_api_lists_what_can_be_done(up: Souk) -> None:
    document = up.get(f"{BASE}/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert {"/sign-in", "/orders", "/orders/{orderId}/messages", "/dev/clock"} <= set(document["paths"])


@pytest.mark.parametrize("path", ["/nowhere", f"{BASE}/nowhere", f"{BASE}/orders/x/y/z", "/assets/nothing.js", "/sample"])
def test_an_unknown_path_is_answered_in_the_usual_way(up: Souk, path: str) -> None:
    refused = up.get(path)
    assert (refused.status_code, code(refused)) == (404, "NO_SUCH_PATH")
    assert refused.headers["x-content-type-options"] == "nosniff"


def test_one_command_serves_every_market(everything: Souk) -> None:
    probes = everything.get("/ready").json()["data"]["probes"]
    for market in every_market():
        assert f"{market.name}: database" in {probe["name"] for probe in probes}
        assert everything.get(f"{market.base}/openapi.json").json()["info"]["title"] == market.title
        assert everything.get(f"{market.base}/docs").status_code == 200


# The clock of development


def now(person: httpx.Client) -> str:
    return str(person.get("/dev/clock").json()["data"]["now"])


def minutes(person: httpx.Client) -> float:
    """The market's time in minutes."""
    return datetime.fromisoformat(now(person)).timestamp() / 60


def test_the_clock_moves_as_far_as_it_is_told(start: Start, dsn: str) -> None:
    souk = start("up", SOUK_DATABASE_URL=dsn)
    with souk.client("Ada") as ada:
        before = minutes(ada)
        moved = ada.post("/dev/clock", json={"advance": "15m"})
        assert moved.status_code == 200
        assert 15 <= minutes(ada) - before < 17
        assert order(ada).json()["data"]["createdAt"] >= moved.json()["data"]["now"]


def test_what_became_due_is_done_before_the_clock_answers(start: Start, dsn: str) -> None:
    souk = start("up", SOUK_DATABASE_URL=dsn)
    with souk.client("Ada") as ada:
        waiting = order(ada).json()["data"]
        ada.post("/dev/clock", json={"advance": "13d23h"})
        assert ada.get(f"/orders/{waiting['id']}").json()["data"]["state"] == "open"
        ada.post("/dev/clock", json={"advance": "1h5m"})
        assert ada.get(f"/orders/{waiting['id']}").json()["data"]["state"] == "lapsed"


@pytest.mark.parametrize("advance", ["", "15", "m", "-15m", "15 m", "1e9s", "15M", "15m\n", "15m later", 15, None, "\0", "1d" * 30])
def test_a_clock_refuses_what_is_no_step_forward(up: Souk, advance: object) -> None:
    with up.client() as nobody:
        before = minutes(nobody)
        refused = nobody.post("/dev/clock", json={"advance": advance})
        assert (refused.status_code, code(refused)) == (422, "INVALID")
        assert refused.json()["error"]["details"]["fields"][0]["field"] == "advance"
        assert minutes(nobody) - before < 10


@pytest.mark.parametrize("advance", ["999999w", "3661d", "3660d" + "1s"])
def test_a_clock_does_not_go_where_no_date_can_follow(up: Souk, advance: str) -> None:
    with up.client() as nobody:
        refused = nobody.post("/dev/clock", json={"advance": advance})
        assert (refused.status_code, code(refused)) == (422, "TOO_FAR")


# Production


def test_production_refuses_to_start_without_a_secret_of_its_own(start: Start, dsn: str) -> None:
    souk = start("serve", SOUK_ENV="production", SOUK_MARKETS="nimmit", SOUK_DATABASE_URL=dsn)
    assert souk.ended() == Code.CONFIGURATION
    assert "SOUK_SECRET" in souk.all_it_said()


def test_production_does_not_serve_the_sample(start: Start, dsn: str) -> None:
    souk = start("serve", SOUK_ENV="production", SOUK_SECRET=SECRET, SOUK_DATABASE_URL=dsn)
    assert souk.ended() == Code.CONFIGURATION
    assert "sample" in souk.all_it_said()


def test_production_has_nothing_of_development(start: Start, dsn: str) -> None:
    souk = start("up", SOUK_ENV="production", SOUK_MARKETS="nimmit", SOUK_SECRET=SECRET, SOUK_DATABASE_URL=dsn)
    assert souk.get("/nimmit/v1/dev/clock").status_code == 404
    for path in ("/sandbox/pay/pi_1_secret_2", "/nimmit/v1/sandbox/faults", "/nimmit/v1/pay/pi_1_secret_2"):
        assert code(souk.get(path)) == "NO_SUCH_PATH"
    paths = souk.get("/nimmit/v1/openapi.json").json()["paths"]
    assert [path for path in paths if path.startswith(("/dev/", "/sandbox/", "/pay/"))] == []
    assert "strict-transport-security" in souk.get("/ready").headers


# Several at once, ports, parts


def test_a_second_one_on_the_same_port_says_what_to_do(up: Souk, start: Start, dsn: str) -> None:
    second = start("up", SOUK_PORT=str(up.port), SOUK_DATABASE_URL=dsn)
    assert second.ended() == Code.CONFIGURATION
    said = second.all_it_said()
    assert str(up.port) in said
    assert "set SOUK_PORT to another port" in said
    assert "Traceback" not in said
    assert up.get("/health").status_code == 200


def test_two_started_at_once_in_one_home_share_its_data(start: Start) -> None:
    first, second = start("up"), start("up")
    with first.client("Ada") as here, second.client("Ada") as there:
        placed = order(here).json()["data"]
        assert there.get(f"/orders/{placed['id']}").json()["data"] == placed


def test_only_the_named_modules_are_served(start: Start, dsn: str) -> None:
    start("migrate", SOUK_DATABASE_URL=dsn).ended()
    souk = start("serve", "--modules", "sample", SOUK_DATABASE_URL=dsn)
    with souk.client("Ada") as ada:
        assert order(ada).status_code == 201
    wrong = start("serve", "--modules", "sample,teapots", SOUK_DATABASE_URL=dsn)
    assert wrong.ended() == Code.CONFIGURATION
    assert "teapots" in wrong.all_it_said()


def test_a_server_on_a_database_that_was_not_migrated_says_so(start: Start, dsn: str) -> None:
    souk = start("serve", SOUK_DATABASE_URL=dsn)
    assert souk.ended() in {Code.FAILED, Code.DATABASE}
    assert "souk migrate" in souk.all_it_said()
    assert "Traceback" not in souk.all_it_said()


# Its end, and its next start


def until_it_takes_no_new_connections(souk: Souk) -> None:
    with contextlib.suppress(httpx.TransportError):
        while True:
            souk.get("/health")


def test_asked_to_stop_it_finishes_the_request_at_hand(start: Start, dsn: str) -> None:
    souk = start("up", SOUK_DATABASE_URL=dsn)
    with souk.client("Ada") as ada:
        placed = order(ada).json()["data"]["id"]
        answers: list[httpx.Response] = []
        with Blocker(dsn, placed) as blocker:
            asking = threading.Thread(target=lambda: answers.append(ada.post(f"/orders/{placed}/messages", json={"body": "Tuesday?"})))
            asking.start()
            blocker.wait_until_waiting()
            souk.ask_to_stop()
            until_it_takes_no_new_connections(souk)
        asking.join()
    assert [answer.status_code for answer in answers] == [201]
    assert souk.ended() == 0


def test_a_restart_keeps_data_and_time(start: Start) -> None:
    first = start("up")
    with first.client("Ada") as ada:
        placed = order(ada).json()["data"]
        ada.post("/dev/clock", json={"advance": "3d"})
        before = minutes(ada)
    assert first.stop() == 0
    again = start("up")
    with again.client("Ada") as ada:
        assert ada.get(f"/orders/{placed['id']}").json()["data"] == placed
        assert 0 <= minutes(ada) - before < 10
