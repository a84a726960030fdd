"""Preferences: what a person switches, by kind and category and channel, and when they want quiet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from souk.kernel.ids import new_id
from tests.modules.notify.club import CHANGED, DEADLINE, NOTICES, TERMS, MessageWritten, PostLiked
from tests.modules.notify.conftest import Club, told

WORDS = {"title": "The fence", "hours": 3}
OFF = {"inApp": False, "mail": False, "push": False, "sms": False}
PATH = "/users/me/notification-preferences"


def switches(shown: Any, kind: str) -> dict[str, bool]:
    (found,) = [each for category in shown["categories"] for each in category["kinds"] if each["kind"] == kind]
    return dict(found["channels"])


async def test_a_person_with_everything_switched_off_gets_nothing_but_security_mail(club: Club) -> None:
    ada = await club.member(phone="+33612345678")
    await club.browser(ada, "ada")
    await club.app(ada, "ada-phone-token")
    shown = told(await ada.client.get(PATH))
    names = [category["category"] for category in shown["categories"]]
    await club.wants(ada, categories=dict.fromkeys(names, OFF))
    talk = new_id()
    await club.tells(MessageWritten(talk, new_id(), (ada.id,), "Bo", "Tuesday?"), PostLiked(new_id(), ada.id, new_id(), "Bo"))
    await club.told(ada.id, DEADLINE, parameters=WORDS)
    await club.told(ada.id, CHANGED, parameters={"what": "Your password"})
    await club.told(ada.id, TERMS)
    await club.later(hours=2)
    assert [letter.subject for letter in await club.mails("ada")] == ["Your account was changed", "Our terms change"]
    assert (await club.listed(ada), await club.bell(ada)) == ([], 0)
    assert (club.service.asked, club.fcm.taken, await club.letters("+33612345678")) == ([], [], [])
    sent = await club.log("channel", where="d.state = 'sent'")
    assert sent == [("mail",), ("mail",)]
    assert await club.laws() == []


async def test_a_kind_goes_before_its_category_and_what_is_not_said_is_as_the_market_has_it(club: Club) -> None:
    ada = await club.member()
    before = told(await ada.client.get(PATH))
    assert switches(before, "deadline.near") == {"inApp": True, "mail": True, "push": False, "sms": True}
    after = await club.wants(ada, categories={"work": {"mail": False, "push": True}}, kinds={"deadline.near": {"mail": True, "sms": False}})
    assert switches(after, "deadline.near") == {"inApp": True, "mail": True, "push": True, "sms": False}
    assert told(await ada.client.get(PATH)) == after
    assert await club.wants(ada) == before


async def test_what_concerns_ones_safety_cannot_be_switched_off(club: Club) -> None:
    ada = await club.member()
    answer = await ada.client.put(PATH, json={"kinds": {"account.changed": {"mail": False, "push": False}}})
    assert answer.status_code == 422
    (problem,) = answer.json()["error"]["details"]["fields"]
    assert problem["field"] == "kinds.account.changed.mail"
    after = await club.wants(ada, kinds={"account.changed": {"push": False}})
    assert switches(after, "account.changed") == {"inApp": True, "mail": True, "push": False, "sms": False}


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"categories": {"nonsense": {"mail": False}}}, "categories.nonsense"),
        ({"kinds": {"message.recieved": {"mail": False}}}, "kinds.message.recieved"),
        ({"quietHours": {"starts": "22:00", "ends": "22:00"}}, "quietHours.ends"),
        ({"quietHours": {"starts": "25:00", "ends": "07:00"}}, "quietHours.starts"),
        ({"kinds": {"post.liked": {"pigeon": True}}}, "kinds.post.liked.pigeon"),
    ],
)
async def test_what_is_not_known_is_refused_by_its_name(club: Club, sent: dict[str, Any], field: str) -> None:
    ada = await club.member()
    answer = await ada.client.put(PATH, json=sent)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["error"]["details"]["fields"]] == [field]


async def test_every_kind_of_the_market_can_be_switched(club: Club) -> None:
    ada = await club.member()
    shown = told(await ada.client.get(PATH))
    kinds = {each["kind"] for category in shown["categories"] for each in category["kinds"]}
    assert kinds == {"message.received", "post.liked", "account.changed", "deadline.near", "terms.changed"} | {
        "errand.errand_asked",
        "errand.errand_accepted",
    }
    assert len(NOTICES.reactions) == 4


# Quiet hours


async def at(club: Club, moment: str) -> None:
    """It is that time now, in UTC."""
    wanted = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    club.clock.move_to(club.clock.offset + (wanted - club.clock.now()))
    await club.work()


async def test_what_comes_in_quiet_hours_waits_for_their_end_unless_it_is_urgent(club: Club) -> None:
    ada = await club.member(timezone="Europe/Paris")
    await club.browser(ada, "ada")
    await club.wants(ada, quietHours={"starts": "22:00", "ends": "07:00"}, categories={"work": {"push": True}})
    await at(club, "2027-06-10T21:00")
    await club.told(ada.id, DEADLINE, parameters=WORDS)
    assert await club.bell(ada) == 1
    assert (await club.mails("ada"), club.service.asked) == ([], [])
    await club.told(ada.id, CHANGED, parameters={"what": "Your password"})
    assert [letter.subject for letter in await club.mails("ada")] == ["Your account was changed"]
    assert len(club.service.asked) == 1
    await at(club, "2027-06-11T04:59")
    assert len(await club.mails("ada")) == 1
    await at(club, "2027-06-11T05:00:30")
    assert [letter.subject for letter in await club.mails("ada")] == ["Your account was changed", "Soon due: The fence"]
    assert len(club.service.asked) == 2
    assert await club.laws() == []


@pytest.mark.parametrize(
    ("evening", "before", "after"),
    [
        ("2027-03-27T22:30", "2027-03-28T04:59", "2027-03-28T05:00:30"),  # the short night in Paris
        ("2027-10-30T21:30", "2027-10-31T05:59", "2027-10-31T06:00:30"),  # the long one
    ],
)
async def test_seven_is_seven_also_when_the_clocks_are_changed(club: Club, evening: str, before: str, after: str) -> None:
    ada = await club.member(timezone="Europe/Paris")
    await club.wants(ada, quietHours={"starts": "22:00", "ends": "07:00"})
    await at(club, evening)
    await club.told(ada.id, DEADLINE, parameters=WORDS)
    await at(club, before)
    assert await club.mails("ada") == []
    await at(club, after)
    assert len(await club.mails("ada")) == 1


async def test_whoever_travels_east_while_it_waits_is_not_woken(club: Club) -> None:
    """Quiet in London until six; at six there the person is in New York, where it is one at night."""
    ada = await club.member(timezone="Europe/London")
    await club.wants(ada, quietHours={"starts": "22:00", "ends": "06:00"})
    await at(club, "2027-06-10T22:00")
    await club.told(ada.id, DEADLINE, parameters=WORDS)
    await ada.client.patch("/users/me", json={"timezone": "America/New_York"})
    await at(club, "2027-06-11T05:00:30")
    assert await club.mails("ada") == []
    await at(club, "2027-06-11T10:00:30")
    assert len(await club.mails("ada")) == 1
    assert await club.laws() == []


async def test_what_was_read_or_switched_off_while_it_waited_does_not_come(club: Club) -> None:
    ada = await club.member(timezone="Europe/Paris")
    await club.wants(ada, quietHours={"starts": "22:00", "ends": "07:00"})
    await at(club, "2027-06-10T21:00")
    await club.told(ada.id, DEADLINE, parameters=WORDS)
    await club.told(ada.id, DEADLINE, parameters={"title": "The roof", "hours": 4})
    (roof, _fence) = await club.listed(ada)
    await ada.client.patch(f"/notifications/{roof['id']}/read")
    await club.wants(ada, quietHours={"starts": "22:00", "ends": "07:00"}, categories={"work": {"mail": False}})
    await club.later(hours=12)
    assert await club.mails("ada") == []
    whys = await club.log("why", where="d.channel = 'mail'")
    assert sorted(whys) == [("switched_off",), ("switched_off",)]


async def test_time_that_passed_is_no_reason_to_tell_again(club: Club) -> None:
    ada = await club.member()
    await club.told(ada.id, DEADLINE, parameters=WORDS)
    await club.later(days=3)
    assert len(await club.mails("ada")) == 1
    assert club.clock.offset >= timedelta(days=3)
