"""Mail over HTTP: what staff see of it, and what mail services report."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from souk.kernel.db import Tx
from souk.kernel.http import ANYONE, Page, Paging, Request, operation, who
from souk.modules.mail import bounces, commands
from souk.modules.mail.errors import BounceReportRefused, NoBounceReports, NotBounced
from souk.modules.mail.model import BouncedAddress, Mail, MailState
from souk.modules.mail.post import Post

STAFF: Final = who("mail.staff")
LARGEST_REPORT: Final = 64 * 1024


class MailsQuery(Paging, kw_only=True):
    """Which letters are wanted."""

    to: Annotated[str, Meta(max_length=320, description="An address or a number.")] = ""
    state: MailState | None = None


@operation("GET", "/admin/mail", who=STAFF, shared=True)
async def list_mails(tx: Tx, query: MailsQuery) -> Page[Mail]:
    """List letters and short texts, newest first, and what became of them. What is written in them is not shown."""
    return await commands.mails(tx, query.to, query.state, query)


@operation("GET", "/admin/mail/bounces", who=STAFF, shared=True)
async def list_bounced_addresses(tx: Tx, query: Paging) -> Page[BouncedAddress]:
    """List the addresses that no letter is sent to, because earlier ones came back or were called unwanted."""
    return await commands.bounced(tx, query)


@operation("DELETE", "/admin/mail/bounces/{address}", who=STAFF, status=204, refusals=(NotBounced,), shared=True)
async def clear_bounced_address(tx: Tx, address: str) -> None:
    """Let letters go to this address again."""
    await commands.clear_bounce(tx, address)


@operation(
    "POST",
    "/mail/bounces",
    who=ANYONE,
    kind="webhook",
    idempotent=False,
    max_body=LARGEST_REPORT,
    refusals=(NoBounceReports, BounceReportRefused),
    example={"messageId": "<0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a11@example.com>", "address": "ada@example.com", "kind": "bounce"},
)
async def report_bounce(tx: Tx, request: Request, raw: bytes, post: Post) -> None:
    """Take a mail service's report that a letter came back, signed as Standard Webhooks describe it."""
    await bounces.report(tx, post.webhook_keys, request, raw)
