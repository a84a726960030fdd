"""One-time codes by SMS: they prove a number and let its owner in, and tell nobody who has an account."""

from __future__ import annotations

import asyncio
import re
from time import perf_counter

import httpx

from souk.modules.identity.codes import WRONG_TAKES
from tests.kernel.http.serving import code
from tests.modules.identity.conftest import PASSWORD, Town
from tests.modules.identity.test_second_factor import protected

PHONE = "+33 6 12 34 56 78"
E164 = "+33612345678"
WRONG = "CODE_WRONG"


async def ask(town: Town, phone: str = PHONE) -> httpx.Response:
    return await (await town.client()).post("/auth/otp/request", json={"phone": phone})


async def verify(town: Town, given: str, phone: str = PHONE, **also: object) -> httpx.Response:
    return await (await town.client()).post("/auth/otp/verify", json={"phone": phone, "code": given, **also})


async def sent(town: Town, phone: str = PHONE) -> str:
    """Ask for a code, and read it on the telephone."""
    assert (await ask(town, phone)).status_code == 202
    found = re.search(r"\b[0-9]{6}\b", (await town.letters(E164))[0].text)
    assert found
    return found[0]


def other_than(right: str) -> str:
    return f"{(int(right) + 1) % 10**6:06}"


async def test_a_code_lets_the_owner_of_the_number_in_and_verifies_it(town: Town) -> None:
    ada = await town.join(phone=PHONE)
    answer = await verify(town, await sent(town), "0033612345678")
    assert answer.status_code == 200, answer.text
    user = answer.json()["data"]["user"]
    assert (user["id"], user["phoneVerified"]) == (str(ada.id), True)
    assert "refreshToken" in answer.json()["data"]
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert (await (await town.visitor(answer)).asks("GET", "/auth/me")).status_code == 200


async def test_asking_is_answered_the_same_for_a_number_that_nobody_has(town: Town) -> None:
    await town.join(phone=PHONE)
    known, unknown = await ask(town), await ask(town, "+33699999999")
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert await town.rows("select count(*) from jobs where name = 'identity.send_code'") == [(2,)]
    assert [letter.to for letter in await town.letters() if letter.channel == "sms"] == [E164]


async def test_a_wrong_code_and_an_unknown_number_are_answered_the_same(town: Town) -> None:
    await town.join(phone=PHONE)
    right = await sent(town)
    wrong, unknown = await verify(town, other_than(right)), await verify(town, right, "+33699999999")
    assert code(wrong) == WRONG
    assert (wrong.status_code, wrong.content) == (unknown.status_code, unknown.content)


async def test_neither_can_be_told_by_the_time_it_takes(town: Town) -> None:
    await town.join(phone=PHONE)
    right = await sent(town)
    for number, given in ((PHONE, other_than(right)), ("+33699999999", right)):
        begun = perf_counter()
        assert code(await verify(town, given, number)) == WRONG
        assert perf_counter() - begun >= WRONG_TAKES, number


async def test_a_code_works_once(town: Town) -> None:
    await town.join(phone=PHONE)
    right = await sent(town)
    answers = await asyncio.gather(*(verify(town, right) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]
    assert code(await verify(town, right)) == WRONG


async def test_a_code_lasts_ten_minutes(town: Town) -> None:
    await town.join(phone=PHONE)
    right = await sent(town)
    await town.later(minutes=9, seconds=55)
    late = await sent(town)
    assert code(await verify(town, right)) == WRONG
    await town.later(minutes=10)
    assert code(await verify(town, late)) == WRONG


async def test_only_the_latest_code_is_good(town: Town) -> None:
    await town.join(phone=PHONE)
    first, second = await sent(town), await sent(town)
    assert first == second or code(await verify(town, first)) == WRONG
    assert (await verify(town, second)).status_code == 200


async def test_after_five_guesses_the_right_one_is_refused_wherever_it_comes_from(town: Town) -> None:
    await town.join(phone=PHONE)
    right = await sent(town)
    for _ in range(5):
        assert code(await verify(town, other_than(right))) == WRONG
    assert code(await verify(town, right)) == "TOO_MANY_REQUESTS"
    assert await town.rows("select attempts, used_at from proofs where kind = 'phone_code'") == [(5, None)]
    await town.do("update proofs set attempts = 4 where kind = 'phone_code'")
    await another_process(town)
    assert code(await verify(town, other_than(right))) == WRONG
    assert code(await verify(town, right)) == WRONG


async def another_process(town: Town) -> None:
    """One that has counted nothing yet: what remains is what the database has counted."""
    town._served = None


async def test_codes_are_stored_as_keyed_digests(town: Town) -> None:
    await town.join(phone=PHONE)
    right = await sent(town)
    [(stored,)] = await town.rows("select hash from proofs where kind = 'phone_code'")
    assert len(stored) == 32
    assert right.encode() not in stored
    kept = await town.rows("select payload::text from jobs union all select sealed::text from mails")
    assert right not in str(kept)


async def test_one_number_gets_five_messages_an_hour(town: Town) -> None:
    await town.join(phone=PHONE)
    assert [(await ask(town)).status_code for _ in range(6)] == [202] * 5 + [429]
    assert (await ask(town, "+33699999999")).status_code == 202


async def test_the_suspended_are_told_so_only_when_they_have_the_code(town: Town) -> None:
    ada, staff = await town.join(phone=PHONE), await town.staff()
    await staff.asks("POST", f"/admin/users/{ada.id}/suspend", reason="Stolen cards")
    right = await sent(town)
    assert code(await verify(town, other_than(right))) == WRONG
    answer = await verify(town, right)
    assert (answer.status_code, code(answer)) == (403, "ACCOUNT_SUSPENDED")


async def test_a_second_factor_is_asked_for_here_too(town: Town) -> None:
    ada, phone, _ = await protected(town)
    await town.do("update people set phone = $2 where id = $1", ada.id, E164)
    right = await sent(town)
    assert code(await verify(town, right)) == "SECOND_FACTOR_NEEDED"
    assert code(await verify(town, right, secondFactorCode="000000")) == "SECOND_FACTOR_WRONG"
    assert (await verify(town, right, secondFactorCode=phone.next())).status_code == 200


async def test_a_code_for_a_number_that_changed_hands_lets_nobody_in(town: Town) -> None:
    ada = await town.join(phone=PHONE)
    right = await sent(town)
    await town.do("update people set phone = '+33611111111' where id = $1", ada.id)
    assert code(await verify(town, right)) == WRONG


async def test_the_message_is_in_the_language_of_its_reader(town: Town) -> None:
    await town.join(phone=PHONE, language="fr")
    await sent(town)
    assert "est votre code" in (await town.letters(E164))[0].text


async def test_what_is_no_number_or_no_code_is_named(town: Town) -> None:
    assert (await ask(town, "12 34 56 78")).json()["error"]["details"]["fields"][0]["field"] == "phone"
    assert (await verify(town, "12345")).json()["error"]["details"]["fields"][0]["field"] == "code"


async def test_whoever_has_no_password_leaves_by_a_code(town: Town) -> None:
    ada = await town.join(phone=PHONE)
    await town.do("update people set password_hash = null where id = $1", ada.id)
    assert code(await ada.asks("DELETE", "/users/me", password=PASSWORD)) == "INVALID"
    right = await sent(town)
    assert code(await ada.asks("DELETE", "/users/me", code=other_than(right))) == WRONG
    assert (await ada.asks("DELETE", "/users/me", code=right)).status_code == 200
    assert await town.rows("select status::text from people where id = $1", ada.id) == [("erased",)]
