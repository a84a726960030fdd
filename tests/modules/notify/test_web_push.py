"""Web push: sealed as RFC 8291 has it, opened by the reference implementation, and signed as RFC 8292 has it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from souk.kernel.clock import utc_now
from souk.kernel.ids import new_id
from souk.modules.notify.model import Device, Service, Urgency
from souk.modules.notify.outgoing import Outgoing
from souk.modules.notify.pushing import Gone, Later, Push, Refused, Unknown
from souk.modules.notify.settings import key_from
from souk.modules.notify.webpush import LONGEST, WebPush, decoded, encoded, sealed, shown
from tests.live.node import INSTALLED, node_program
from tests.modules.notify.browsers import Browser, PushService
from tests.plugins.needs import need

KEY = key_from(b"k" * 32)


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(decoded(text)), ec.SECP256R1())


def test_the_example_of_the_standard_comes_out_byte_for_byte() -> None:
    body = sealed(
        b"When I grow up, I want to be a watermelon",
        decoded("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        decoded("BTBZMqHH6r4Tts7J_aSIgg"),
        own=private("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
        salt=decoded("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert encoded(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
        "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_the_reference_implementation_opens_what_is_sealed_here() -> None:
    if not (INSTALLED / "node_modules" / "http_ece").is_dir():
        need("http_ece", "python3 tools/bootstrap.py test, with a registry of node packages in reach")
    browser = Browser()
    said = ["Bo wrote to you", "مرحبا ✓", "x" * LONGEST]
    bodies = [encoded(sealed(text.encode(), browser.public, browser.auth)) for text in said]
    wanted = {"private": encoded(browser.secret), "public": encoded(browser.public), "auth": encoded(browser.auth), "bodies": bodies}
    program = [node_program(), str(Path(__file__).with_name("open.mjs")), str(INSTALLED)]
    opened = subprocess.run(program, input=json.dumps(wanted), capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(opened.stdout) == said


@given(st.binary(max_size=LONGEST))
def test_whatever_is_sealed_is_opened_by_its_browser_alone(message: bytes) -> None:
    browser, other = Browser(), Browser()
    body = sealed(message, browser.public, browser.auth)
    assert browser.opens(body) == message
    assert other.opens(body) is None
    assert browser.opens(body[:-1] + bytes([body[-1] ^ 1])) is None


@pytest.mark.parametrize(
    ("public", "auth"),
    [(b"\4" + b"\1" * 64, b"a" * 16), (Browser().public, b"a" * 15), (b"", b"a" * 16)],
    ids=["not on the curve", "too short a secret", "nothing"],
)
def test_keys_that_are_none_are_refused(public: bytes, auth: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        sealed(b"hello", public, auth)


@given(st.text(max_size=6000), st.text(max_size=400))
def test_a_push_is_never_too_long_to_be_taken(body: str, title: str) -> None:
    push = Push(new_id(), "kind", title, body, "https://example.com/x", Urgency.NORMAL, utc_now())
    assert len(shown(push)) <= LONGEST
    assert msgspec.json.decode(shown(push))["tag"] == push.topic


@asynccontextmanager
async def at(service: PushService) -> AsyncIterator[tuple[WebPush, Device, Browser]]:
    browser = Browser()
    outgoing = Outgoing(local=True, whole=1)
    async with service.serving():
        device = Device(new_id(), Service.WEB, service.endpoint("ada"), encoded(browser.public), encoded(browser.auth))
        yield WebPush(KEY, "mailto:market@example.com", outgoing, utc_now), device, browser
        await outgoing.aclose()


PUSH = Push(UUID(int=7), "message.received", "Bo wrote", "Tuesday?", "https://example.com/c/1", Urgency.URGENT, utc_now())


async def test_a_push_says_what_its_service_must_know_and_proves_who_sends_it() -> None:
    service = PushService()
    async with at(service) as (web, device, browser):
        await web.push(device, PUSH)
    (asked,) = service.asked
    assert asked.headers["content-encoding"] == "aes128gcm"
    assert int(asked.headers["ttl"]) > 0
    assert (asked.headers["urgency"], asked.headers["topic"]) == ("high", PUSH.topic)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,32}", asked.headers["topic"])
    found = re.fullmatch(r"vapid t=(.+), k=(.+)", asked.headers["authorization"])
    assert found is not None
    assert found[2] == web.public_key
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(found[2]))
    claims = jwt.decode(found[1], public, algorithms=["ES256"], audience=service.origin)
    assert claims["sub"] == "mailto:market@example.com"
    assert 0 < claims["exp"] - utc_now().timestamp() <= 24 * 3600
    message = browser.opens(asked.body)
    assert message is not None
    assert msgspec.json.decode(message) == {
        "title": "Bo wrote",
        "body": "Tuesday?",
        "link": "https://example.com/c/1",
        "kind": "message.received",
        "tag": PUSH.topic,
        "notificationId": str(UUID(int=7)),
    }


@pytest.mark.parametrize(
    ("status", "means"),
    [(404, Gone), (410, Gone), (429, Later), (500, Later), (503, Later), (400, Refused), (403, Refused), (413, Refused), (301, Refused)],
)
async def test_each_answer_of_a_push_service_means_something(status: int, means: type[Exception]) -> None:
    service = PushService()
    service.answers["ada"] = status
    async with at(service) as (web, device, _browser):
        with pytest.raises(means):
            await web.push(device, PUSH)


async def test_how_long_a_service_wants_to_be_left_alone_is_heard() -> None:
    service = PushService()
    service.answers["ada"] = 429
    service.headers = {"retry-after": "120"}
    async with at(service) as (web, device, _browser):
        with pytest.raises(Later) as later:
            await web.push(device, PUSH)
    assert later.value.seconds == 120


async def test_a_service_that_takes_a_push_and_says_nothing_may_have_it_and_one_that_is_away_has_not() -> None:
    service = PushService()
    service.silent.add("ada")
    async with at(service) as (web, device, _browser):
        with pytest.raises(Unknown):
            await web.push(device, PUSH)
    outgoing = Outgoing(local=True, whole=1)
    away = msgspec.structs.replace(device, endpoint=service.endpoint("ada"))
    with pytest.raises(Later):
        await WebPush(KEY, "mailto:market@example.com", outgoing, utc_now).push(away, PUSH)
    await outgoing.aclose()
