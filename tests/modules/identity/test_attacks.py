"""What somebody tries who wants in: ways back that outlive a new password, letters as a weapon, and a look at what is stored."""

from __future__ import annotations

import re

import httpx
import pytest
from pyotp.totp import TOTP

from tests.kernel.http.serving import code
from tests.modules.identity.conftest import PASSWORD, Town, Visitor
from tests.modules.identity.test_codes import PHONE, sent
from tests.modules.identity.test_keys import asks, made
from tests.modules.identity.test_links import BETTER, post, token_of
from tests.modules.identity.test_second_factor import protected

EVIL = "evil@example.com"


async def way_back(town: Town, ada: Visitor) -> str:
    """A link in a thief's mailbox, which would make the account theirs."""
    assert (await ada.asks("POST", "/users/me/email", email=EVIL, password=PASSWORD)).status_code == 200
    return await token_of(town, "Confirm your new", EVIL)


async def reset(town: Town) -> httpx.Response:
    await post(town, "/auth/forgot-password", email="ada@example.com")
    return await post(town, "/auth/reset-password", token=await token_of(town, "new password"), password=BETTER)


async def test_a_reset_leaves_no_way_back_to_who_had_the_account(town: Town) -> None:
    thief = await town.join()
    _, key = await made(thief)
    assert (await asks(town, key)).status_code == 200
    link = await way_back(town, thief)
    assert (await reset(town)).status_code == 200
    assert code(await thief.asks("GET", "/auth/me")) == "TOKEN_REVOKED"
    assert code(await asks(town, key)) == "TOKEN_REVOKED"
    assert code(await post(town, "/auth/verify-email", token=link)) == "LINK_INVALID"
    owner = await town.sign_in(password=BETTER)
    assert (await owner.asks("GET", "/auth/me")).json()["data"]["email"] == "ada@example.com"


async def test_a_new_password_ends_the_links_that_were_asked_for_before(town: Town) -> None:
    ada = await town.join()
    link = await way_back(town, ada)
    await post(town, "/auth/forgot-password", email="ada@example.com")
    forgotten = await token_of(town, "new password")
    assert (await ada.asks("PATCH", "/users/me/password", currentPassword=PASSWORD, newPassword=BETTER)).status_code == 200
    assert code(await post(town, "/auth/verify-email", token=link)) == "LINK_INVALID"
    assert code(await post(town, "/auth/reset-password", token=forgotten, password=PASSWORD)) == "LINK_INVALID"
    verify = await token_of(town, "Verify your")
    assert (await post(town, "/auth/verify-email", token=verify)).status_code == 200, "what proves their own address stays good"


async def test_whoever_signs_up_with_anothers_address_keeps_them_out_by_no_second_factor(town: Town) -> None:
    await protected(town)
    assert (await reset(town)).status_code == 200
    assert (await town.log_in(password=BETTER)).status_code == 200, "the address was never shown to be theirs"


async def test_a_reset_keeps_the_second_factor_of_a_verified_account(town: Town) -> None:
    await protected(town)
    assert (await post(town, "/auth/verify-email", token=await token_of(town, "Verify your"))).status_code == 200
    assert (await reset(town)).status_code == 200
    assert code(await town.log_in(password=BETTER)) == "SECOND_FACTOR_NEEDED"


async def test_nobody_has_us_write_to_strangers_without_end(town: Town) -> None:
    ada = await town.join()
    statuses = [
        (await ada.asks("POST", "/users/me/email", email=f"stranger{i}@example.com", password=PASSWORD)).status_code for i in range(6)
    ]
    assert statuses == [200] * 5 + [429]


async def test_nothing_that_opens_stands_anywhere_in_the_database(town: Town) -> None:
    ada = await town.join(phone=PHONE)
    opens = {PASSWORD, ada.token, ada.refresh}
    refreshed = (await post(town, "/auth/refresh", refreshToken=ada.refresh)).json()["data"]
    opens |= {refreshed["accessToken"], refreshed["refreshToken"], (await made(ada))[1]}
    secret = (await ada.asks("POST", "/auth/second-factor", password=PASSWORD)).json()["data"]["secret"]
    now = TOTP(secret).at(town.clock.now())
    opens |= {secret, *(await ada.asks("POST", "/auth/second-factor/confirm", code=now)).json()["data"]["recoveryCodes"]}
    await town.log_in(password="a guess that is wrong")
    opens |= {"a guess that is wrong", await token_of(town, "Verify your")}
    await post(town, "/auth/forgot-password", email="ada@example.com")
    opens |= {await token_of(town, "new password"), await way_back(town, ada)}
    code_sent = await sent(town)
    stored = await everything(town)
    assert "ada@example.com" in stored, "it was looked at"
    assert {each for each in opens if each in stored or each.encode().hex() in stored} == set()
    assert not re.search(rf"(?<![0-9a-f]){code_sent}(?![0-9a-f])", stored)


async def everything(town: Town) -> str:
    """All rows of all tables, as text."""
    tables = await town.rows("select format('%I.%I', schemaname, tablename) from pg_tables where schemaname !~ '^(pg_|information_schema)'")
    return "\n".join([str(await town.rows(f"select t::text from {table} t")) for (table,) in tables])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/auth/login", {"email": "a\0@example.com", "password": PASSWORD}),
        ("/auth/login", {"email": "a@example.com", "password": "\0" * 9}),
        ("/auth/forgot-password", {"email": "\0"}),
        ("/auth/verify-email", {"token": "\0" * 30}),
        ("/auth/reset-password", {"token": "\0" * 30, "password": BETTER}),
        ("/auth/refresh", {"refreshToken": "\0é"}),
        ("/auth/logout", {"refreshToken": "\0é"}),
        ("/auth/otp/verify", {"phone": PHONE + "\0", "code": "123456"}),
        ("/auth/api-keys", {"name": "\0", "scopes": ["identity:read"]}),
        ("/auth/api-keys", {"name": "a", "scopes": ["identity:read"], "expiresAt": "9999-12-31T23:59:59-12:00"}),
        ("/auth/second-factor", {"password": "\0"}),
        ("/auth/second-factor/confirm", {"code": "١٢٣٤٥٦"}),
        ("/users/me/email", {"email": "a\0@example.com", "password": PASSWORD}),
        ("/auth/roles", {"role": "\0"}),
    ],
)
async def test_what_no_honest_client_sends_is_refused_and_breaks_nothing(town: Town, path: str, body: dict[str, object]) -> None:
    ada = await town.join()
    answer = await ada.asks("POST", path, **body)
    assert answer.status_code < 500, answer.text
    assert answer.is_client_error or path == "/auth/logout"


async def test_whatever_shows_a_secret_is_not_kept_by_anybody_on_the_way(town: Town) -> None:
    ada = await town.join()
    client = await town.client()
    answers = [
        await town.log_in(),
        await client.post("/auth/refresh", json={"refreshToken": ada.refresh}),
        await ada.asks("POST", "/auth/api-keys", name="k", scopes=["identity:read"]),
        await ada.asks("POST", "/auth/second-factor", password=PASSWORD),
        await ada.asks("GET", "/users/me/export"),
    ]
    assert [(answer.is_success, "no-store" in answer.headers["cache-control"]) for answer in answers] == [(True, True)] * 5
    assert "private" in (await ada.asks("GET", "/auth/me")).headers["cache-control"]
