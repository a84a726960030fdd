"""Devices: who may be pushed to, and what addresses may be called."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from souk.modules.notify.errors import EndpointRefused
from souk.modules.notify.outgoing import NoAnswer, NotReached, Outgoing, is_public
from tests.modules.notify.browsers import Answer, Asked, Browser, listening
from tests.modules.notify.club import LIKED
from tests.modules.notify.conftest import Club, told

SUBSCRIPTIONS = "/notifications/push-subscriptions"


async def test_a_browser_asks_for_the_key_subscribes_and_is_listed_without_its_address(club: Club) -> None:
    ada = await club.member()
    key = told(await (await club.client()).get("/notifications/vapid-key"))["publicKey"]
    assert len(key) == 87
    await club.browser(ada, "ada")
    await club.browser(ada, "ada")
    answer = await ada.client.get("/devices")
    (device,) = told(answer)
    assert device["service"] == "web"
    assert "/send/" not in answer.text
    removed = await ada.client.delete(f"/devices/{device['id']}")
    assert removed.status_code == 204
    assert told(await ada.client.get("/devices")) == []


async def test_a_browser_that_somebody_else_signs_in_on_is_theirs_from_then_on(club: Club) -> None:
    ada, bo = await club.member(), await club.member("bo")
    await club.browser(ada, "shared")
    browser = await club.browser(bo, "shared")
    await club.told(ada.id, LIKED, parameters={"name": "Cleo"})
    assert club.service.to("shared") == []
    await club.told(bo.id, LIKED, parameters={"name": "Dan"})
    (push,) = club.read(browser, "shared")
    assert push["title"] == "Dan liked your post"


async def test_what_waited_for_the_last_owner_of_a_browser_is_not_shown_to_the_next(club: Club) -> None:
    ada, bo = await club.member(), await club.member("bo")
    await club.browser(ada, "shared")
    club.service.answers["shared"] = 503
    await club.told(ada.id, LIKED, parameters={"name": "Cleo"})
    await club.browser(bo, "shared")
    del club.service.answers["shared"]
    await club.later(minutes=5)
    assert len(club.service.to("shared")) == 1
    assert await club.log("why", where="d.channel = 'push'") == [("device_gone",)]


async def test_nobody_removes_what_is_anothers(club: Club) -> None:
    ada, bo = await club.member(), await club.member("bo")
    device = await club.app(ada, "ada-phone-token")
    await club.browser(ada, "ada")
    for answer in (
        await bo.client.delete(f"/devices/{device}"),
        await bo.client.delete(SUBSCRIPTIONS, params={"endpoint": club.service.endpoint("ada")}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "DEVICE_NOT_FOUND")
    assert len(told(await ada.client.get("/devices"))) == 2


async def test_the_twenty_first_device_takes_the_place_of_the_oldest(club: Club) -> None:
    ada = await club.member()
    for n in range(21):
        await club.app(ada, f"ada-phone-token-{n}")
    assert len(told(await ada.client.get("/devices"))) == 20
    tokens = await club.rows("select endpoint from notification_devices order by created_at, id")
    assert tokens[0] == ("ada-phone-token-1",)


GOOD = Browser().subscription("https://push.example.com/send/1")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": "ada-phone-token", "subscription": GOOD},
        {"token": "short"},
        {"token": "with spaces in it"},
        {"subscription": {**GOOD, "keys": {"p256dh": "A" * 87, "auth": "B" * 22}}},
        {"subscription": {**GOOD, "keys": {**GOOD["keys"], "auth": "B" * 30}}},
    ],
)
async def test_what_is_no_device_is_refused(club: Club, body: dict[str, Any]) -> None:
    ada = await club.member()
    answer = await ada.client.post("/devices", json=body)
    assert answer.status_code == 422, answer.text


async def test_a_browsers_own_form_is_taken_as_it_is(club: Club) -> None:
    ada = await club.member()
    answer = await ada.client.post(SUBSCRIPTIONS, json={**GOOD, "somethingNew": 1})
    assert answer.status_code == 201, answer.text
    answer = await ada.client.post("/devices", json={"subscription": GOOD, "name": "Firefox"})
    assert told(answer)["name"] == "Firefox"


# Where pushes may go


@pytest.mark.parametrize(
    "url",
    [
        "http://push.example.com/send/1",
        "ftp://push.example.com/send/1",
        "https://127.0.0.1/send/1",
        "https://[::1]/send/1",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.7/x",
        "https://[::ffff:10.0.0.7]/x",
        "https://[64:ff9b::a00:7]/x",
        "https://[2002:a00:7::]/x",
        "https://user@push.example.com/x",
        "https://push.example.com:8443/x",
        "https://push.example.com:x/",
        "https://push.example.com/a b",
        "https:///nowhere",
        "push.example.com/send/1",
    ],
)
async def test_an_address_that_is_not_public_is_refused_when_it_is_given(url: str) -> None:
    outgoing = Outgoing()
    with pytest.raises(EndpointRefused):
        outgoing.check(url)
    await outgoing.aclose()


PRIVATE = ("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.53", "169.254.169.254", "172.16.0.1", "192.168.1.1", "224.0.0.1", "240.0.0.1")  # noqa: S104
PRIVATE6 = ("::", "::1", "fc00::1", "fe80::1", "fec0::1", "ff02::1", "::ffff:192.168.1.1", "64:ff9b::c0a8:101", "2002:c0a8:101::1")


@pytest.mark.parametrize("address", [*PRIVATE, *PRIVATE6, "2001:0:53aa:64c:0:1234:5678:9abc"])
def test_private_addresses_are_none_of_the_internet(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "142.250.74.106", "2a00:1450:4007:80e::200a"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("found", [["10.0.0.7"], ["142.250.74.106", "127.0.0.1"], ["::ffff:127.0.0.1"]])
async def test_a_name_that_leads_inside_is_not_called(found: list[str]) -> None:
    async def look_up(_host: str, _port: int) -> list[str]:
        return found

    outgoing = Outgoing(look_up=look_up)
    with pytest.raises(EndpointRefused, match="not a public one"):
        await outgoing.post("https://innocent.example.com/send/1", {}, b"")
    await outgoing.aclose()


async def test_what_was_looked_up_is_what_is_called_and_only_once() -> None:
    """A name that means something else the second time reaches nothing."""
    asked: list[Asked] = []
    looked: list[str] = []

    async def look_up(host: str, _port: int) -> list[str]:
        looked.append(host)
        return ["127.0.0.1"]

    def take(request: Asked) -> Answer:
        asked.append(request)
        return 302, {"location": "http://127.0.0.1:1/elsewhere"}, b""

    outgoing = Outgoing(local=True, look_up=look_up)
    async with listening(take) as port:
        status, _headers, _body = await outgoing.post(f"http://push.example.com:{port}/send/1?x=1", {"TTL": "1"}, b"hello")
        await outgoing.aclose()
    assert (status, looked) == (302, ["push.example.com"])
    (request,) = asked
    assert (request.path, request.headers["host"], request.body) == ("/send/1?x=1", f"push.example.com:{port}", b"hello")


async def test_a_connection_that_was_opened_for_one_name_is_used_for_no_other() -> None:
    async def look_up(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    connections: list[None] = []
    outgoing = Outgoing(local=True, look_up=look_up)
    async with listening(lambda _asked: (201, {}, b""), came=lambda: connections.append(None)) as port:
        for name in ("one", "other"):
            await outgoing.post(f"http://{name}.example.com:{port}/x", {}, b"")
        await outgoing.aclose()
    assert len(connections) == 2


async def test_a_host_that_is_not_there_was_not_reached_and_one_that_is_silent_gave_no_answer() -> None:
    async def nowhere(_host: str, _port: int) -> list[str]:
        raise OSError

    outgoing = Outgoing(local=True, look_up=nowhere, whole=0.5)
    with pytest.raises(NotReached):
        await outgoing.post("http://gone.example.com/x", {}, b"")
    async with listening(lambda _asked: None) as port:
        with pytest.raises(NoAnswer):
            await outgoing.post(f"http://127.0.0.1:{port}/x", {}, b"")
        await outgoing.aclose()


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    outgoing = Outgoing(local=True)
    async with listening(lambda _asked: (200, {}, b"x" * 1_000_000)) as port:
        _status, _headers, body = await outgoing.post(f"http://127.0.0.1:{port}/x", {}, b"")
        await outgoing.aclose()
    assert len(body) == 64 * 1024


async def test_over_http_an_inside_address_is_refused_in_production_mode(club: Club) -> None:
    """Development that says so may call itself; the way out of anybody else does not."""
    ada = await club.member()
    club.outgoing.local = False
    answer = await ada.client.post(SUBSCRIPTIONS, json=Browser().subscription("https://127.0.0.1/send/1"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "ENDPOINT_REFUSED")
