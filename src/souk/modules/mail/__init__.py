"""Mail: letters, and short texts to telephones, that are never lost and never sent by a change that was rolled back.

    await mail.send(tx, vault, mail.Letter(address, "identity/verify_email", "fr", {"link": link}, person_id))

It knows no people and no preferences: whoever sends decides whom, what and in which language. It is below identity,
because identity cannot work without it.
"""

from souk.kernel.assembly import module
from souk.modules.mail import commands, jobs, post, routes
from souk.modules.mail.commands import mailbox, send, text
from souk.modules.mail.errors import AddressUnusable, NumberUnusable
from souk.modules.mail.model import BouncedAddress, Channel, Letter, Mail, MailState, Posted
from souk.modules.mail.post import NOWHERE, Post
from souk.modules.mail.routes import STAFF
from souk.modules.mail.settings import MailServer, MailSettings
from souk.modules.mail.smtp import Smtp
from souk.modules.mail.templates import BrokenTemplates, Rendered, Templates, UnknownTemplate
from souk.modules.mail.transports import TryLater

MODULE = module("mail", commands, routes, jobs, post)

__all__ = [
    "MODULE",
    "NOWHERE",
    "STAFF",
    "AddressUnusable",
    "BouncedAddress",
    "BrokenTemplates",
    "Channel",
    "Letter",
    "Mail",
    "MailServer",
    "MailSettings",
    "MailState",
    "NumberUnusable",
    "Post",
    "Posted",
    "Rendered",
    "Smtp",
    "Templates",
    "TryLater",
    "UnknownTemplate",
    "mailbox",
    "send",
    "text",
]
