"""Telling: one call reaches a person on every channel that they and the market want."""

from __future__ import annotations

import asyncio

import pytest

from souk.kernel.ids import new_id
from souk.kernel.messages import dead_letters
from souk.modules import notify
from souk.modules.notify import Channel, Why
from tests.modules.notify.club import BLOCKED, CHANGED, DEADLINE, MESSAGE, TERMS, MessageWritten, PostLiked
from tests.modules.notify.conftest import Club

WORDS = {"title": "The fence", "hours": 3}


async def test_one_call_reaches_a_person_in_their_list_by_mail_by_sms_and_on_every_device(club: Club) -> None:
    ada = await club.member(phone="+33612345678")
    browser = await club.browser(ada, "ada")
    await club.app(ada, "ada-phone-token")
    await club.wants(ada, categories={"work": {"push": True}})
    about = new_id()
    await club.told(ada.id, DEADLINE, parameters=WORDS, about=about)
    (card,) = await club.listed(ada)
    assert (card["title"], card["kind"], card["about"], card["count"]) == ("The fence is due in 3 hours", "deadline.near", str(about), 1)
    assert card["link"] == "https://elsewhere.example.com/The%20fence"
    assert await club.bell(ada) == 1
    (letter,) = await club.mails("ada")
    assert letter.subject == "Soon due: The fence"
    assert "The fence is due in 3 hours. Club wishes you well." in letter.text
    assert card["link"] in letter.links
    (text,) = await club.letters("+33612345678")
    assert text.text.strip() == "The fence: 3 h left"
    (push,) = club.read(browser, "ada")
    assert (push["title"], push["link"]) == ("The fence is due in 3 hours", card["link"])
    (message,) = club.fcm.taken
    assert message["notification"] == {"title": "The fence is due in 3 hours", "body": ""}
    assert message["data"]["link"] == card["link"]
    states = await club.log("channel", "state", "service")
    assert sorted(states, key=str) == sorted(
        [("in_app", "sent", None), ("mail", "sent", None), ("push", "sent", "web"), ("push", "sent", "fcm"), ("sms", "sent", None)], key=str
    )
    assert await club.laws() == []


async def test_a_fact_tells_whom_it_concerns_and_not_who_brought_it_about(club: Club) -> None:
    ada, bo, cleo = await club.member(), await club.member("bo"), await club.member("cleo")
    talk = new_id()
    await club.tells(MessageWritten(talk, bo.id, (ada.id, bo.id, cleo.id), "Bo", "Tuesday?"))
    for reader in (ada, cleo):
        (card,) = await club.listed(reader)
        assert (card["title"], card["body"]) == ("Bo wrote to you", "Tuesday?")
        assert card["link"] == f"/conversations/{talk}?from=Bo"
        assert card["parameters"] == {"name": "Bo", "text": "Tuesday?"}
    assert await club.listed(bo) == []


async def test_a_fact_that_concerns_nobody_tells_nobody(club: Club) -> None:
    ada = await club.member()
    await club.tells(MessageWritten(new_id(), ada.id, (ada.id,), "Ada", "a note to myself"))
    assert await club.rows("select 1 from notifications") == []
    await club.told(new_id(), DEADLINE, parameters=WORDS)
    assert await club.rows("select 1 from notifications") == []


async def test_a_change_that_is_rolled_back_tells_nobody(club: Club) -> None:
    ada = await club.member()

    async def fails(tx: object) -> None:
        await notify.tell(tx, ada.id, DEADLINE, WORDS)  # type: ignore[arg-type]
        raise LookupError

    with pytest.raises(LookupError):
        await club.database.write(fails)
    await club.work()
    assert await club.listed(ada) == []
    assert await club.log("state") == []


async def test_everybody_is_told_in_their_language_or_in_the_markets_first(club: Club) -> None:
    people = {language: await club.member(f"a{language}", language=language) for language in ("en", "fr", "ar")}
    await club.do("update people set language = 'pt-BR' where id = $1", people["en"].id)
    await club.told([each.id for each in people.values()], DEADLINE, parameters=WORDS)
    titles = {language: (await club.listed(who))[0]["title"] for language, who in people.items()}
    assert titles == {
        "en": "The fence is due in 3 hours",
        "fr": "The fence : encore 3 heures",
        "ar": "The fence: بقيت 3 ساعات",
    }
    (letter,) = await club.mails("afr")
    assert letter.subject == "Bientôt : The fence"
    assert "Ne plus recevoir" in letter.text
    assert 'dir="rtl"' in (await club.mails("aar"))[0].html


async def test_five_likes_are_one_notification_and_one_push(club: Club) -> None:
    ada = await club.member()
    await club.browser(ada, "ada")
    post = new_id()
    for name in ("Bo", "Cleo", "Dan", "Eve", "Flo"):
        await club.tells(PostLiked(post, ada.id, new_id(), name))
    (card,) = await club.listed(ada)
    assert (card["title"], card["count"]) == ("Flo and 4 more liked your post", 5)
    assert await club.bell(ada) == 1
    assert len(club.service.to("ada")) == 1
    await ada.client.patch(f"/notifications/{card['id']}/read")
    await club.tells(PostLiked(post, ada.id, new_id(), "Gus"), PostLiked(new_id(), ada.id, new_id(), "Hal"))
    titles = [card["title"] for card in await club.listed(ada, unread=True)]
    assert sorted(titles) == ["Gus liked your post", "Hal liked your post"]
    assert len(club.service.to("ada")) == 3
    assert await club.laws() == []


