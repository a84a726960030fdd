"""Unsubscribing without signing in: a signed link, a plain page, and a mail program's one click (RFC 8058)."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from souk.kernel.ids import new_id
from souk.modules import mail
from souk.modules.notify.webpush import encoded
from tests.modules.notify.club import CHANGED, DEADLINE, MessageWritten
from tests.modules.notify.conftest import Club

WORDS = {"title": "The fence", "hours": 3}
PATH = "/notifications/unsubscribe"


def link_in(letter: mail.Posted) -> str:
    (link,) = [link for link in letter.links if PATH in link]
    return parse_qs(urlsplit(link).query)["token"][0]


async def test_a_link_in_a_mail_ends_that_categorys_mail_and_nothing_else(club: Club) -> None:
    ada = await club.member()
    await club.wants(ada, kinds={"deadline.near": {"mail": True}})
    await club.told(ada.id, DEADLINE, parameters=WORDS)
    token = link_in((await club.mails("ada"))[0])
    anybody = await club.client()
    page = await anybody.get(PATH, params={"token": token})
    assert page.status_code == 200
    assert '<form method="post" action="/test/notifications/unsubscribe?token=' in page.text
    assert "No more e-mails about: work" in page.text
    await club.told(ada.id, DEADLINE, parameters=WORDS)
    assert len(await club.mails("ada")) == 2  # looking changed nothing
    done = await anybody.post(PATH, params={"token": token}, data={"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200
    await club.told(ada.id, DEADLINE, parameters=WORDS)
    await club.tells(MessageWritten(new_id(), new_id(), (ada.id,), "Bo", "Tuesday?"))
    await club.later(minutes=16)
    assert [letter.subject for letter in await club.mails("ada")][2:] == ["Bo wrote to you"]
    assert len(await club.listed(ada)) == 4
    again = await anybody.post(PATH, params={"token": token}, content=b"")
    assert again.status_code == 200


async def test_a_digests_link_ends_what_was_in_it(club: Club) -> None:
    ada = await club.member(language="fr")
    for name in ("Bo", "Cleo"):
        await club.tells(MessageWritten(new_id(), new_id(), (ada.id,), name, "?"))
    await club.later(minutes=16)
    token = link_in((await club.mails("ada"))[0])
    done = await (await club.client()).post(PATH, params={"token": token}, content=b"List-Unsubscribe=One-Click")
    assert 'lang="fr"' in done.text
    await club.tells(MessageWritten(new_id(), new_id(), (ada.id,), "Dan", "?"))
    await club.later(minutes=16)
    assert len(await club.mails("ada")) == 1


async def test_mail_that_cannot_be_switched_off_has_no_such_link(club: Club) -> None:
    ada = await club.member()
    await club.told(ada.id, CHANGED, parameters={"what": "Your name"})
    (letter,) = await club.mails("ada")
    assert not [link for link in letter.links if PATH in link]


@pytest.mark.parametrize("spoilt", ["x", "é", lambda token: token[:-2] + ("AA" if token[-2:] != "AA" else "BB"), lambda token: token[:40]])
async def test_a_link_that_is_not_ours_does_nothing(club: Club, spoilt: object) -> None:
    ada = await club.member()
    await club.told(ada.id, DEADLINE, parameters=WORDS)
    token = link_in((await club.mails("ada"))[0])
    wrong = spoilt(token) if callable(spoilt) else spoilt
    assert isinstance(wrong, str)
    for method in ("GET", "POST"):
        answer = await (await club.client()).request(method, PATH, params={"token": wrong})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "UNSUBSCRIBE_LINK_INVALID")
    await club.told(ada.id, DEADLINE, parameters=WORDS)
    assert len(await club.mails("ada")) == 2


async def test_what_is_sealed_for_something_else_is_no_link(club: Club) -> None:
    token = encoded(club.vault.seal(b'["0190163d-8694-739b-aea5-966c26f8ad91",["work"],"en"]', "something else"))
    assert (await (await club.client()).post(PATH, params={"token": token})).status_code == 404
