"""Reports: somebody asks staff to look at a message; staff see it with what was said around it, and say what they did and why."""

from __future__ import annotations

from typing import Final, Literal
from uuid import UUID

from souk.kernel.db import Tx, Violated
from souk.kernel.http import Actor, CursorPage, CursorPaging, cursor_page
from souk.kernel.ids import new_id
from souk.kernel.messages import emit
from souk.modules import audit
from souk.modules.chat.changing import remove
from souk.modules.chat.errors import ChatMessageNotFound, NotYourMessage, ReportedAlready, ReportNotFound, ResolvedAlready
from souk.modules.chat.events import MessageReported
from souk.modules.chat.model import Flagged, NewReport, OpenedReport, Outcome, Report, Resolution, Version
from souk.modules.chat.reading import access_message
from souk.modules.chat.sql import messages, reports

AROUND: Final = 10
"""So many messages before a reported one, and after it, are shown to staff."""


class ReportsQuery(CursorPaging, kw_only=True):
    """Which reports are wanted."""

    state: Literal["waiting", "resolved"] | None = "waiting"


async def report(tx: Tx, by: Actor, message_id: UUID, wanted: NewReport) -> UUID:
    """Ask staff to look at somebody else's message."""
    message = await access_message(tx, by, message_id)
    if message.author_id == by.id:
        raise NotYourMessage
    report_id = new_id()
    await emit(tx, MessageReported(report_id, message.conversation_id, message.id, by.id, message.author_id, wanted.reason))
    try:
        await tx.finish(reports.ADD, report_id, message.id, message.conversation_id, by.id, wanted.reason, wanted.note, tx.now)
    except Violated as violated:
        raise ReportedAlready from violated
    return report_id


async def reports_waiting(tx: Tx, query: ReportsQuery) -> CursorPage[Report]:
    """The queue, the oldest first."""
    waiting = None if query.state is None else query.state == "waiting"
    rows = await tx.run(reports.REPORTS, None, waiting, query.after(UUID), query.limit + 1)
    return cursor_page(rows, query, lambda row: row.id)


async def open_report(tx: Tx, report_id: UUID) -> OpenedReport:
    """A report with the message and its surroundings."""
    found = await tx.run(reports.REPORTS, report_id, None, None, 1)
    if not found:
        raise ReportNotFound
    message = await any_message(tx, found[0].message.id)
    around = await tx.run(messages.AROUND, message.conversation_id, message.place, AROUND)
    return OpenedReport(**{name: getattr(found[0], name) for name in Report.__struct_fields__}, surroundings=tuple(around))


async def resolve(tx: Tx, by: Actor, report_id: UUID, done: Resolution) -> OpenedReport:
    """Say what was done about a report, and why; `removed` removes the message for everybody."""
    message_id = await tx.run(reports.RESOLVE, report_id, done.outcome.value, by.id, done.reason, tx.now)
    if message_id is None:
        raise ResolvedAlready(outcome=str((await open_report(tx, report_id)).outcome))
    if done.outcome is Outcome.REMOVED:
        message = await any_message(tx, message_id)
        if message.deleted_at is None:
            await remove(tx, by, message.message)
    await audit.record(tx, "chat.report_resolved", "chat_report", report_id, by=by, after={"outcome": done.outcome.value}, why=done.reason)
    return await open_report(tx, report_id)


async def any_message(tx: Tx, message_id: UUID) -> messages.Placed:
    """Anybody's message, for staff."""
    found = await tx.run(messages.ANY_MESSAGE, message_id)
    if found is None:
        raise ChatMessageNotFound
    return found


async def versions(tx: Tx, message_id: UUID) -> list[Version]:
    """What a message said before, the oldest first."""
    return await tx.run(messages.VERSIONS, (await any_message(tx, message_id)).id)


async def flagged(tx: Tx, query: CursorPaging) -> CursorPage[Flagged]:
    """Messages in which the policy saw something and let it pass, the latest first."""
    rows = await tx.run(messages.FLAGGED, query.after(UUID), query.limit + 1)
    return cursor_page(rows, query, lambda row: row.id)
