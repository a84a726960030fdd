"""Links by mail: they work once and for a while, prove what they were sent to, and opening one changes nothing."""

from __future__ import annotations

import html
import re

import httpx
import pytest

from tests.kernel.http.serving import code
from tests.modules.identity.conftest import PASSWORD, Town, Visitor

BETTER = "four fine summers"


async def token_of(town: Town, subject: str, to: str = "ada@example.com") -> str:
    """The token in the latest letter of that subject."""
    links = [link for letter in await town.letters(to) if subject in letter.subject for link in letter.links]
    return links[0].partition("?token=")[2]


async def post(town: Town, path: str, **body: object) -> httpx.Response:
    return await (await town.client()).post(path, json=body)


async def verified(visitor: Visitor) -> bool:
    return bool((await visitor.asks("GET", "/auth/me")).json()["data"]["emailVerified"])


async def test_a_link_verifies_the_address_once(town: Town) -> None:
    ada = await town.join()
    token = await token_of(town, "Verify")
    assert (await post(town, "/auth/verify-email", token=token)).status_code == 200
    assert await verified(ada)
    answer = await post(town, "/auth/verify-email", token=token)
    assert (answer.status_code, code(answer)) == (410, "LINK_INVALID")


async def test_it_is_good_for_a_day_and_only_the_latest_is(town: Town) -> None:
    ada = await town.join()
    first = await token_of(town, "Verify")
    await town.later(hours=25)
    assert code(await post(town, "/auth/verify-email", token=first)) == "LINK_INVALID"
    ada = await town.sign_in()
    assert (await ada.asks("POST", "/auth/verify-email/resend")).status_code == 200
    second = await token_of(town, "Verify")
    await ada.asks("POST", "/auth/verify-email/resend")
    third = await token_of(town, "Verify")
    assert len({first, second, third}) == 3
    assert code(await post(town, "/auth/verify-email", token=second)) == "LINK_INVALID"
    assert (await post(town, "/auth/verify-email", token=third)).status_code == 200
    assert (await ada.asks("POST", "/auth/verify-email/resend")).status_code == 200
    assert len(await town.heard("verify_email")) == 3, "what is verified is not asked again"


async def test_links_are_not_exchanged_for_another_purpose(town: Town) -> None:
    await town.join()
    await post(town, "/auth/forgot-password", email="ada@example.com")
    reset = await token_of(town, "new password")
    verify = await token_of(town, "Verify")
    assert code(await post(town, "/auth/verify-email", token=reset)) == "LINK_INVALID"
    assert code(await post(town, "/auth/reset-password", token=verify, password=BETTER)) == "LINK_INVALID"


# A forgotten password


async def test_a_forgotten_password_is_set_by_a_link_that_ends_every_session(town: Town) -> None:
    ada = await town.join()
    await post(town, "/auth/forgot-password", email="ADA@example.com")
    token = await token_of(town, "new password")
    assert (await post(town, "/auth/reset-password", token=token, password=BETTER)).status_code == 200
    assert code(await ada.asks("GET", "/auth/me")) == "TOKEN_REVOKED"
    assert code(await town.log_in()) == "LOGIN_FAILED"
    ada = await town.sign_in(password=BETTER)
    assert await verified(ada), "the link proved the address"
    assert await town.heard("password_changed") == [("ada@example.com",)]
    assert code(await post(town, "/auth/reset-password", token=token, password=PASSWORD)) == "LINK_INVALID"


async def test_a_reset_link_is_good_for_an_hour(town: Town) -> None:
    await town.join()
    await post(town, "/auth/forgot-password", email="ada@example.com")
    token = await token_of(town, "new password")
    await town.later(minutes=61)
    assert code(await post(town, "/auth/reset-password", token=token, password=BETTER)) == "LINK_INVALID"
    assert (await town.log_in()).status_code == 200


async def test_a_bad_password_does_not_use_the_link_up(town: Town) -> None:
    await town.join()
    await post(town, "/auth/forgot-password", email="ada@example.com")
    token = await token_of(town, "new password")
    for password in ("short", "password123", "ada@example.com", "p" * 1_000_000):
        assert code(await post(town, "/auth/reset-password", token=token, password=password)) == "INVALID"
    assert (await post(town, "/auth/reset-password", token=token, password=BETTER)).status_code == 200


async def test_a_link_to_an_address_that_is_no_longer_theirs_resets_nothing(town: Town) -> None:
    await town.join()
    await post(town, "/auth/forgot-password", email="ada@example.com")
    token = await token_of(town, "new password")
    await town.do("update people set email = 'new@example.com', email_key = 'new@example.com'")
    assert code(await post(town, "/auth/reset-password", token=token, password=BETTER)) == "LINK_INVALID"


