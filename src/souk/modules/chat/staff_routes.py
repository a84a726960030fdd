"""What staff do about conversations: reports, flagged messages, versions, and joining where everybody sees it."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.http import Actor, CursorPage, CursorPaging, operation, who
from souk.kernel.record import Record
from souk.modules.chat import reporting, talking
from souk.modules.chat.errors import ChatMessageNotFound, ConversationNotFound, ReportNotFound, ResolvedAlready
from souk.modules.chat.model import Flagged, Opened, OpenedReport, Reason, Report, Resolution, Version
from souk.modules.chat.reporting import ReportsQuery

STAFF: Final = who("chat.staff")


class Joining(Record):
    """Why staff take part."""

    reason: Reason


@operation("GET", "/admin/chat/reports", who=STAFF, shared=True)
async def list_reports(tx: Tx, query: ReportsQuery) -> CursorPage[Report]:
    """Messages that somebody has reported, the oldest first: `state` waiting or resolved."""
    return await reporting.reports_waiting(tx, query)


@operation("GET", "/admin/chat/reports/{report_id}", who=STAFF, shared=True, refusals=(ReportNotFound,))
async def read_report(tx: Tx, report_id: UUID) -> OpenedReport:
    """A report, with what was said around the message."""
    return await reporting.open_report(tx, report_id)


@operation(
    "POST",
    "/admin/chat/reports/{report_id}/resolve",
    who=STAFF,
    shared=True,
    idempotent=True,
    refusals=(ReportNotFound, ResolvedAlready, ChatMessageNotFound),
    example={"outcome": "removed", "reason": "Asks to be paid elsewhere."},
)
async def resolve_report(tx: Tx, by: Actor, report_id: UUID, body: Resolution) -> OpenedReport:
    """Say what you did about it, and why. `removed` removes the message."""
    return await reporting.resolve(tx, by, report_id, body)


@operation("GET", "/admin/chat/flagged", who=STAFF, shared=True)
async def list_flagged(tx: Tx, query: CursorPaging) -> CursorPage[Flagged]:
    """Messages in which the market's policy saw something and let it pass, the latest first."""
    return await reporting.flagged(tx, query)


@operation("GET", "/admin/chat/messages/{message_id}/versions", who=STAFF, shared=True, refusals=(ChatMessageNotFound,))
async def list_versions(tx: Tx, message_id: UUID) -> list[Version]:
    """What a message said before it was masked, edited or deleted."""
    return await reporting.versions(tx, message_id)


@operation(
    "POST",
    "/admin/chat/conversations/{conversation_id}/join",
    who=STAFF,
    shared=True,
    idempotent=True,
    refusals=(ConversationNotFound,),
    example={"reason": "Both asked for help."},
)
async def join_conversation(tx: Tx, by: Actor, conversation_id: UUID, body: Joining) -> Opened:
    """Take part in a conversation, for everybody in it to see."""
    return await talking.join_as_staff(tx, by, conversation_id, body.reason)
