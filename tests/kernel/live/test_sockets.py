"""Sockets that come and speak: who may connect, which rooms they are in, and how long their token lasts."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID, uuid4

import msgspec

from souk.kernel.db import Database
from souk.kernel.http import Actor
from souk.kernel.http.limits import parse
from souk.kernel.live import user_room
from souk.kernel.live.server import MOST_OF_A_PERSON, MOST_ROOMS
from tests.kernel.live.connecting import QUICK, Venue, until

# Who may come in


async def test_whoever_connects_is_in_a_room_of_their_own(database: Database) -> None:
    async with Venue(database) as venue:
        ada = venue.actor()
        first, second, other = await venue.enter(ada), await venue.enter(ada), await venue.enter()
        await venue.say("notification", {"text": "hello"}, user_room(ada.id))
        for caller in (first, second):
            name, payload, meta = await caller.event()
            assert (name, payload) == ("notification", {"text": "hello"})
            assert str(UUID(meta["id"])) == meta["id"]
        await venue.say("notification", {"text": "for the other"}, user_room(uuid4()), "everyone")
        assert (await other.event())[1] == {"text": "for the other"}


async def test_somebody_in_several_of_its_rooms_hears_it_once(database: Database) -> None:
    async with Venue(database) as venue:
        ada = venue.actor()
        caller = await venue.enter(ada)
        await venue.say("first", None, user_room(ada.id), "everyone")
        await venue.say("second", None, user_room(ada.id))
        assert [(await caller.event())[0], (await caller.event())[0]] == ["first", "second"]


async def test_what_is_no_token_is_refused(database: Database) -> None:
    async with Venue(database) as venue:
        for token in (None, "", 7, {"a": 1}, "x.y.z", "Bearer", "Bearer x y", "ä" * 20, "x" * 20_000):
            answer = await (await venue.call()).enter(token)
            assert answer["message"] == ("TOKEN_INVALID" if token else "SIGN_IN_NEEDED"), token
            assert answer["data"]["code"] == answer["message"]
            assert answer["data"]["message"]


async def test_a_token_may_be_sent_as_in_a_header(database: Database) -> None:
    async with Venue(database) as venue:
        caller = await venue.call()
        assert "sid" in await caller.enter(f"bearer {venue.tokens.issue(venue.actor())}")


async def test_a_namespace_needs_its_capacity(database: Database) -> None:
    async with Venue(database) as venue:
        caller = await venue.call()
        refused = await caller.enter(venue.tokens.issue(venue.actor("client")), "/staff")
        assert refused["message"] == "NOT_ALLOWED"
        assert "admin" in refused["data"]["message"]
        assert "sid" in await caller.enter(venue.tokens.issue(venue.actor("admin")), "/staff")
        unknown = await caller.enter("whatever", "/elsewhere")
        assert unknown["message"] == "NAMESPACE_UNKNOWN"


async def test_guesses_are_counted(database: Database) -> None:
    async with Venue(database, guesses=parse("3/1m")) as venue:
        caller = await venue.call()
        codes = [(await caller.enter("x.y.z"))["message"] for _ in range(5)]
        assert codes == ["TOKEN_INVALID"] * 3 + ["TOO_MANY_REQUESTS"] * 2


async def test_a_person_has_so_many_sockets(database: Database) -> None:
    async with Venue(database) as venue:
        ada = venue.actor()
        callers = [await venue.enter(ada) for _ in range(MOST_OF_A_PERSON)]
        one_more = await venue.call()
        assert (await one_more.enter(venue.tokens.issue(ada)))["message"] == "TOO_MANY_SOCKETS"
        await callers[0].leave()
        await until(lambda: len(venue.live.hall) < MOST_OF_A_PERSON)
        assert "sid" in await one_more.enter(venue.tokens.issue(ada))


async def test_an_api_key_needs_the_scope(database: Database) -> None:
    async with Venue(database) as venue:
        ada = venue.actor()
        keys = {"souk_" + "r" * 30: {"live:read"}, "souk_" + "o" * 30: {"orders:read"}}

        async def look_up(key: str) -> Actor | None:
            return msgspec.structs.replace(ada, scopes=frozenset(keys[key])) if key in keys else None

        venue.tokens.look_up = look_up
        order = venue.orders.add(ada.id)
        codes = [(await (await venue.call()).enter(key)).get("message") for key in (*keys, "souk_" + "x" * 30)]
        assert codes == [None, "OUT_OF_SCOPE", "TOKEN_INVALID"]
        caller = await venue.call()
        await caller.enter(next(iter(keys)))
        assert (await caller.ask("join_order", order))["ok"]
        assert (await caller.ask("typing", order))["error"]["code"] == "OUT_OF_SCOPE"


# Rooms


async def test_a_room_is_joined_with_the_permission_that_reading_needs(database: Database) -> None:
    async with Venue(database) as venue:
        ada = venue.actor()
        own, foreign = venue.orders.add(ada.id), venue.orders.add(uuid4())
        caller = await venue.enter(ada)
        for given in (own, {"id": own}, {"orderId": own}):
            assert await caller.ask("join_order", given) == {"ok": True, "room": f"order:{own}"}
        assert (await caller.ask("join_order", foreign))["error"]["code"] == "NOT_FOUND"
        for wrong in ("x", None, 7, {}, {"userId": own}, [own]):
            assert (await caller.ask("join_order", wrong))["error"]["code"] == "INVALID"
        await venue.say("note", 1, f"order:{foreign}")
        await venue.say("note", 2, f"order:{own}")
        assert (await caller.event())[:2] == ["note", 2]
        assert await caller.ask("leave_order", own) == {"ok": True, "room": f"order:{own}"}
        await venue.say("note", 3, f"order:{own}")
        await venue.say("note", 4, user_room(ada.id))
        assert (await caller.event())[:2] == ["note", 4]


async def test_who_wants_no_answer_hears_of_errors_all_the_same(database: Database) -> None:
    async with Venue(database) as venue:
        caller = await venue.enter()
        await caller.send('42["join_order","x"]')
        name, error = await caller.event()
        assert (name, error["code"]) == ("error", "INVALID")
        await caller.send('42["nonsense"]')
        assert (await caller.event())[1]["code"] == "EVENT_UNKNOWN"


async def test_rooms_are_not_for_free(database: Database) -> None:
    async with Venue(database) as venue:
        ada = venue.actor()
        caller = await venue.enter(ada)
        (guest,) = venue.live.hall
        for _ in range(MOST_ROOMS - len(guest.rooms)):
            venue.live.hall.enter(guest, f"order:{uuid4()}")
        assert (await caller.ask("join_order", venue.orders.add(ada.id)))["error"]["code"] == "TOO_MANY_ROOMS"


async def test_typing_goes_to_the_others_in_the_room(database: Database) -> None:
    async with Venue(database) as venue:
        ada, bo = venue.actor(), venue.actor()
        order = venue.orders.add(ada.id, bo.id)
        writes, reads, outside = await venue.enter(ada), await venue.enter(bo), await venue.enter(bo)
        assert (await writes.ask("typing", order))["error"]["code"] == "NOT_IN_ROOM"
        for caller in (writes, reads):
            await caller.ask("join_order", order)
        assert await writes.ask("typing", {"orderId": order, "on": True, "userId": "somebody else"}) == {"ok": True}
        assert await reads.event() == ["typing", {"orderId": order, "on": True, "userId": str(ada.id)}]
        assert await reads.ask("typing", order) == {"ok": True}
        assert await writes.event() == ["typing", {"orderId": order, "userId": str(bo.id)}]
        assert (await writes.ask("typing", {"orderId": order, "text": "x" * 5000}))["error"]["code"] == "INVALID"
        await venue.say("note", 1, "everyone")
        for caller in (writes, reads, outside):
            assert (await caller.event())[0] == "note"


# Sessions


async def test_a_session_that_ends_takes_its_sockets_along(database: Database) -> None:
    async with Venue(database) as venue:
        ada, bo = venue.actor(), venue.actor()
        gone, stays = [await venue.enter(ada) for _ in range(3)], await venue.enter(bo)
        venue.tokens.revoke(ada.session)
        for caller in gone:
            heard = await caller.closed()
            assert '"TOKEN_REVOKED"' in heard[0]
            assert heard[1:] == ["41", "1"]
        await venue.say("note", 1, "everyone")
        assert (await stays.event())[0] == "note"
        assert len(venue.live.hall) == 1


async def test_only_the_namespaces_of_the_session_end(database: Database) -> None:
    async with Venue(database) as venue:
        admin, other = venue.actor("admin"), venue.actor("admin")
        caller = await venue.enter(admin)
        await caller.enter(venue.tokens.issue(other), "/staff")
        venue.tokens.revoke(other.session)
        assert "TOKEN_REVOKED" in await caller.hear()
        assert await caller.hear() == "41/staff,"
        await venue.say("note", 1, user_room(admin.id))
        assert (await caller.event())[0] == "note"


async def test_roles_that_changed_need_a_fresh_token(database: Database) -> None:
    async with Venue(database) as venue:
        admin = venue.actor("admin")
        before = await venue.enter(admin, "/staff")
        await asyncio.sleep(0.05)
        changed = venue.tokens.time()
        await asyncio.sleep(0.05)
        after = await venue.enter(admin, "/staff")
        venue.tokens.revoke(admin.session, before=changed)
        assert '"TOKEN_EXPIRED"' in (await before.closed())[0]
        await venue.say("note", 1, user_room(admin.id), namespace="/staff")
        assert (await after.event())[0] == "note"


class Watch:
    """A clock that can be put forward."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


