"""The second factor: set up with the password, confirmed with a code, asked for at every sign-in, and each code good once."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from pyotp.totp import TOTP

from souk.modules.identity.second_factor import STEP_SECONDS
from tests.kernel.http.serving import code
from tests.modules.identity.conftest import PASSWORD, Town, Visitor


class Authenticator:
    """What somebody has on a telephone."""

    def __init__(self, town: Town, secret: str) -> None:
        self.town = town
        self.totp = TOTP(secret)

    def shows(self, steps: int = 0) -> str:
        """The code of now, or of so many steps later."""
        return self.totp.generate_otp(int(self.town.clock.now().timestamp()) // STEP_SECONDS + steps)

    def next(self) -> str:
        """Wait for a code that was not used yet."""
        self.town.clock.move_to(self.town.clock.offset + timedelta(seconds=STEP_SECONDS))
        return self.shows()


async def offered(town: Town, ada: Visitor) -> Authenticator:
    answer = await ada.asks("POST", "/auth/second-factor", password=PASSWORD)
    assert answer.status_code == 200, answer.text
    return Authenticator(town, answer.json()["data"]["secret"])


async def protected(town: Town, name: str = "ada") -> tuple[Visitor, Authenticator, list[str]]:
    """Somebody with a second factor, and the recovery codes."""
    ada = await town.join(name)
    phone = await offered(town, ada)
    answer = await ada.asks("POST", "/auth/second-factor/confirm", code=phone.shows())
    assert answer.status_code == 200, answer.text
    return ada, phone, answer.json()["data"]["recoveryCodes"]


async def test_it_is_set_up_by_an_address_that_authenticators_read_and_kept_sealed(town: Town) -> None:
    ada = await town.join()
    answer = await ada.asks("POST", "/auth/second-factor", password=PASSWORD)
    given = answer.json()["data"]
    address = urlsplit(given["otpauthUri"])
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert parse_qs(address.query) == {"secret": [given["secret"]], "issuer": ["Town"]}
    assert "no-store" in answer.headers["cache-control"]
    [(sealed,)] = await town.rows("select second_factor from people where id = $1", ada.id)
    assert given["secret"].encode() not in sealed
    assert town.vault.open(sealed, f"second factor of {ada.id}") == given["secret"].encode()


async def test_setting_it_up_takes_the_password(town: Town) -> None:
    ada = await town.join()
    assert code(await ada.asks("POST", "/auth/second-factor", password="another one")) == "PASSWORD_WRONG"


async def test_before_it_is_confirmed_nobody_is_asked_for_it(town: Town) -> None:
    ada = await town.join()
    await offered(town, ada)
    assert (await town.log_in()).status_code == 200
    assert code(await ada.asks("DELETE", "/auth/second-factor", code="123456")) == "SECOND_FACTOR_OFF"


async def test_from_then_on_the_password_alone_lets_nobody_in(town: Town) -> None:
    _, phone, _ = await protected(town)
    assert code(await town.log_in()) == "SECOND_FACTOR_NEEDED"
    assert code(await town.log_in(code="000000")) == "SECOND_FACTOR_WRONG"
    assert (await town.log_in(code=phone.next())).status_code == 200
    assert await town.heard("second_factor_on") == [("ada@example.com",)]


async def test_no_code_works_twice_not_even_the_one_that_confirmed(town: Town) -> None:
    _, phone, _ = await protected(town)
    assert code(await town.log_in(code=phone.shows())) == "SECOND_FACTOR_WRONG"
    used = phone.next()
    assert (await town.log_in(code=used)).status_code == 200
    assert code(await town.log_in(code=used)) == "SECOND_FACTOR_WRONG"


async def test_of_two_who_send_one_code_at_once_one_gets_in(town: Town) -> None:
    _, phone, _ = await protected(town)
    shown = phone.next()
    answers = await asyncio.gather(*(town.log_in(code=shown) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_clocks_may_differ_by_a_step_and_no_more(town: Town) -> None:
    _, phone, _ = await protected(town)
    await town.later(minutes=5)
    for steps, status in ((-2, 401), (2, 401), (-1, 200), (0, 200), (1, 200), (0, 401)):
        assert (await town.log_in(code=phone.shows(steps))).status_code == status, steps


async def test_a_recovery_code_lets_in_once_and_is_stored_as_a_digest(town: Town) -> None:
    ada, _, codes = await protected(town)
    assert len(set(codes)) == 10
    assert all(re.fullmatch("[a-z2-9]{5}-[a-z2-9]{5}", each) for each in codes)
    assert (await town.log_in(code=codes[0].upper())).status_code == 200
    assert code(await town.log_in(code=codes[0])) == "SECOND_FACTOR_WRONG"
    assert (await town.log_in(code=codes[1].replace("-", ""))).status_code == 200
    stored = await town.rows("select hash from recovery_codes where person_id = $1", ada.id)
    assert {len(each) for (each,) in stored} == {32}
    assert await town.rows("select count(*) from audit_entries where action = 'second_factor.recovered' and entity_id = $1", ada.id) == [
        (2,)
    ]


async def test_a_recovery_code_of_somebody_else_is_none(town: Town) -> None:
    await protected(town)
    _, _, codes = await protected(town, "bo")
    assert code(await town.log_in(code=codes[0])) == "SECOND_FACTOR_WRONG"


async def test_new_recovery_codes_take_the_place_of_the_old(town: Town) -> None:
    ada, phone, old = await protected(town)
    answer = await ada.asks("POST", "/auth/second-factor/recovery-codes", code=phone.next())
    new = answer.json()["data"]["recoveryCodes"]
    assert code(await town.log_in(code=old[0])) == "SECOND_FACTOR_WRONG"
    assert (await town.log_in(code=new[0])).status_code == 200
    assert code(await ada.asks("POST", "/auth/second-factor/recovery-codes", code="000000")) == "SECOND_FACTOR_WRONG"


async def test_it_is_turned_off_by_a_code_of_it_and_its_owner_is_told(town: Town) -> None:
    ada, phone, codes = await protected(town)
    assert code(await ada.asks("DELETE", "/auth/second-factor", code="000000")) == "SECOND_FACTOR_WRONG"
    assert (await ada.asks("DELETE", "/auth/second-factor", code=phone.next())).status_code == 204
    assert (await town.log_in()).status_code == 200
    assert await town.heard("second_factor_off") == [("ada@example.com",)]
    assert await town.rows("select second_factor, second_factor_since from people where id = $1", ada.id) == [(None, None)]
    again = await offered(town, ada)
    assert (await ada.asks("POST", "/auth/second-factor/confirm", code=again.shows())).status_code == 200
    assert code(await town.log_in(code=codes[3])) == "SECOND_FACTOR_WRONG"


async def test_a_recovery_code_turns_it_off_too(town: Town) -> None:
    ada, _, codes = await protected(town)
    assert (await ada.asks("DELETE", "/auth/second-factor", code=codes[0])).status_code == 204


async def test_one_that_is_on_is_not_replaced_by_another(town: Town) -> None:
    ada, phone, _ = await protected(town)
    assert code(await ada.asks("POST", "/auth/second-factor", password=PASSWORD)) == "SECOND_FACTOR_ON"
    assert code(await ada.asks("POST", "/auth/second-factor/confirm", code=phone.next())) == "SECOND_FACTOR_ON"


async def test_what_was_not_begun_cannot_be_confirmed(town: Town) -> None:
    ada = await town.join()
    assert code(await ada.asks("POST", "/auth/second-factor/confirm", code="123456")) == "SECOND_FACTOR_OFF"
    assert code(await ada.asks("POST", "/auth/second-factor/recovery-codes", code="123456")) == "SECOND_FACTOR_OFF"


async def test_a_wrong_code_confirms_nothing_and_five_of_them_are_all(town: Town) -> None:
    ada = await town.join()
    phone = await offered(town, ada)
    for _ in range(5):
        assert code(await ada.asks("POST", "/auth/second-factor/confirm", code="000000")) == "SECOND_FACTOR_WRONG"
    assert code(await ada.asks("POST", "/auth/second-factor/confirm", code=phone.shows())) == "TOO_MANY_REQUESTS"
    assert await town.rows("select second_factor_since from people where id = $1", ada.id) == [(None,)]


async def test_what_is_done_with_it_is_in_the_audit_log(town: Town) -> None:
    ada, phone, _ = await protected(town)
    await ada.asks("POST", "/auth/second-factor/recovery-codes", code=phone.next())
    await ada.asks("DELETE", "/auth/second-factor", code=phone.next())
    found = await town.rows("select action from audit_entries where entity_id = $1 order by at, id", ada.id)
    assert [action for (action,) in found] == ["second_factor.on", "second_factor.codes_renewed", "second_factor.off"]