async def test_asking_tells_nobody_who_has_an_account(town: Town) -> None:
    await town.join()
    answers = [await post(town, "/auth/forgot-password", email=each) for each in ("ada@example.com", "nobody@example.com", "nonsense")]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    asked = await town.rows("select name, count(*) from jobs where name = 'identity.send_reset_link' group by name")
    assert asked == [("identity.send_reset_link", 3)], "the same work too"
    assert await town.heard("reset_password") == [("ada@example.com",)]


async def test_asking_is_limited_for_an_account_whether_it_exists_or_not(town: Town) -> None:
    for email in ("ada@example.com", "nobody@example.com"):
        statuses = [(await post(town, "/auth/forgot-password", email=email)).status_code for _ in range(6)]
        assert statuses == [200] * 5 + [429]


# Another address


async def test_another_address_becomes_ones_own_when_its_link_is_opened(town: Town) -> None:
    ada = await town.join()
    assert code(await ada.asks("POST", "/users/me/email", email="new@example.com", password="a wrong guess")) == "PASSWORD_WRONG"
    answer = await ada.asks("POST", "/users/me/email", email="New@Example.com", password=PASSWORD)
    assert answer.status_code == 200
    assert (await ada.asks("GET", "/auth/me")).json()["data"]["email"] == "ada@example.com"
    assert await town.heard("email_changing") == [("ada@example.com",)]
    token = await token_of(town, "Confirm your new", "new@example.com")
    assert (await post(town, "/auth/verify-email", token=token)).status_code == 200
    user = (await ada.asks("GET", "/auth/me")).json()["data"]
    assert (user["email"], user["emailVerified"]) == ("New@Example.com", True)
    assert (await town.log_in("new")).status_code == 200


async def test_an_address_that_somebody_has_cannot_be_taken(town: Town) -> None:
    ada = await town.join()
    await town.join("bo")
    assert code(await ada.asks("POST", "/users/me/email", email="BO@example.com", password=PASSWORD)) == "EMAIL_TAKEN"
    await ada.asks("POST", "/users/me/email", email="cy@example.com", password=PASSWORD)
    token = await token_of(town, "Confirm your new", "cy@example.com")
    await town.join("cy")
    assert code(await post(town, "/auth/verify-email", token=token)) == "EMAIL_TAKEN"


# Pages


def form(page: httpx.Response) -> tuple[str, dict[str, str]]:
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    action = re.search(r'action="([^"]*)"', page.text)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    return (html.unescape(action[1]) if action else ""), {name: html.unescape(value) for name, value in fields.items()}


async def test_opening_a_link_changes_nothing_and_its_button_does(town: Town) -> None:
    ada = await town.join()
    token = await token_of(town, "Verify")
    client = await town.client()
    action, fields = form(await client.get(f"/auth/verify-email?token={token}"))
    assert form(await client.get(f"/auth/verify-email?token={token}")) == (action, fields)
    assert fields == {"token": token}
    assert not await verified(ada)
    done = await client.post(action.removeprefix("/test"), data=fields)
    assert "is verified" in done.text
    assert await verified(ada)
    again = await client.post(action.removeprefix("/test"), data=fields)
    assert "not good any more" in again.text


async def test_a_page_takes_a_new_password(town: Town) -> None:
    await town.join()
    await post(town, "/auth/forgot-password", email="ada@example.com")
    client = await town.client()
    action, fields = form(await client.get(f"/auth/reset-password?token={await token_of(town, 'new password')}"))
    wrong = await client.post(action.removeprefix("/test"), data={**fields, "password": "short"})
    assert "has 5 characters" in wrong.text
    assert form(wrong) == (action, fields)
    done = await client.post(action.removeprefix("/test"), data={**fields, "password": BETTER})
    assert "Your password is set" in done.text
    assert (await town.log_in(password=BETTER)).status_code == 200


@pytest.mark.parametrize("token", ["", '"><script>alert(1)</script>', "&amp;"])
async def test_a_page_shows_what_it_was_given_as_text(town: Town, token: str) -> None:
    client = await town.client()
    for path in ("/auth/verify-email", "/auth/reset-password"):
        page = await client.get(path, params={"token": token})
        assert form(page)[1]["token"] == token
        assert "<script" not in page.text
        done = await client.post(f"{path}/page", data={"token": token, "password": BETTER})
        assert "not good any more" in done.text
        for nothing in (b"", b"\xff\xfe%%%=&&", b"password=x", b"a=1&" * 20):
            assert code(await client.post(f"{path}/page", content=nothing)) == "INVALID"