async def test_a_connection_outlives_its_token_for_a_moment(database: Database) -> None:
    watch = Watch()
    async with Venue(database, pace=QUICK, now=watch) as venue:
        caller = await venue.enter()
        watch.ahead = 15 * 60 + 0.1
        name, error = await caller.event()
        assert (name, error["code"]) == ("error", "TOKEN_EXPIRED")
        watch.ahead += QUICK.grace + 1
        assert "41" in await caller.closed()


async def test_a_fresh_token_keeps_it_open(database: Database) -> None:
    watch = Watch()
    async with Venue(database, pace=QUICK, now=watch) as venue:
        ada = venue.actor("admin")
        caller = await venue.enter(ada)
        await caller.enter(venue.tokens.issue(ada), "/staff")
        kept, lost = venue.orders.add(ada.id), venue.orders.add(ada.id)
        await caller.ask("join_order", kept)
        await caller.ask("join_order", lost)
        venue.orders.of[UUID(lost)].clear()
        watch.ahead = 14 * 60
        for wrong, why in [(venue.actor(), "NOT_YOUR_TOKEN"), (msgspec.structs.replace(ada, session=uuid4()), "NOT_YOUR_TOKEN")]:
            assert (await caller.ask("refresh", {"token": venue.tokens.issue(wrong)}))["error"]["code"] == why
        assert (await caller.ask("refresh", {"token": "x.y.z"}))["error"]["code"] == "TOKEN_INVALID"
        assert await caller.ask("refresh", {"token": venue.tokens.issue(ada)}) == {"ok": True}
        watch.ahead = 16 * 60
        await asyncio.sleep(1.5)
        rooms = {name for guest in venue.live.hall for name in guest.rooms if name.startswith("order:")}
        assert rooms == {f"order:{kept}"}
        assert {guest.namespace.path for guest in venue.live.hall} == {"/", "/staff"}


async def test_a_role_that_is_gone_with_the_fresh_token_closes_its_namespace(database: Database) -> None:
    async with Venue(database) as venue:
        ada = venue.actor("admin")
        caller = await venue.enter(ada)
        await caller.enter(venue.tokens.issue(ada), "/staff")
        now = msgspec.structs.replace(ada, roles=frozenset({"client"}))
        assert await caller.ask("refresh", {"token": venue.tokens.issue(now)}) == {"ok": True}
        assert [guest.namespace.path for guest in venue.live.hall] == ["/"]


async def test_an_api_key_is_asked_about_again(database: Database) -> None:
    watch = Watch()
    async with Venue(database, now=watch) as venue:
        ada = venue.actor()
        known = [msgspec.structs.replace(ada, scopes=frozenset({"live:read"}))]

        async def look_up(_key: str) -> Actor | None:
            return known[0] if known else None

        venue.tokens.look_up = look_up
        caller = await venue.call()
        await caller.enter("souk_" + "k" * 30)
        watch.ahead = 20 * 60
        await asyncio.sleep(1.5)
        assert len(venue.live.hall) == 1
        known.clear()
        watch.ahead = 40 * 60
        assert any('"TOKEN_INVALID"' in packet for packet in await caller.closed())
