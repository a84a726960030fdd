"""Leaving: what one takes along, and being forgotten, in the lists of others too."""

from __future__ import annotations

from souk.kernel.ids import new_id
from tests.modules.identity.conftest import PASSWORD
from tests.modules.notify.club import DEADLINE, MessageWritten
from tests.modules.notify.conftest import Club, told

TABLES = (
    "notifications",
    "notification_deliveries",
    "notification_counts",
    "notification_devices",
    "notification_choices",
    "notification_quiet_hours",
)


async def test_one_takes_along_what_one_was_told_and_how_one_wanted_it(club: Club) -> None:
    ada = await club.member()
    await club.app(ada, "ada-phone-token")
    await club.wants(ada, quietHours={"starts": "22:00", "ends": "07:00"}, categories={"social": {"mail": True}})
    await club.told(ada.id, DEADLINE, parameters={"title": "The fence", "hours": 3})
    answer = await ada.client.get("/users/me/export")
    known = told(answer)["notify"]
    assert [each["title"] for each in known["notifications"]] == ["The fence is due in 3 hours"]
    assert {each["channel"] for each in known["deliveries"]} == {"in_app", "mail", "sms"}
    assert known["quietHours"] == ["22:00", "07:00"]
    assert known["choices"] == [{"scope": "social", "channel": "mail", "wanted": True}]
    assert [each["name"] for each in known["devices"]] == ["Pixel"]
    assert "ada-phone-token" not in answer.text


async def test_whoever_leaves_is_forgotten_also_in_the_lists_of_others(club: Club) -> None:
    ada, bo = await club.member(), await club.member("bo")
    await club.browser(ada, "ada")
    await club.wants(ada, quietHours={"starts": "22:00", "ends": "07:00"}, categories={"social": {"mail": True}})
    await club.tells(
        MessageWritten(new_id(), ada.id, (bo.id,), "Ada", "my secret"), MessageWritten(new_id(), bo.id, (ada.id,), "Bo", "hello")
    )
    await club.told(bo.id, DEADLINE, parameters={"title": "The fence", "hours": 3})
    assert await club.bell(bo) == 2
    left = await ada.client.request("DELETE", "/users/me", json={"password": PASSWORD})
    assert left.is_success, left.text
    await club.later(hours=1)
    for table in TABLES:
        assert await club.rows(f"select 1 from {table} where person_id = $1", ada.id) == [], table
    assert [card["kind"] for card in await club.listed(bo)] == ["deadline.near"]
    assert await club.bell(bo) == 1
    assert not [letter for letter in await club.mails("bo") if "my secret" in letter.text]
    assert await club.laws() == []
