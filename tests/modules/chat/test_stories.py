"""People who write to each other, over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from souk.modules import chat
from tests.modules.chat.conftest import BLOCKS, STATES, STRANGERS, Parlour, told
from tests.modules.identity.conftest import Visitor

# Beginning


async def test_the_same_two_people_and_project_give_the_same_conversation(parlour: Parlour) -> None:
    ada, bo = await parlour.people("ada", "bo")
    project = str(uuid4())
    first = await parlour.begins(ada, bo, projectId=project)
    assert (first["aboutKind"], first["aboutId"], first["direct"]) == ("project", project, True)
    again = await parlour.begins(bo, ada, projectId=project, status=200)
    assert again["id"] == first["id"]
    free = await parlour.begins(ada, bo)
    other = await parlour.begins(ada, bo, projectId=str(uuid4()))
    assert len({first["id"], free["id"], other["id"]}) == 3
    assert [fact["recipients"] for fact in await parlour.facts("conversation.begun")] == [[str(bo.id)]] * 3
    found = await parlour.does(ada, "GET", f"/conversations?aboutKind=project&aboutId={project}")
    assert [each["id"] for each in found] == [first["id"]]


async def test_nobody_begins_with_nobody_or_with_whom_they_may_not_reach(parlour: Parlour, stranger: UUID) -> None:
    ada, bo = await parlour.people("ada", "bo")
    assert (await parlour.begins(ada, ada, status=422))["code"] == "WITH_NOBODY"
    answer = await ada.client.post("/conversations", json={"participantId": str(stranger)})
    assert told(answer, 404)["code"] == "PERSON_NOT_FOUND"
    STRANGERS.add(frozenset((ada.id, bo.id)))
    assert (await parlour.begins(ada, bo, status=403))["code"] == "NOT_REACHABLE"


async def test_whoever_is_blocked_reaches_nobody(parlour: Parlour) -> None:
    ada, bo, cy = await parlour.people("ada", "bo", "cy")
    talk = await parlour.begins(ada, bo)
    group = await parlour.begins(ada, bo, cy)
    BLOCKS.add(frozenset((ada.id, bo.id)))
    assert (await parlour.says(ada, talk, status=403))["code"] == "NOT_REACHABLE"
    assert (await parlour.begins(bo, ada, projectId=str(uuid4()), status=403))["code"] == "NOT_REACHABLE"
    await parlour.says(ada, group, "to whom it concerns")
    [fact] = await parlour.facts("message.posted")
    assert fact["recipients"] == [str(cy.id)]


async def test_strangers_find_nothing(parlour: Parlour) -> None:
    ada, bo, eve = await parlour.people("ada", "bo", "eve")
    talk = await parlour.begins(ada, bo)
    message = await parlour.says(ada, talk)
    await parlour.says(eve, talk, status=404)
    await parlour.reads(eve, talk, status=404)
    await parlour.marks(eve, talk, status=404)
    own = f"/conversations/{talk['id']}"
    await parlour.does(eve, "GET", own, 404)
    await parlour.does(eve, "PATCH", own, 404, muted=True)
    await parlour.does(eve, "POST", f"{own}/leave", 404)
    await parlour.does(eve, "POST", f"{own}/participants", 404, personId=str(eve.id))
    await parlour.does(eve, "PATCH", f"/messages/{message['id']}", 404, content="mine")
    await parlour.does(eve, "DELETE", f"/messages/{message['id']}", 404)
    await parlour.does(eve, "POST", f"/messages/{message['id']}/report", 404, reason="spam")
    await parlour.does(eve, "GET", "/admin/chat/reports", 403)
    assert await parlour.does(eve, "GET", "/conversations") == []


# Messages


async def test_messages_are_read_page_by_page_and_counted_until_they_are(parlour: Parlour) -> None:
    ada, bo = await parlour.people("ada", "bo")
    talk = await parlour.begins(ada, bo)
    posted = [await parlour.says(ada, talk, f"number {n}") for n in range(7)]
    first = await ada.client.get(f"/conversations/{talk['id']}/messages", params={"limit": 4})
    assert [each["content"] for each in told(first)] == ["number 6", "number 5", "number 4", "number 3"]
    rest = await parlour.reads(ada, talk, limit=4, cursor=first.json()["pagination"]["nextCursor"])
    assert [each["content"] for each in rest] == ["number 2", "number 1", "number 0"]
    [listed] = await parlour.does(bo, "GET", "/conversations")
    assert (listed["unread"], listed["lastMessage"]["content"], await parlour.unread(bo)) == (7, "number 6", 7)
    assert await parlour.marks(bo, talk, posted[2]) == {"unread": 4}
    assert await parlour.marks(bo, talk, posted[1]) == {"unread": 4}, "nobody unreads"
    assert await parlour.unread(bo) == 4
    await parlour.check_laws()
    people = (await parlour.does(ada, "GET", f"/conversations/{talk['id']}"))["participants"]
    assert {each["personId"]: each["readUpTo"] for each in people} == {str(ada.id): None, str(bo.id): posted[2]["id"]}
    assert await parlour.marks(bo, talk, word="delivered") == {"unread": 4}
    assert await parlour.marks(bo, talk) == {"unread": 0}
    assert (await parlour.unread(ada), await parlour.unread(bo)) == (0, 0)
    read = await parlour.facts("conversation.read")
    assert [(each["upTo"], each["hasRead"]) for each in read] == [
        (posted[2]["id"], True),
        (posted[6]["id"], False),
        (posted[6]["id"], True),
    ]
    await parlour.check_laws()


async def test_a_message_that_is_asked_for_twice_is_posted_once(parlour: Parlour) -> None:
    ada, bo = await parlour.people("ada", "bo")
    talk = await parlour.begins(ada, bo)
    first = await parlour.says(ada, talk, clientMessageId="c-1")
    again = await parlour.says(ada, talk, clientMessageId="c-1")
    assert first["id"] == again["id"]
    wanted = {"conversationId": talk["id"], "content": "once"}
    answers = [await ada.client.post("/messages", json=wanted, headers={"Idempotency-Key": "k-1"}) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert len(await parlour.facts("message.posted")) == len(await parlour.reads(bo, talk)) == await parlour.unread(bo) == 2


async def test_what_cannot_be_sent_is_named(parlour: Parlour) -> None:
    ada, bo = await parlour.people("ada", "bo")
    talk = await parlour.begins(ada, bo)
    assert (await parlour.says(ada, talk, type="deal", status=422))["code"] == "TYPE_NOT_SENT"
    assert (await parlour.says(ada, talk, files=[str(uuid4())], status=422))["code"] == "FILES_NOT_TAKEN"
    assert (await parlour.says(ada, talk, replyTo=str(uuid4()), status=422))["code"] == "REPLY_NOT_HERE"
    await parlour.says(ada, talk, "x" * 4001, status=422)
    assert await parlour.reads(ada, talk) == []
    assert await parlour.facts("message.posted") == []
    asked = await parlour.says(ada, talk, "When?")
    assert (await parlour.says(bo, talk, "Now", replyTo=asked["id"]))["replyTo"] == asked["id"]


async def test_words_are_found_whatever_their_case_and_accents(parlour: Parlour) -> None:
    ada, bo = await parlour.people("ada", "bo")
    talk = await parlour.begins(ada, bo)
    for said in ("L'été sera chaud", "the fence is painted", "THE FENCING costs more"):
        await parlour.says(ada, talk, said)
    assert [each["content"] for each in await parlour.reads(bo, talk, q="fenc")] == ["THE FENCING costs more", "the fence is painted"]
    assert [each["content"] for each in await parlour.reads(bo, talk, q="ETE chaud")] == ["L'été sera chaud"]
    assert await parlour.reads(bo, talk, q="winter") == await parlour.reads(bo, talk, q="':*&|!") == []


async def test_counts_stay_true_when_everybody_writes_reads_and_leaves_at_once(parlour: Parlour) -> None:
    ada, bo, cy = await parlour.people("ada", "bo", "cy")
    talks = [await parlour.begins(ada, bo), await parlour.begins(ada, bo, cy), await parlour.begins(bo, cy)]

    async def write(who: Visitor, talk: Any) -> None:
        for n in range(6):
            message = await parlour.says(who, talk, f"number {n}")
            if n == 2:
                await parlour.does(who, "DELETE", f"/messages/{message['id']}")

    async def read(who: Visitor, talk: Any) -> None:
        for _ in range(6):
            await parlour.marks(who, talk)

    async def go(who: Visitor, talk: Any) -> None:
        await parlour.does(who, "POST", f"/conversations/{talk['id']}/leave")

    pair, group, other = talks
    writers = (write(ada, pair), write(bo, pair), write(ada, group), write(bo, group), write(cy, other))
    await asyncio.gather(*writers, read(ada, pair), read(bo, pair), read(bo, group), read(bo, other), go(cy, group))
    await parlour.check_laws()
    assert len(await parlour.reads(ada, pair, limit=100)) == 12


async def test_of_two_who_begin_at_once_both_find_the_same(parlour: Parlour) -> None:
    ada, bo = await parlour.people("ada", "bo")
    wanted = [(ada, bo), (bo, ada)] * 3
    answers = await asyncio.gather(*(by.client.post("/conversations", json={"participantId": str(to.id)}) for by, to in wanted))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    assert len(await parlour.facts("conversation.begun")) == 1


# Changing


async def test_a_message_is_edited_and_deleted_soon_after_and_staff_see_what_it_said(parlour: Parlour) -> None:
    ada, bo = await parlour.people("ada", "bo")
    talk = await parlour.begins(ada, bo)
    message = await parlour.says(ada, talk, "Tuesday?")
    at = f"/messages/{message['id']}"
    assert (await parlour.does(bo, "PATCH", at, 403, content="No"))["code"] == "NOT_YOUR_MESSAGE"
    edited = await parlour.does(ada, "PATCH", at, content="Wednesday?")
    assert edited["editedAt"] is not None
    assert await parlour.heard_by(bo, talk) == ["Wednesday?"]
    gone = await parlour.does(ada, "DELETE", at)
    assert (gone["content"], gone["deletedAt"] is not None, await parlour.unread(bo)) == ("", True, 0)
    await parlour.does(ada, "PATCH", at, 404, content="again")
    staff = await parlour.staff()
    versions = await parlour.does(staff, "GET", f"/admin/chat/messages/{message['id']}/versions")
    assert [(each["content"], each["why"]) for each in versions] == [("Tuesday?", "edited"), ("Wednesday?", "deleted")]
    await parlour.check_laws()
    late = await parlour.says(ada, talk, "too late")
    await parlour.later(minutes=16)
    refused = told(await ada.client.patch(f"/messages/{late['id']}", json={"content": "x"}), 409)
    assert (refused["code"], refused["details"]["minutes"]) == ("TOO_LATE_TO_CHANGE", 15)


# Groups and staff


async def test_whoever_leaves_a_group_sees_nothing_more_and_whoever_comes_sees_what_follows(parlour: Parlour) -> None:
    ada, bo, cy, di = await parlour.people("ada", "bo", "cy", "di")
    group = await parlour.begins(ada, bo, cy, title="The fence")
    await parlour.says(ada, group, "before")
    await parlour.does(ada, "POST", f"/conversations/{group['id']}/participants", personId=str(di.id))
    await parlour.does(cy, "POST", f"/conversations/{group['id']}/leave")
    await parlour.says(bo, group, "after")
    await parlour.reads(cy, group, status=404)
    assert (await parlour.does(cy, "GET", "/conversations"), await parlour.unread(cy)) == ([], 0)
    assert await parlour.heard_by(di, group) == ["system", "system", "after"]
    assert await parlour.unread(di) == 1
    assert set((await parlour.facts("message.posted"))[-1]["recipients"]) == {str(ada.id), str(di.id)}
    pair = await parlour.begins(ada, bo)
    assert (await parlour.does(ada, "POST", f"/conversations/{pair['id']}/leave", 409))["code"] == "ONLY_FOR_GROUPS"
    await parlour.check_laws()


async def test_staff_join_for_everybody_to_see(parlour: Parlour) -> None:
    ada, bo = await parlour.people("ada", "bo")
    staff = await parlour.staff()
    talk = await parlour.begins(ada, bo)
    await parlour.says(ada, talk, "It is broken")
    await parlour.reads(staff, talk, status=404)
    await parlour.does(staff, "POST", f"/admin/chat/conversations/{talk['id']}/join", reason="Asked for help")
    [notice, _] = await parlour.reads(ada, talk)
    assert (notice["type"], notice["authorId"], notice["payload"]["happened"]) == ("system", None, "staff_joined")
    assert await parlour.heard_by(staff, talk) == ["It is broken", "system"]
    await parlour.says(staff, talk, "How can I help?")
    assert (await parlour.begins(bo, ada, status=200))["id"] == talk["id"], "staff make no other conversation of it"
    assert await parlour.rows("select action from audit_entries where action = 'chat.staff_joined'") == [("chat.staff_joined",)]
    await parlour.check_laws()


async def test_a_conversation_is_put_away_for_oneself_and_comes_back_with_a_message(parlour: Parlour) -> None:
    ada, bo = await parlour.people("ada", "bo")
    talk = await parlour.begins(ada, bo)
    await parlour.does(bo, "PATCH", f"/conversations/{talk['id']}", archived=True, muted=True)
    assert await parlour.does(bo, "GET", "/conversations?archived=false") == []
    await parlour.says(ada, talk)
    [back] = await parlour.does(bo, "GET", "/conversations?archived=false")
    assert (back["muted"], back["unread"]) == (True, 1)
    assert (await parlour.facts("message.posted"))[0]["quiet"] == [str(bo.id)]


# Policy and reports


async def test_before_payment_hints_are_refused_masked_or_warned_about_and_afterwards_let_pass(parlour: Parlour) -> None:
    ada, bo = await parlour.people("ada", "bo")
    project = uuid4()
    STATES[project] = "open"
    talk = await parlour.begins(ada, bo, projectId=str(project))
    refused = await parlour.says(ada, talk, "ada@example.com", status=422)
    assert (refused["code"], refused["details"]["found"]) == ("CONTENT_REFUSED", [{"kind": "email", "text": "ada@example.com"}])
    masked = await parlour.says(ada, talk, "Call 06 12 34 56 78")
    assert (masked["content"], masked["warnings"][0]["done"]) == ("Call •••", "masked")
    warned = await parlour.says(ada, talk, "see example.com/fence")
    assert (warned["content"], warned["warnings"][0]["done"]) == ("see example.com/fence", "warned")
    assert await parlour.heard_by(bo, talk) == ["Call •••", "see example.com/fence"]
    assert "06 12" not in str(await parlour.facts("message.posted"))
    staff = await parlour.staff()
    assert [each["flags"] for each in await parlour.does(staff, "GET", "/admin/chat/flagged")] == [["link"], ["phone"]]
    versions = await parlour.does(staff, "GET", f"/admin/chat/messages/{masked['id']}/versions")
    assert [each["content"] for each in versions] == ["Call 06 12 34 56 78"]
    await parlour.does(ada, "PATCH", f"/messages/{warned['id']}", 422, content="write to ada@example.com")
    STATES[project] = "paid"
    assert (await parlour.says(ada, talk, "ada@example.com"))["warnings"] == []
    assert (await parlour.says(ada, talk, "you Scoundrel", status=422))["details"]["found"][0]["kind"] == "word"


async def test_a_report_brings_the_message_with_its_surroundings_and_is_resolved_with_a_reason(parlour: Parlour) -> None:
    ada, bo = await parlour.people("ada", "bo")
    talk = await parlour.begins(ada, bo)
    posted = [await parlour.says(bo, talk, f"line {n}") for n in range(3)]
    at = f"/messages/{posted[1]['id']}/report"
    await parlour.does(ada, "POST", at, 201, reason="fraud", note="Look")
    assert (await parlour.does(ada, "POST", at, 409, reason="spam"))["code"] == "REPORTED_ALREADY"
    await parlour.does(bo, "POST", at, 403, reason="spam")
    staff = await parlour.staff()
    [waiting] = await parlour.does(staff, "GET", "/admin/chat/reports")
    report = f"/admin/chat/reports/{waiting['id']}"
    whole = await parlour.does(staff, "GET", report)
    assert (whole["message"]["content"], [each["content"] for each in whole["surroundings"]]) == ("line 1", ["line 0", "line 2"])
    await parlour.does(staff, "POST", f"{report}/resolve", 422, outcome="removed", reason="")
    done = await parlour.does(staff, "POST", f"{report}/resolve", outcome="removed", reason="Fraud")
    assert (done["outcome"], done["resolution"], done["message"]["content"]) == ("removed", "Fraud", "line 1")
    assert (await parlour.does(staff, "POST", f"{report}/resolve", 409, outcome="dismissed", reason="x"))["code"] == "RESOLVED_ALREADY"
    assert [each["content"] for each in await parlour.reads(ada, talk)] == ["line 2", "", "line 0"]
    assert (await parlour.does(staff, "GET", "/admin/chat/reports"), await parlour.unread(ada)) == ([], 2)
    await parlour.check_laws()


# For other modules


async def test_modules_speak_and_post_cards_and_find_a_conversation_by_its_matter(parlour: Parlour) -> None:
    ada, bo, eve = await parlour.people("ada", "bo", "eve")
    job = uuid4()
    about = chat.About("job", job)
    talk = await parlour.write(lambda tx: chat.ensure(tx, (ada.id, bo.id), about))
    assert await parlour.write(lambda tx: chat.ensure(tx, (bo.id, ada.id), about)) == talk
    await parlour.write(lambda tx: chat.post(tx, talk, bo.id, "deal", "A deal", {"price": 12500}))
    await parlour.write(lambda tx: chat.post(tx, talk, None, "system", "", {"happened": "paid"}, counted=False))
    [notice, card] = await parlour.does(ada, "GET", f"/jobs/{job}/messages")
    assert (notice["payload"], card["type"], card["payload"], await parlour.unread(ada)) == (
        {"happened": "paid"},
        "deal",
        {"price": 12500},
        1,
    )
    await parlour.does(ada, "POST", f"/jobs/{job}/messages", 201, content="Agreed")
    await parlour.does(eve, "GET", f"/jobs/{job}/messages", 404)
    with pytest.raises(chat.ConversationNotFound):
        await parlour.write(lambda tx: chat.post(tx, talk, eve.id, "deal", "Mine"))
    said = await parlour.database.read(lambda tx: chat.transcript(tx, talk))
    assert [each.type for each in said] == ["deal", "system", "text"]
    await parlour.check_laws()


async def test_who_leaves_takes_their_words_along_and_the_others_keep_them(parlour: Parlour) -> None:
    ada, bo = await parlour.people("ada", "bo")
    talk = await parlour.begins(ada, bo)
    mine = await parlour.says(ada, talk, "mine")
    await parlour.does(ada, "PATCH", f"/messages/{mine['id']}", content="mine, better")
    await parlour.says(bo, talk, "not mine")
    known = await parlour.does(ada, "GET", "/users/me/export")
    assert [each["content"] for each in known["chat"]["messages"]] == ["mine, better"]
    assert [each["id"] for each in known["chat"]["conversations"]] == [talk["id"]]
    erase = chat.MODULE.erase
    assert erase is not None
    await parlour.write(lambda tx: erase(tx, ada.id))
    assert await parlour.heard_by(bo, talk) == ["mine, better", "not mine"]
    assert await parlour.rows("select count(*) from chat_versions") == [(0,)]
    await parlour.reads(ada, talk, status=404)
    await parlour.check_laws()
