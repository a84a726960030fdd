"""Digests: whoever is away gets one mail about what they missed; whoever is here, or has read it, none."""

from __future__ import annotations

from datetime import timedelta

from souk.kernel.ids import new_id
from tests.modules.notify.club import MessageWritten
from tests.modules.notify.conftest import Club


async def test_several_messages_become_one_mail_after_a_quarter_of_an_hour(club: Club) -> None:
    ada, talks = await club.member(), [new_id(), new_id()]
    for n, name in enumerate(("Bo", "Bo", "Cleo")):
        await club.tells(MessageWritten(talks[n // 2], new_id(), (ada.id,), name, f"text {n}"))
        await club.later(minutes=4)
    assert await club.mails("ada") == []
    await club.later(minutes=4)
    (letter,) = await club.mails("ada")
    assert letter.subject == "What you missed on Club (3)"
    assert "Bo wrote to you (2)\ntext 1" in letter.text
    assert "Cleo wrote to you\ntext 2" in letter.text
    assert letter.text.index("Bo wrote") < letter.text.index("Cleo wrote")
    await club.later(hours=3)
    assert len(await club.mails("ada")) == 1
    assert await club.log("state", where="d.channel = 'mail'") == [("sent",), ("sent",)]
    assert await club.laws() == []


async def test_a_single_message_is_mailed_as_itself(club: Club) -> None:
    ada = await club.member(language="fr")
    await club.tells(MessageWritten(new_id(), new_id(), (ada.id,), "Bo", "Mardi ?"))
    await club.later(minutes=16)
    (letter,) = await club.mails("ada")
    assert letter.subject == "Bo vous a écrit"
    assert "Mardi ?" in letter.text


async def test_what_was_read_in_time_is_not_mailed(club: Club) -> None:
    ada = await club.member()
    await club.tells(MessageWritten(new_id(), new_id(), (ada.id,), "Bo", "one"))
    await club.tells(MessageWritten(new_id(), new_id(), (ada.id,), "Cleo", "two"))
    cleo, _bo = await club.listed(ada)
    await ada.client.patch(f"/notifications/{cleo['id']}/read")
    await club.later(minutes=16)
    (letter,) = await club.mails("ada")
    assert letter.subject == "Bo wrote to you"
    assert sorted(await club.log("state", "why", where="d.channel = 'mail'"), key=str) == [("sent", None), ("suppressed", "read")]


async def test_whoever_is_here_gets_no_mail_before_they_leave(club: Club) -> None:
    ada = await club.member()
    process = await club.connected(ada)
    await club.tells(MessageWritten(new_id(), new_id(), (ada.id,), "Bo", "Tuesday?"))
    for _ in range(3):
        await club.later(minutes=16)
    assert await club.mails("ada") == []
    assert await club.laws() == []
    await club.gone(ada, process)
    await club.later(minutes=16)
    assert len(await club.mails("ada")) == 1


async def test_a_digest_that_is_due_at_night_waits_for_the_morning(club: Club) -> None:
    ada = await club.member(timezone="UTC")
    around = [f"{club.clock.now() + timedelta(hours=hours):%H:%M}" for hours in (-2, 2)]
    await club.wants(ada, quietHours={"starts": around[0], "ends": around[1]})
    await club.tells(MessageWritten(new_id(), new_id(), (ada.id,), "Bo", "Tuesday?"))
    await club.later(minutes=16)
    assert await club.mails("ada") == []
    assert await club.laws() == []
    await club.wants(ada)
    await club.later(days=1)
    assert len(await club.mails("ada")) == 1


async def test_the_next_messages_make_the_next_digest(club: Club) -> None:
    ada = await club.member()
    for n in range(2):
        await club.tells(MessageWritten(new_id(), new_id(), (ada.id,), f"Bo{n}", "Tuesday?"))
        await club.later(minutes=16)
    assert [letter.subject for letter in await club.mails("ada")] == ["Bo0 wrote to you", "Bo1 wrote to you"]
