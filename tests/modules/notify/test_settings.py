"""Settings: keys and accounts that are none stop the start, and each mode has its ways out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from souk.kernel.clock import utc_now
from souk.kernel.config import ConfigError, Settings
from souk.kernel.ids import new_id
from souk.modules.notify.carriers import NO_FCM, contact_of, made, the_double
from souk.modules.notify.model import Device, Service, Urgency, VapidKey
from souk.modules.notify.outgoing import Outgoing
from souk.modules.notify.pretending import FcmDouble
from souk.modules.notify.pushing import Carriers, Push, Refused
from souk.modules.notify.rules import Notices
from souk.modules.notify.settings import NotifySettings
from tests.modules.notify.club import CLUB, NOTICES

STANDARD = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
DEVELOPMENT = Settings.load({})
PRODUCTION = Settings.load({"SOUK_ENV": "production", "SOUK_SECRET": "Zq3vY8mN4tR7wK2pX9sD5fH1jL6bC0gA-uE_iO-tests"})


def notices(settings: Settings) -> Notices:
    assert NOTICES.resources is not None
    found = NOTICES.resources(settings, CLUB)[Notices]
    assert isinstance(found, Notices)
    return found


def ways(settings: Settings, **environ: str) -> dict[type, Any]:
    return made(settings, NotifySettings.load(environ), CLUB, notices(settings))


def test_a_key_of_ones_own_is_the_one_that_browsers_get() -> None:
    assert ways(DEVELOPMENT, SOUK_VAPID_KEY=STANDARD)[VapidKey].public_key == PUBLIC


def test_without_one_each_market_has_a_key_that_stays_the_same() -> None:
    first, again = ways(DEVELOPMENT)[VapidKey], ways(DEVELOPMENT)[VapidKey]
    assert first == again
    assert first != ways(PRODUCTION)[VapidKey]


def test_production_never_calls_inside() -> None:
    assert ways(DEVELOPMENT, SOUK_PUSH_LOCAL="on")[Outgoing].local
    assert not ways(DEVELOPMENT)[Outgoing].local
    assert not ways(PRODUCTION, SOUK_PUSH_LOCAL="on")[Outgoing].local


@pytest.mark.parametrize("key", ["not base64 !", "AAAA", "A" * 43, "_" * 43])
def test_a_key_that_is_none_stops_the_start_and_is_not_repeated(key: str) -> None:
    with pytest.raises(ConfigError, match="SOUK_VAPID_KEY") as refused:
        NotifySettings.load({"SOUK_VAPID_KEY": key})
    assert key not in str(refused.value)


def test_an_account_is_read_from_its_file_and_one_that_is_none_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    double = FcmDouble()
    file.write_bytes(msgspec.json.encode(double.account))
    found = NotifySettings.load({"SOUK_FCM_ACCOUNT": str(file)})
    assert found.fcm == double.account
    assert "PRIVATE KEY" not in f"{found} {found.fcm!r}"
    for text in ("{}", "no json", msgspec.json.encode(msgspec.structs.replace(double.account, private_key="none")).decode()):
        file.write_text(text)
        with pytest.raises(ConfigError, match="holds no service account"):
            NotifySettings.load({"SOUK_FCM_ACCOUNT": str(file)})
    with pytest.raises(ConfigError, match="cannot be read"):
        NotifySettings.load({"SOUK_FCM_ACCOUNT": str(tmp_path / "nowhere.json")})


async def test_development_has_a_double_of_fcm_and_production_says_what_is_missing() -> None:
    app = Device(new_id(), Service.FCM, "an-app-of-development", None, None)
    push = Push(new_id(), "kind", "Hello", "", "https://example.com", Urgency.NORMAL, utc_now())
    await ways(DEVELOPMENT)[Carriers].of(Service.FCM).push(app, push)
    assert the_double().taken[-1]["token"] == "an-app-of-development"
    with pytest.raises(Refused, match=NO_FCM):
        await ways(PRODUCTION)[Carriers].of(Service.FCM).push(app, push)


async def test_what_was_opened_can_be_closed(tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    file.write_bytes(msgspec.json.encode(FcmDouble().account))
    opened = ways(DEVELOPMENT, SOUK_FCM_ACCOUNT=str(file))
    await opened[Carriers].aclose()
    await opened[Outgoing].aclose()
    with pytest.raises(RuntimeError):
        await opened[Outgoing].post("https://1.1.1.1/x", {}, b"")


def test_push_services_are_told_whom_to_ask() -> None:
    assert contact_of("https://club.example.com") == "https://club.example.com"
    assert contact_of("http://127.0.0.1:8000/test") == "mailto:no-reply@localhost"
    assert notices(DEVELOPMENT).address("/errands/1") == "https://club.example.com/errands/1"
    assert notices(DEVELOPMENT).address(None) == "https://club.example.com"
