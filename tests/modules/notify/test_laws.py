"""What must always hold of notifications: the laws hold after all of it, and each notices its breach."""

from __future__ import annotations

import asyncpg
import pytest

from souk.kernel.ids import new_id
from souk.modules import notify
from tests.modules.notify.club import BLOCKED, DEADLINE, MessageWritten, PostLiked
from tests.modules.notify.conftest import Club

TWICE = """
alter table notification_deliveries drop constraint notification_deliveries_notification_id_channel_device_id_key;
insert into notification_deliveries
select gen_random_uuid(), notification_id, person_id, channel, device_id, service, state, why, digest, attempts, error,
       created_at, due_at, done_at
from notification_deliveries where state = 'sent' limit 1
"""
AGAIN = """
insert into notification_deliveries (id, notification_id, person_id, channel, state, created_at, due_at, done_at)
select gen_random_uuid(), notification_id, person_id, channel, 'sent', created_at, due_at, done_at from notification_deliveries limit 1
"""
BREACHES = (
    "update notification_counts set listed = listed + 1",
    TWICE,
    "delete from jobs where name = 'notify.push'",
    "delete from jobs where name = 'notify.digest'",
    "delete from notification_deliveries where channel = 'in_app'",
    "update notifications n set title = 'x' from notification_deliveries d where d.notification_id = n.id and d.why = 'blocked'",
)


async def test_the_laws_hold_and_each_notices_its_breach(club: Club, admin_dsn: str) -> None:
    ada, bo = await club.member(), await club.member("bo")
    await club.browser(ada, "ada")
    club.service.answers["ada"] = 503
    BLOCKED.add(frozenset({ada.id, bo.id}))
    await club.tells(
        MessageWritten(new_id(), new_id(), (ada.id,), "Cleo", "?"),
        PostLiked(new_id(), ada.id, bo.id, "Bo"),
        PostLiked(new_id(), ada.id, new_id(), "Dan"),
    )
    await club.told(ada.id, DEADLINE, parameters={"title": "T", "hours": 1})
    assert await club.laws() == []
    laws = [law.query.sql for law in notify.MODULE.laws]
    for law, breach in zip(laws, BREACHES, strict=True):
        connection = await asyncpg.connect(admin_dsn)
        try:
            await connection.execute("set search_path to sample, shared, public")
            undone = connection.transaction()
            await undone.start()
            await connection.execute(breach)
            assert await connection.fetch(law), law
            await undone.rollback()
        finally:
            await connection.close()


async def test_the_table_itself_refuses_a_second_delivery(club: Club) -> None:
    ada = await club.member()
    await club.told(ada.id, DEADLINE, parameters={"title": "T", "hours": 1})
    with pytest.raises(asyncpg.UniqueViolationError, match="notification_id"):
        await club.do(AGAIN)
