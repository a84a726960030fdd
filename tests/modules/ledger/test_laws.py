"""Each law finds what it is there for: what the owner of the tables did behind their back, past every rule of the schema."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from souk.modules.ledger import MODULE
from tests.modules.ledger.laws import broken_on
from tests.modules.ledger.test_guarded import CORRUPTIONS, connected, lived

__all__ = ["lived"]

FLOOR = "alter table accounts drop constraint nothing_below_floor; "
WITHIN = "alter table holds drop constraint captured_within, drop constraint resolved_once; "
MORE = (
    (FLOOR + "update accounts set held = posted + 1 where purpose = 'wallet'", "no account that may not owe has less than it holds back"),
    (FLOOR + "update accounts set posted = -1 where purpose = 'wallet'", "no account that may not owe has less than it holds back"),
    (WITHIN + "update holds set captured = amount + 1 where state = 'captured'", "a hold ends once"),
    (WITHIN + "update holds set resolved_by = null where state = 'captured'", "a hold ends once"),
    (WITHIN + "update holds set resolved_by = journal_id where state = 'open'", "a hold ends once"),
    (WITHIN + "update holds set state = 'voided' where state = 'captured'", "a hold ends once"),
    ("update entries set balance = null where balance is not null", "the balance beside an entry"),
    ("update lots set account_id = (select id from accounts where purpose = 'wallet' limit 1)", "credits are what their lots add up to"),
    ("delete from accounts where purpose = 'fees'", "every entry belongs to an account"),
    ("delete from holds where state = 'open'", "what an account has on hold is what its open holds add up to"),
    ("insert into hot_changes (account_id, amount) select id, 5 from accounts where purpose = 'fees'", "an account has what"),
    ("update lots set held = 0", "what a lot holds back is what open holds reserved of it"),
    ("update journals set reverses = (select id from journals where key = 'spent') where key = 'order 1 back'", "of no journal"),
    ("update entries set amount = -amount where journal_id = (select id from journals where key = 'order 1 back')", "of no journal"),
)  # fmt: skip


async def test_what_no_rule_of_the_schema_stopped_is_found(lived: Callable[[], Awaitable[None]], admin_dsn: str) -> None:
    await lived()
    async with connected(admin_dsn) as owner:
        for corruption, law in MORE:
            behind_their_backs = owner.transaction()
            await behind_their_backs.start()
            await owner.execute("set local session_replication_role to replica")
            await owner.execute(corruption)
            assert any(law in broken for broken in await broken_on(owner)), corruption
            await behind_their_backs.rollback()
        assert await broken_on(owner) == []


def test_there_is_no_law_that_was_never_seen_broken() -> None:
    found = [law for _, law in (*CORRUPTIONS, *MORE)]
    assert [law.sentence for law in MODULE.laws if not any(each in law.sentence for each in found)] == []
