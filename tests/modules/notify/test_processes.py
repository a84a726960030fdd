"""Steps that tell: a process's own words become notifications when its steps are taken."""

from __future__ import annotations

import pytest

from souk.modules import notify
from souk.modules.notify import Channel
from tests.modules.notify.club import CLIENT, ERRANDS, SALES, WORKER
from tests.modules.notify.conftest import Club, told


async def test_a_step_tells_the_party_that_it_names(club: Club) -> None:
    ada, will, sam = await club.member(), await club.member("will", "worker"), await club.head()
    asked = told(await ada.client.post("/errands", json={"workerId": str(will.id), "what": "bread"}))
    await club.work()
    (card,) = await club.listed(will)
    assert (card["title"], card["kind"]) == ("Somebody asks you for: errand of errand", "errand.errand_asked")
    assert card["link"] == f"/errands/{asked['id']}"
    assert card["about"] == asked["id"]
    assert await club.listed(ada) == []
    await will.client.post(f"/errands/{asked['id']}/accept")
    await club.work()
    for who in (ada, sam):
        (card,) = await club.listed(who)
        assert card["title"] == "Your errand is accepted"
    (letter,) = await club.mails("ada")
    assert f"https://club.example.com/errands/{asked['id']}" in letter.links
    assert await club.laws() == []


async def test_a_step_that_tells_nobody_tells_nobody(club: Club) -> None:
    ada, will = await club.member(), await club.member("will", "worker")
    await ada.client.post("/errands", json={"workerId": str(will.id), "what": "bread"})
    await club.later(days=3)
    assert len(await club.listed(will)) == 1
    assert await club.listed(ada) == []


def test_every_template_that_steps_name_is_a_kind_once() -> None:
    assert [kind.name for kind in ERRANDS] == ["errand.errand_asked", "errand.errand_accepted"]
    assert [fact.topic.name for kind in ERRANDS for fact in kind.facts] == ["errand.ask", "errand.accept"]
    assert all(kind.channels == (Channel.IN_APP, Channel.PUSH, Channel.MAIL) for kind in ERRANDS)
    assert CLIENT != WORKER


def test_a_step_that_tells_a_role_needs_to_know_who_has_it() -> None:
    with pytest.raises(TypeError, match=r"errand.accept tells admin, and nobody knows who that is: say of_role="):
        notify.from_processes(SALES.processes)
