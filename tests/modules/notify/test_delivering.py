"""Delivering: troubles of push services, devices that are gone, and workers that are killed."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from souk.kernel.messages import Rhythm
from tests.modules.notify.browsers import Asked
from tests.modules.notify.club import CHANGED, DEADLINE, LIKED
from tests.modules.notify.conftest import Club

ROOT = Path(__file__).parents[3]
QUICK = Rhythm(lease=1.0, beat=0.2)


async def liked(club: Club, who: object, times: int = 1, *, work: bool = True) -> None:
    for n in range(times):
        await club.told(who, LIKED, parameters={"name": f"N{n}"}, work=work)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_is_gone_is_removed_and_never_called_again(club: Club, status: int) -> None:
    ada = await club.member()
    await club.browser(ada, "old")
    new = await club.browser(ada, "new")
    club.service.answers["old"] = status
    await liked(club, ada.id, 2)
    assert len(club.service.to("old")) == 1
    assert len(club.read(new, "new")) == 2
    assert len((await ada.client.get("/devices")).json()["data"]) == 1
    (failed,) = await club.log("state", "error", where="d.state = 'failed'")
    assert f"the push service says {status}" in failed[1]
    assert await club.laws() == []


async def test_a_service_that_is_busy_is_asked_again_and_takes_it_once(club: Club) -> None:
    ada = await club.member()
    browser = await club.browser(ada, "ada")
    club.service.answers["ada"] = 503
    await liked(club, ada.id)
    ((state, attempts),) = await club.log("state", "attempts", where="d.channel = 'push'")
    assert (state, attempts) == ("waiting", "1")
    await club.later(seconds=5)
    assert len(club.service.to("ada")) == 1
    await club.later(minutes=1)
    assert len(club.service.to("ada")) == 2
    del club.service.answers["ada"]
    await club.later(minutes=2)
    assert len(club.service.to("ada")) == 3
    assert len(club.read(browser, "ada")) == 3
    assert await club.log("state", "attempts", "error", where="d.channel = 'push'") == [("sent", "3", None)]
    await club.later(hours=2)
    assert len(club.service.to("ada")) == 3


async def test_a_service_that_asks_to_be_left_alone_is(club: Club) -> None:
    ada = await club.member()
    await club.browser(ada, "ada")
    club.service.answers["ada"], club.service.headers = 429, {"retry-after": "3600"}
    await liked(club, ada.id)
    await club.later(minutes=55)
    assert len(club.service.to("ada")) == 1
    del club.service.answers["ada"]
    await club.later(minutes=6)
    assert len(club.service.to("ada")) == 2


async def test_a_push_is_given_up_after_a_day_and_says_why(club: Club) -> None:
    ada = await club.member()
    await club.browser(ada, "ada")
    club.service.answers["ada"] = 500
    await liked(club, ada.id)
    for _ in range(40):
        await club.later(minutes=59)
    ((state, error),) = await club.log("state", "error", where="d.channel = 'push'")
    assert state == "failed"
    assert error.startswith("given up after 24 hours: the push service says 500")
    asked = len(club.service.asked)
    await club.later(days=2)
    assert len(club.service.asked) == asked


async def test_what_may_have_arrived_is_not_sent_again(club: Club) -> None:
    ada = await club.member()
    await club.browser(ada, "ada")
    club.service.silent.add("ada")
    await liked(club, ada.id)
    ((state, error),) = await club.log("state", "error", where="d.channel = 'push'")
    assert state == "unknown"
    assert "ReadTimeout" in error or "TimeoutError" in error
    club.service.silent.clear()
    await club.later(days=1)
    assert len(club.service.to("ada")) == 1


async def test_a_worker_that_dies_between_call_and_answer_leaves_it_unknown(club: Club) -> None:
    ada = await club.member()
    await club.browser(ada, "ada")
    asked = asyncio.Event()
    club.service.silent.add("ada")
    club.service.when_asked = lambda _asked: asked.set()
    await liked(club, ada.id, work=False)
    doomed = asyncio.create_task(club.worker(QUICK).run())
    async with asyncio.timeout(20):
        await asked.wait()
    doomed.cancel()
    await asyncio.gather(doomed, return_exceptions=True)
    assert await club.log("state", where="d.channel = 'push'") == [("claimed",)]
    assert await club.laws() == []
    club.service.silent.clear()
    await club.work()
    ((state, error),) = await club.log("state", "error", where="d.channel = 'push'")
    assert state == "unknown"
    assert error.startswith("a worker ended")
    assert len(club.service.to("ada")) == 1
    assert await club.laws() == []


@pytest.mark.slow
async def test_no_notification_is_sent_twice_whenever_workers_are_killed(club: Club, runtime_dsn: str) -> None:
    """Sixty pushes and as many mails, and four workers that are killed while a push of theirs has come in and has no answer yet."""
    people = [await club.member(f"p{n}") for n in range(6)]
    for n, who in enumerate(people):
        await club.browser(who, f"p{n}")
    for n in range(10):
        await club.told([who.id for who in people], CHANGED, parameters={"what": f"thing {n}"}, work=False)
    kills, worker, left = 4, None, 0

    def kill_now(_asked: Asked) -> None:
        nonlocal left
        left -= 1
        if worker is not None and left == 0:
            worker.kill()

    club.service.when_asked = kill_now
    for n in range(kills):
        left = n + 1
        worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.modules.notify.worker_process", runtime_dsn, cwd=ROOT)
        async with asyncio.timeout(60):
            assert await worker.wait() == -signal.SIGKILL
    club.service.when_asked = lambda _asked: None
    await asyncio.sleep(QUICK.lease)
    for _ in range(3):
        await club.later(minutes=20)  # jobs whose workers vanished rest for a while
    calls = Counter((asked.path, asked.headers["topic"]) for asked in club.service.asked)
    assert max(calls.values()) == 1
    states = Counter(state for (state,) in await club.log("state", where="d.channel = 'push'"))
    assert set(states) <= {"sent", "unknown"}
    assert states.total() == 60
    assert states["sent"] <= len(calls) <= 60
    assert states["unknown"] >= kills
    assert await club.rows("select count(*) from mails where template like 'notify/%'") == [(60,)]
    assert await club.rows("select count(*) from notifications") == [(60,)]
    assert await club.laws() == []


async def test_a_device_that_signed_off_while_a_push_waited_gets_nothing(club: Club) -> None:
    ada = await club.member()
    await club.browser(ada, "ada")
    club.service.answers["ada"] = 503
    await liked(club, ada.id)
    path = "/notifications/push-subscriptions"
    answer = await ada.client.delete(path, params={"endpoint": club.service.endpoint("ada")})
    assert answer.status_code == 204
    await club.later(minutes=5)
    assert len(club.service.to("ada")) == 1
    assert await club.log("state", "why", where="d.channel = 'push'") == [("suppressed", "device_gone")]


async def test_apps_that_are_gone_are_removed_and_a_token_that_was_taken_back_is_renewed(club: Club) -> None:
    ada = await club.member()
    await club.app(ada, "kept-app-token")
    await club.app(ada, "gone-app-token")
    club.fcm.remove("gone-app-token")
    club.fcm.take_back()
    await liked(club, ada.id)
    await club.later(minutes=2)
    assert [message["token"] for message in club.fcm.taken] == ["kept-app-token"]
    assert [each["name"] for each in (await ada.client.get("/devices")).json()["data"]] == ["Pixel"]
    assert sorted(state for (state,) in await club.log("state", where="d.channel = 'push'")) == ["failed", "sent"]


async def test_a_kind_that_was_taken_away_while_it_waited_fails_and_says_so(club: Club) -> None:
    ada = await club.member()
    await club.browser(ada, "ada")
    club.service.answers["ada"] = 503
    await club.told(ada.id, DEADLINE, parameters={"title": "T", "hours": 1}, work=False)
    await club.told(ada.id, LIKED, parameters={"name": "Bo"})
    await club.do("update notifications set kind = 'gone.kind' where kind = 'post.liked'")
    await club.later(minutes=5)
    assert await club.log("state", "error", where="d.channel = 'push'") == [("failed", "there is no kind gone.kind any more")]


async def test_a_mail_whose_kind_was_taken_away_fails_too_and_one_that_was_forgotten_is_not_written(club: Club) -> None:
    ada, bo = await club.member(timezone="UTC"), await club.member("bo", timezone="UTC")
    around = [f"{club.clock.now() + timedelta(hours=hours):%H:%M}" for hours in (-2, 2)]
    for who in (ada, bo):
        await club.wants(who, quietHours={"starts": around[0], "ends": around[1]})
        await club.told(who.id, DEADLINE, parameters={"title": "T", "hours": 1})
    await club.do("update notifications set kind = 'gone.kind' where person_id = $1", ada.id)
    await club.do("delete from notifications where person_id = $1", bo.id)
    await club.later(days=1)
    assert await club.log("state", "error", where="d.channel = 'mail'") == [("failed", "there is no kind gone.kind any more")]
    assert await club.mails("bo") == []


async def test_an_address_that_cannot_be_written_to_fails_and_says_so(club: Club) -> None:
    ada = await club.member()
    await club.do("update people set email = 'two words@example.com' where id = $1", ada.id)
    await club.told(ada.id, DEADLINE, parameters={"title": "T", "hours": 1})
    assert await club.log("state", "error", where="d.channel = 'mail'") == [("failed", "This is not an address that mail can be sent to.")]


async def test_a_push_that_is_tried_again_at_night_waits_for_the_morning(club: Club) -> None:
    ada = await club.member(timezone="UTC")
    await club.browser(ada, "ada")
    club.service.answers["ada"] = 503
    await liked(club, ada.id)
    now = club.clock.now()
    around = [f"{now + timedelta(hours=hours):%H:%M}" for hours in (-2, 2)]
    await club.wants(ada, quietHours={"starts": around[0], "ends": around[1]})
    del club.service.answers["ada"]
    await club.later(minutes=5)
    assert len(club.service.to("ada")) == 1
    await club.wants(ada)
    await club.later(days=1)
    assert len(club.service.to("ada")) == 2
    assert await club.laws() == []


async def test_a_person_who_was_suspended_while_a_push_waited_gets_none(club: Club) -> None:
    ada, sam = await club.member(), await club.staff()
    await club.browser(ada, "ada")
    club.service.answers["ada"] = 503
    await liked(club, ada.id)
    answer = await sam.client.post(f"/admin/users/{ada.id}/suspend", json={"reason": "spam"})
    assert answer.is_success
    await club.later(minutes=5)
    assert len(club.service.to("ada")) == 1
    assert await club.log("state", "why", where="d.channel = 'push'") == [("suppressed", "not_active")]
