"""FCM: one contract, for the adapter in process with its double and over a real socket to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from souk.kernel.clock import utc_now
from souk.kernel.ids import new_id
from souk.modules.notify.fcm import Fcm
from souk.modules.notify.model import Device, Service, Urgency
from souk.modules.notify.pretending import FcmDouble, InProcess
from souk.modules.notify.pushing import Gone, Later, Push, Refused, Unknown
from souk.modules.notify.settings import Account
from tests.modules.notify.browsers import Answer, Asked, listening

APP = Device(new_id(), Service.FCM, "an-app-token", None, None)
OTHER = Device(new_id(), Service.FCM, "another-app-token", None, None)
PUSH = Push(new_id(), "message.received", "Bo wrote", "Tuesday?", "https://example.com/c/1", Urgency.URGENT, utc_now())


class Line:
    """A way to the double."""

    def __init__(self, double: FcmDouble, fcm: Fcm) -> None:
        self.double, self.fcm = double, fcm


@asynccontextmanager
async def in_process() -> AsyncIterator[Line]:
    double = FcmDouble()
    fcm = Fcm(double.account, api="http://fcm.localhost", transport=InProcess(double))
    yield Line(double, fcm)
    await fcm.aclose()


@asynccontextmanager
async def over_a_socket() -> AsyncIterator[Line]:
    double: FcmDouble

    def take(asked: Asked) -> Answer:
        return double.answer(asked.method, asked.path, asked.headers, asked.body)

    async with listening(take) as port:
        double = FcmDouble(at=f"http://127.0.0.1:{port}")
        fcm = Fcm(double.account, api=f"http://127.0.0.1:{port}")
        yield Line(double, fcm)
        await fcm.aclose()


@pytest.fixture(params=[in_process, over_a_socket])
def line(request: pytest.FixtureRequest) -> Any:
    return request.param


Way = Callable[[], Any]


async def test_a_push_arrives_with_what_the_app_needs(line: Way) -> None:
    async with line() as at:
        await at.fcm.push(APP, PUSH)
        (message,) = at.double.taken
    assert message["token"] == "an-app-token"
    assert message["notification"] == {"title": "Bo wrote", "body": "Tuesday?"}
    assert message["data"] == {"kind": PUSH.kind, "link": PUSH.link, "notificationId": str(PUSH.notification_id)}
    assert message["android"]["collapse_key"] == message["android"]["notification"]["tag"] == PUSH.topic
    assert message["apns"]["headers"]["apns-collapse-id"] == PUSH.topic
    assert (message["android"]["priority"], message["apns"]["headers"]["apns-priority"]) == ("HIGH", "10")


async def test_one_access_token_serves_many_pushes(line: Way) -> None:
    async with line() as at:
        for _ in range(3):
            await at.fcm.push(APP, PUSH)
        assert (at.double.grants, len(at.double.taken)) == (1, 3)


async def test_a_token_that_was_taken_back_is_asked_for_anew(line: Way) -> None:
    async with line() as at:
        await at.fcm.push(APP, PUSH)
        at.double.take_back()
        with pytest.raises(Later, match="does not take our token"):
            await at.fcm.push(APP, PUSH)
        await at.fcm.push(APP, PUSH)
        assert (at.double.grants, len(at.double.taken)) == (2, 2)


async def test_an_app_that_was_removed_is_gone_and_others_are_not(line: Way) -> None:
    async with line() as at:
        at.double.remove("an-app-token")
        with pytest.raises(Gone, match="UNREGISTERED"):
            await at.fcm.push(APP, PUSH)
        await at.fcm.push(OTHER, PUSH)
        assert len(at.double.taken) == 1


@pytest.mark.parametrize(
    ("status", "code", "means"),
    [
        (429, "QUOTA_EXCEEDED", Later),
        (500, "INTERNAL", Later),
        (503, "UNAVAILABLE", Later),
        (403, "SENDER_ID_MISMATCH", Gone),
        (400, "INVALID_ARGUMENT", Refused),
    ],
)
async def test_each_answer_means_something(line: Way, status: int, code: str, means: type[Exception]) -> None:
    async with line() as at:
        at.double.trouble(status, code, retry_after=30)
        with pytest.raises(means, match=code) as said:
            await at.fcm.push(APP, PUSH)
        assert not isinstance(said.value, Later) or said.value.seconds == 30
        await at.fcm.push(APP, PUSH)


async def test_an_account_whose_key_is_anothers_gets_no_token(line: Way) -> None:
    async with line() as at:
        stranger = FcmDouble(at=at.double.account.token_uri.removesuffix("/token")).account
        fcm = Fcm(stranger, api="http://fcm.localhost", transport=InProcess(at.double))
        with pytest.raises(Later, match="no access token: 400"):
            await fcm.push(APP, PUSH)
        await fcm.aclose()
        assert at.double.taken == []


async def test_an_account_without_a_key_says_so() -> None:
    fcm = Fcm(Account("p", "p@example.com", "no key", "http://fcm.localhost/token"), transport=InProcess(FcmDouble()))
    with pytest.raises(Later, match="key cannot be read"):
        await fcm.push(APP, PUSH)
    await fcm.aclose()


async def test_no_answer_is_not_known_and_no_connection_is_tried_again() -> None:
    double = FcmDouble()

    class Drops(httpx.AsyncBaseTransport):
        """Grants, and then drops the line."""

        def __init__(self, error: type[httpx.RequestError]) -> None:
            self._whole, self._error = InProcess(double), error

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/token":
                return await self._whole.handle_async_request(request)
            raise self._error("the line is dead")

    cases: tuple[tuple[type[httpx.RequestError], type[Exception]], ...] = ((httpx.ReadTimeout, Unknown), (httpx.ConnectError, Later))
    for error, means in cases:
        fcm = Fcm(double.account, transport=Drops(error))
        with pytest.raises(means):
            await fcm.push(APP, PUSH)
        await fcm.aclose()


async def test_a_long_text_is_cut_to_what_fcm_takes(line: Way) -> None:
    async with line() as at:
        await at.fcm.push(APP, Push(new_id(), "k", "t" * 900, "b" * 9000, "https://example.com", Urgency.LOW, utc_now()))
        assert len(at.double.taken) == 1


SEND = "/v1/projects/souk-development/messages:send"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/token", b"", 405),
        ("POST", "/elsewhere", b"", 404),
        ("POST", "/token", b"grant_type=x&assertion=y", 400),
        ("POST", SEND, b"{}", 400),
        ("POST", SEND, b'{"message": {"token": "t", "data": {"n": 1}}}', 400),
        ("POST", SEND, b'{"message": {"token": "t", "apns": {"headers": {"apns-collapse-id": "%s"}}}}' % (b"x" * 65), 400),
        ("POST", SEND, b'{"message": {"token": "t", "android": {"ttl": "5"}}}', 400),
        ("POST", SEND, b'{"message": {"token": "t", "data": {"n": "%s"}}}' % (b"x" * 5000), 400),
        ("POST", SEND, b'{"message": {"token": "t"}}', 200),
    ],
)
async def test_the_double_refuses_what_fcm_refuses(method: str, path: str, body: bytes, status: int) -> None:
    double = FcmDouble()
    fcm = Fcm(double.account, transport=InProcess(double))
    token = await fcm._access()
    assert double.answer(method, path, {"authorization": f"Bearer {token}"}, body)[0] == status
    assert double.answer("POST", SEND, {"authorization": "Bearer stolen"}, body)[0] == 401
    await fcm.aclose()