async def test_likes_that_come_at_once_are_still_one(club: Club) -> None:
    ada, post = await club.member(), new_id()
    tellings = [
        club.told(ada.id, "post.liked", parameters={"name": f"N{n}"}, actor=new_id(), group=f"likes {post}", work=False) for n in range(20)
    ]
    await asyncio.gather(*tellings)
    await asyncio.gather(club.work(), club.work(), club.work())
    (card,) = await club.listed(ada)
    assert card["count"] == 20
    assert await club.bell(ada) == 1
    assert await club.laws() == []


async def test_who_is_blocked_reaches_nobody_by_any_channel(club: Club) -> None:
    ada, bo = await club.member(phone="+33612345678"), await club.member("bo")
    await club.browser(ada, "ada")
    BLOCKED.add(frozenset({ada.id, bo.id}))
    await club.wants(ada, categories={"messages": {"sms": True}, "work": {"push": True}, "social": {"mail": True, "sms": True}})
    await club.tells(MessageWritten(new_id(), bo.id, (ada.id,), "Bo", "You again?"), PostLiked(new_id(), ada.id, bo.id, "Bo"))
    await club.told(ada.id, DEADLINE, parameters=WORDS, actor=bo.id)
    await club.later(hours=2)
    assert await club.listed(ada) == []
    assert await club.bell(ada) == 0
    assert (await club.mails("ada"), await club.letters("+33612345678"), club.service.asked) == ([], [], [])
    assert {(state, why) for state, why in await club.log("state", "why")} == {("suppressed", "blocked")}
    assert len(await club.log("id")) >= 9
    assert await club.rows("select title, body, parameters::text from notifications group by 1, 2, 3") == [("", "", "{}")]
    known = await ada.client.get("/users/me/export")
    assert known.is_success
    assert "You again?" not in known.text
    assert await club.laws() == []


async def test_who_was_blocked_while_it_waited_does_not_arrive(club: Club) -> None:
    ada, bo = await club.member(), await club.member("bo")
    await club.tells(MessageWritten(new_id(), bo.id, (ada.id,), "Bo", "Tuesday?"))
    BLOCKED.add(frozenset({ada.id, bo.id}))
    await club.later(minutes=20)
    assert await club.mails("ada") == []
    assert ("mail", "suppressed", "blocked") in await club.log("channel", "state", "why")


@pytest.mark.parametrize("status", ["suspended", "erased"])
async def test_who_is_shut_out_or_gone_gets_nothing_but_what_the_law_demands(club: Club, status: str) -> None:
    ada, sam = await club.member(), await club.staff()
    await club.browser(ada, "ada")
    if status == "suspended":
        answer = await sam.client.post(f"/admin/users/{ada.id}/suspend", json={"reason": "spam"})
    else:
        answer = await ada.client.request("DELETE", "/users/me", json={"password": "three fine winters"})
    assert answer.is_success, answer.text
    await club.work()
    await club.told(ada.id, DEADLINE, parameters=WORDS)
    await club.told(ada.id, CHANGED, parameters={"what": "Your name"})
    await club.told(ada.id, TERMS)
    assert club.service.asked == []
    letters = [letter.subject for letter in await club.mails("ada")]
    assert letters == (["Our terms change"] if status == "suspended" else [])
    shown = await club.rows("select count(*) from notifications where shown")
    assert shown == [(0,)]
    assert await club.laws() == []


async def test_an_address_that_was_never_verified_gets_only_what_is_due_always(club: Club) -> None:
    ada = await club.member(verified=False)
    await club.told(ada.id, DEADLINE, parameters=WORDS)
    await club.told(ada.id, CHANGED, parameters={"what": "Your name"})
    assert [letter.subject for letter in await club.mails("ada")] == ["Your account was changed"]
    assert ("mail", "suppressed", str(Why.NO_ADDRESS)) in await club.log("channel", "state", "why")


async def test_a_kind_that_nobody_declared_becomes_a_dead_letter_that_says_so(club: Club) -> None:
    ada = await club.member()
    await club.told(ada.id, "nobody.knows")
    (dead,) = await club.database.read(dead_letters)
    assert "no kind of notification is called 'nobody.knows'" in dead.error


async def test_wrong_parameters_are_refused_at_the_call(club: Club) -> None:
    ada = await club.member()
    with pytest.raises(notify.WrongParameters, match="missing \\['hours'\\], unknown \\['minutes'\\]"):
        await club.told(ada.id, DEADLINE, parameters={"title": "x", "minutes": 3})


def test_kinds_go_where_they_say() -> None:
    assert Channel.MAIL in MESSAGE.channels
    assert CHANGED.always == (Channel.MAIL,)
