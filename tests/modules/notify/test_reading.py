"""The list and the bell: one's own, counted without counting, paged, and live."""

from __future__ import annotations

import asyncio
import json

from souk.kernel.ids import new_id
from souk.modules import notify
from tests.modules.notify.club import DEADLINE, LIKED
from tests.modules.notify.conftest import Club, told


async def test_a_list_is_paged_by_number_and_by_cursor(club: Club) -> None:
    ada = await club.member()
    for n in range(7):
        await club.told(ada.id, DEADLINE, parameters={"title": f"T{n}", "hours": n})
    first = (await ada.client.get("/notifications", params={"limit": 3})).json()
    assert [each["parameters"]["title"] for each in first["data"]] == ["T6", "T5", "T4"]
    assert first["pagination"]["total"] == 7
    assert first["pagination"]["totalPages"] == 3
    second = (await ada.client.get("/notifications", params={"limit": 3, "cursor": first["pagination"]["nextCursor"]})).json()
    assert [each["parameters"]["title"] for each in second["data"]] == ["T3", "T2", "T1"]
    third = (await ada.client.get("/notifications", params={"limit": 3, "page": 3})).json()
    assert [each["parameters"]["title"] for each in third["data"]] == ["T0"]
    beyond = (await ada.client.get("/notifications", params={"limit": 3, "page": 9})).json()
    assert (beyond["data"], beyond["pagination"]["total"]) == ([], 7)


async def test_the_bell_follows_what_is_read(club: Club) -> None:
    ada = await club.member()
    assert await club.bell(ada) == 0
    for n in range(3):
        await club.told(ada.id, DEADLINE, parameters={"title": f"T{n}", "hours": n})
    first = (await club.listed(ada))[0]
    for _twice in range(2):
        assert told(await ada.client.patch(f"/notifications/{first['id']}/read")) == {"unread": 2}
    assert [card["readAt"] is None for card in await club.listed(ada)] == [False, True, True]
    assert len(await club.listed(ada, unread=True)) == 2
    assert told(await ada.client.patch("/notifications/read-all")) == {"marked": 2, "unread": 0}
    assert told(await ada.client.patch("/notifications/read-all")) == {"marked": 0, "unread": 0}
    assert await club.bell(ada) == 0
    assert await club.laws() == []


async def test_reading_and_telling_at_once_never_miscounts(club: Club) -> None:
    ada = await club.member()
    post = new_id()
    for n in range(6):
        await club.told(ada.id, DEADLINE, parameters={"title": f"T{n}", "hours": n})
    cards = await club.listed(ada)
    for n in range(10):
        await club.told(ada.id, LIKED, parameters={"name": f"N{n}"}, group=f"likes {post}", work=False)
    reads = [ada.client.patch(f"/notifications/{card['id']}/read") for card in cards for _twice in range(2)]
    answers = await asyncio.gather(*reads, ada.client.patch("/notifications/read-all"), club.work(), club.work(), return_exceptions=True)
    assert all(not isinstance(answer, BaseException) for answer in answers)
    await club.work()
    assert await club.bell(ada) == len(await club.listed(ada, unread=True))
    assert await club.laws() == []


async def test_nobody_reads_or_marks_what_is_anothers(club: Club) -> None:
    ada, bo = await club.member(), await club.member("bo")
    await club.told(ada.id, DEADLINE, parameters={"title": "T", "hours": 1})
    (card,) = await club.listed(ada)
    assert await club.listed(bo) == []
    answer = await bo.client.patch(f"/notifications/{card['id']}/read")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOTIFICATION_NOT_FOUND")
    assert await club.bell(ada) == 1
    for method, path in (("GET", "/notifications"), ("GET", "/notifications/unread-count"), ("PATCH", "/notifications/read-all")):
        assert (await (await club.client()).request(method, path)).status_code == 401


async def test_what_a_person_is_told_is_said_live_to_them_alone_as_their_list_shows_it(club: Club) -> None:
    ada = await club.member()
    post = new_id()
    for name in ("Bo", "Cleo"):
        await club.told(ada.id, LIKED, parameters={"name": name}, group=f"likes {post}")
    said = await club.rows("select name, room, payload::text from said order by txid, seq")
    assert [(name, room) for name, room, _payload in said] == [("notification", f"user:{ada.id}")] * 2
    (card,) = await club.listed(ada)
    assert json.loads(said[-1][2]) == card
    assert json.loads(said[0][2])["count"] == 1
    assert notify.SAYS.name == "notification"


async def test_what_is_switched_off_in_the_list_is_not_said_live(club: Club) -> None:
    ada = await club.member()
    await club.wants(ada, categories={"work": {"inApp": False}})
    await club.told(ada.id, DEADLINE, parameters={"title": "T", "hours": 1})
    assert await club.rows("select 1 from said") == []
    assert len(await club.mails("ada")) == 1
    assert await club.listed(ada) == []


async def test_what_was_told_half_a_year_ago_is_forgotten_and_not_counted(club: Club) -> None:
    ada = await club.member()
    await club.told(ada.id, DEADLINE, parameters={"title": "old", "hours": 1})
    await club.later(days=100)
    await club.told(ada.id, DEADLINE, parameters={"title": "new", "hours": 1})
    await club.later(days=82)
    await club.database.write(notify.MODULE.periodic[0].function)
    assert [card["parameters"]["title"] for card in await club.listed(ada)] == ["new"]
    assert await club.bell(ada) == 1
    assert await club.laws() == []


async def test_staff_read_what_became_of_everything_and_others_do_not(club: Club) -> None:
    ada, sam = await club.member(), await club.staff()
    await club.wants(ada, categories={"work": {"mail": False}})
    await club.told(ada.id, DEADLINE, parameters={"title": "secret plan", "hours": 1})
    path = "/admin/notifications/deliveries"
    assert (await ada.client.get(path)).status_code == 403
    answer = await sam.client.get(path, params={"person": str(ada.id), "kind": "deadline.near"})
    rows = {each["channel"]: (each["state"], each["why"]) for each in told(answer)}
    assert rows == {"in_app": ("sent", None), "mail": ("suppressed", "switched_off"), "sms": ("suppressed", "no_address")}
    assert "secret plan" not in answer.text
    assert [each["channel"] for each in told(await sam.client.get(path, params={"state": "suppressed", "channel": "sms"}))] == ["sms"]
    page = (await sam.client.get(path, params={"limit": 2})).json()
    rest = (await sam.client.get(path, params={"limit": 2, "cursor": page["pagination"]["nextCursor"]})).json()
    assert len({each["id"] for each in (*page["data"], *rest["data"])}) == 3
