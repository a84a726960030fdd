"""SMTP: a letter as a message, and the conversation with a mail server."""

from __future__ import annotations

import asyncio
import re
import ssl
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

import aiosmtplib

from souk.modules.mail.settings import MailServer
from souk.modules.mail.transports import AddressRefused, LetterRefused, Parcel, TryLater

STEP: Final = 15.0
"""Seconds that a mail server may take for one answer."""
WHOLE: Final = 45.0
"""Seconds that handing over one letter may take. A server that answers, but never gets anywhere, is no better than a silent one."""

PLAIN: Final = policy.SMTP.clone(cte_type="7bit", max_line_length=998)  # an address in a header must not be folded
INTERNATIONAL: Final = policy.SMTPUTF8.clone(cte_type="7bit", max_line_length=998)
NOT_THE_ADDRESS: Final = re.compile(r"\s*5\.[37]\.")
"""A server that does not know or believe us refuses every address: that says nothing about the one at hand (RFC 3463)."""


def composed(parcel: Parcel) -> EmailMessage:
    """The message. `Address` and the policy refuse what would end a header; the address was checked before."""
    local, _, domain = parcel.to.rpartition("@")
    own, _, host = parcel.sender.address.rpartition("@")
    message = EmailMessage(policy=PLAIN if local.isascii() and own.isascii() else INTERNATIONAL)
    message["From"] = Address(parcel.sender.name, own, host)
    message["To"] = Address("", local, domain)
    message["Subject"] = parcel.written.subject
    message["Date"] = format_datetime(parcel.created_at)
    message["Message-ID"] = parcel.message_id
    message["Auto-Submitted"] = "auto-generated"  # nobody's absence note should answer
    if parcel.unsubscribe.startswith("https://"):
        message["List-Unsubscribe"] = f"<{parcel.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(parcel.written.text)
    message.add_alternative(parcel.written.html, subtype="html")
    message["Content-Language"] = parcel.written.language  # here, because what stood before belongs to the first part
    message.set_boundary(f"=_{parcel.id.hex}")  # so that it is the same message, byte for byte, at every attempt
    return message


class Smtp:
    """A mail server. Each letter has a connection of its own, so that none waits behind another's trouble."""

    def __init__(self, server: MailServer, *, step: float = STEP, whole: float = WHOLE, tls: ssl.SSLContext | None = None) -> None:
        self.server = server
        self._step = step
        self._whole = whole
        self._tls = tls

    async def hand_over(self, parcel: Parcel) -> None:
        message = composed(parcel)
        options = ["SMTPUTF8"] if message.policy is INTERNATIONAL else []
        try:
            async with asyncio.timeout(self._whole):
                client = await self._connected()
                try:
                    await client.sendmail(parcel.sender.address, [parcel.to], message.as_bytes(), mail_options=options)
                finally:
                    await self._leave(client)
        except aiosmtplib.SMTPRecipientsRefused as refused:
            raise _judged(refused.recipients[0]) from refused
        except aiosmtplib.SMTPDataError as refused:
            if 500 <= refused.code < 600 and not NOT_THE_ADDRESS.match(refused.message):
                raise (AddressRefused if refused.message.startswith("5.1.") else LetterRefused)(_said(refused)) from refused
            raise TryLater(_said(refused)) from refused
        except aiosmtplib.SMTPNotSupported as error:
            never = "SMTPUTF8" in str(error)
            raise (LetterRefused if never else TryLater)(f"{self.server} cannot take this letter: {error}") from error
        except aiosmtplib.SMTPResponseException as error:
            raise TryLater(_said(error)) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise TryLater(f"{self.server}: {type(error).__name__}{f': {error}' if str(error) else ''}") from error

    async def greet(self) -> None:
        """Connect, sign in and leave again; raises what is wrong. For `souk doctor`."""
        try:
            async with asyncio.timeout(self._whole):
                await self._leave(await self._connected())
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise TryLater(f"{type(error).__name__}: {error}") from error

    async def _connected(self) -> aiosmtplib.SMTP:
        server = self.server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password or None,
            use_tls=server.tls == "implicit",
            start_tls=server.tls == "starttls",
            tls_context=self._tls,
            timeout=self._step,
            local_hostname="localhost",
        )
        await client.connect()
        return client

    async def _leave(self, client: aiosmtplib.SMTP) -> None:
        """A letter that was taken is taken, however the farewell goes."""
        try:
            async with asyncio.timeout(1):
                await client.quit()
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            client.close()


def _judged(refused: aiosmtplib.SMTPRecipientRefused) -> Exception:
    """What a refusal of the recipient means: for ever, or for now."""
    for_ever = 500 <= refused.code < 600 and refused.code != 530 and not NOT_THE_ADDRESS.match(refused.message)
    return (AddressRefused if for_ever else TryLater)(_said(refused))


def _said(error: aiosmtplib.SMTPResponseException) -> str:
    return f"the mail server says {error.code} {error.message}"
