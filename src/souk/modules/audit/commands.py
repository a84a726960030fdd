"""What the audit log does: records, erases, tells."""

from __future__ import annotations

import os
from typing import Any, Final
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.kernel.http.guards import Actor
from souk.kernel.http.paging import CursorPage, cursor_page
from souk.kernel.http.request import Request
from souk.kernel.ids import new_id
from souk.modules.audit import sql
from souk.modules.audit.content import LONGEST_ID, Values, change_of, circumstances_of, current_request
from souk.modules.audit.model import ERASED, AuditLog, Change, Circumstances, LogsQuery, Mark, Part, digest_of
from souk.modules.audit.sql import Logged

SALT_BYTES: Final = 16


async def record(  # noqa: PLR0913 - an entry has as many sides
    tx: Tx,
    action: str,
    entity: str,
    entity_id: UUID | None,
    *,
    by: Actor | None,
    before: Values = None,
    after: Values = None,
    why: str = "",
    of: UUID | None = None,
) -> None:
    """Note a privileged or money action in the caller's transaction: one statement, and nobody waits for another's.

    Address, agent and request id are those of the request being answered. Fields of `before` and `after` whose names say that
    they are secret are hidden. Both are erased with the person whose data they are: `of`, or the entity itself.
    """
    request = current_request()
    subject = of or entity_id
    marks = (action, entity, entity_id, by.id if by else None, subject)
    await _add(tx, new_id(), marks, request, change_of(before, after, why), circumstances_of(request))


async def erase(tx: Tx, person_id: UUID) -> None:
    """Forget what entries say of a person. The entries stay, with ids alone, and the chain still holds.

    What goes: before and after where they hold the person's data, address and agent of what the person did. What staff did to
    others stays, even when they leave.
    """
    erasure = new_id()
    erased = await tx.run(sql.ERASE_DETAILS, person_id, erasure)
    if erased.parts:
        change = Change(after=msgspec.to_builtins(erased))
        await _add(tx, erasure, (ERASED, "person", person_id, None, None), current_request(), change, Circumstances())


async def export(tx: Tx, person_id: UUID) -> object:
    """What the log knows of a person: what they did and from where, and what was changed about them."""
    return [msgspec.to_builtins(mentioned) for mentioned in await tx.run(sql.MENTIONED, person_id)]


async def logs(tx: Tx, query: LogsQuery) -> CursorPage[AuditLog]:
    """The log, newest first."""
    after = query.after(Mark)
    rows = await tx.run(
        _narrowest(query),
        query.entity_id,
        query.user_id,
        query.action,
        query.entity,
        query.since,
        query.until,
        after.at if after else None,
        after.id if after else None,
        query.limit + 1,
    )
    return cursor_page([_shown(row) for row in rows], query, lambda log: Mark(log.timestamp, log.id))


def _narrowest(query: LogsQuery) -> Any:
    """The statement whose index leaves the fewest rows."""
    by_filter = (
        (query.entity_id, sql.LOGS_OF_ENTITY),
        (query.user_id, sql.LOGS_OF_PERSON),
        (query.action, sql.LOGS_OF_ACTION),
        (query.entity, sql.LOGS_OF_KIND),
    )
    return next((statement for wanted, statement in by_filter if wanted is not None), sql.LOGS)


def _shown(row: Logged) -> AuditLog:
    change, circumstances = row.change, row.circumstances
    return AuditLog(
        id=row.id,
        user_id=row.person_id,
        action=row.action,
        entity=row.entity,
        entity_id=row.entity_id,
        changes=change,
        ip_address=circumstances.address if circumstances else "",
        user_agent=circumstances.agent if circumstances else "",
        request_id=row.request_id,
        timestamp=row.at,
    )


Marks = tuple[str, str, UUID | None, UUID | None, UUID | None]
"""Action, entity, its id, who did it, whose data the change holds."""


async def _add(  # noqa: PLR0913, PLR0917 - the parts of an entry
    tx: Tx, entry_id: UUID, marks: Marks, request: Request | None, change: Change, circumstances: Circumstances
) -> None:
    details = [
        (part, os.urandom(SALT_BYTES), msgspec.json.encode(content))
        for part, content in ((Part.CHANGE, change), (Part.CIRCUMSTANCES, circumstances))
        if content not in (Change(), Circumstances())
    ]
    digests = {part: digest_of(salt, content) for part, salt, content in details}
    await tx.run(
        sql.ADD_ENTRY,
        entry_id,
        tx.now,
        *marks,
        request.request_id.decode("latin-1")[:LONGEST_ID] if request else "",
        digests.get(Part.CHANGE),
        digests.get(Part.CIRCUMSTANCES),
        [part.value for part, _salt, _content in details],
        [salt for _part, salt, _content in details],
        [content.decode() for _part, _salt, content in details],
    )
