"""What must always hold about conversations, and that each law notices its breach."""

from __future__ import annotations

import asyncpg

from tests.modules.chat.conftest import CHAT, Parlour

LAWS = [law.query.sql for law in CHAT.laws]
BREACHES = [
    "update participants set unread = unread + 1",
    "update unread_totals set unread = unread + 1",
    "update conversations set places = places + 1",
    "update participants set delivered_place = 99",
    "update chat_messages set author_id = gen_random_uuid()",
    """insert into participants (conversation_id, person_id, joined_at, touched_at)
       select id, gen_random_uuid(), now(), now() from conversations""",
    """insert into chat_reports (id, message_id, conversation_id, reason, note, reported_at, outcome, resolution, resolved_at)
       select gen_random_uuid(), id, conversation_id, 'spam', '', now(), 'removed', 'so', now() from chat_messages""",
]


async def test_the_laws_hold_and_each_notices_its_breach(parlour: Parlour) -> None:
    ada, bo = await parlour.people("ada", "bo")
    talk = await parlour.begins(ada, bo)
    await parlour.says(ada, talk)
    await parlour.check_laws()
    for law, breach in zip(LAWS, BREACHES, strict=True):
        connection = await asyncpg.connect(parlour.dsn)
        try:
            undone = connection.transaction()
            await undone.start()
            await connection.execute(breach)
            assert await connection.fetch(law), law
            await undone.rollback()
        finally:
            await connection.close()
