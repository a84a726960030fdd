"""Settings of mail: how letters leave, who they are from, and who may report bounces."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from souk.kernel.config import Declared, Problem, Unreadable, Variable
from souk.modules.mail.addresses import usable
from souk.modules.mail.errors import AddressUnusable
from souk.modules.mail.transports import Sender

Tls = Literal["starttls", "implicit", "none"]
LIKE: Final = "smtp://user:password@mail.example.com:587"
SHORTEST_SECRET: Final = 24


class MailServer(msgspec.Struct, frozen=True):
    """A mail server, and how one talks to it."""

    host: str
    port: int
    tls: Tls
    user: str = ""
    password: str = ""

    def __str__(self) -> str:
        """Without the password: this is what people are shown."""
        return f"{self.host}:{self.port}"

    __repr__ = __str__


def mail_server(text: str) -> MailServer | None:
    """`smtp://user:password@host:587` (`?tls=starttls` unless said otherwise) or `smtps://…:465`. Not echoed: it holds a password."""
    remedy = f"Set it like {LIKE}, with ?tls=none for a server of this machine or a private network, or like smtps://…"
    if not text:
        return None
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise Unreadable("has a host or port that cannot be read", remedy) from None
    if url.scheme not in ("smtp", "smtps") or not url.hostname or url.path.strip("/"):
        raise Unreadable("is not the address of a mail server", remedy)
    asked = dict(parse_qsl(url.query, keep_blank_values=True))
    ways: dict[str, Tls] = {"starttls": "starttls", "none": "none"} if url.scheme == "smtp" else {"implicit": "implicit"}
    tls = ways.get(asked.pop("tls", next(iter(ways))))
    if asked or tls is None:
        raise Unreadable("says something about encryption that cannot be understood", remedy)
    user, password = unquote(url.username or ""), unquote(url.password or "")
    if tls == "none" and password and not here(url.hostname):
        raise Unreadable("would send a password unencrypted", "Use ?tls=starttls or smtps://")
    return MailServer(url.hostname, port or (465 if url.scheme == "smtps" else 587), tls, user, password)


def here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def sender(text: str) -> Sender | None:
    """`name@example.com`, or with a name: `Market <name@example.com>`."""
    remedy = "Set it like no-reply@example.com, or like Market <no-reply@example.com>"
    if not text:
        return None
    found = re.fullmatch(r"(?:([^<>\r\n]*?)\s*<([^<>]+)>|([^<>]+))", text)
    if found is None or not (found[1] or "").isprintable():
        raise Unreadable("is not who a letter can be from", remedy)
    try:
        return Sender((found[1] or "").strip('" '), usable(found[2] or found[3]))
    except AddressUnusable:
        raise Unreadable("is not an address", remedy) from None


def webhook_keys(text: str) -> tuple[bytes, ...]:
    """Secrets as Standard Webhooks write them: `whsec_` and base64. Several, with commas between them, while they are exchanged."""
    remedy = "Set it to whsec_ and 24 to 64 random bytes in base64, as the mail service gives it"
    keys = []
    for part in (part.strip() for part in text.split(",")):
        if part:
            try:
                keys.append(b64decode(part.removeprefix("whsec_"), validate=True))
            except binascii.Error:
                raise Unreadable("is not in base64", remedy) from None
            if len(keys[-1]) < SHORTEST_SECRET:
                raise Unreadable("is too short", remedy)
    return tuple(keys)


class MailSettings(Declared, frozen=True):
    """What the environment says about mail."""

    server: Annotated[
        MailServer | None,
        Variable(
            "SOUK_MAIL_URL",
            "The mail server that letters are handed to. Empty keeps them in the development mailbox; in production they wait.",
            mail_server,
            accepts="smtp://user:password@host:587, with ?tls=starttls (the default) or ?tls=none; or smtps://user:password@host:465",
            secret=True,
        ),
    ]
    sender: Annotated[
        Sender | None,
        Variable(
            "SOUK_MAIL_FROM",
            "Who letters are from. Without a name it is the market's. Required with SOUK_MAIL_URL.",
            sender,
            accepts="an address, alone or as Name <address>",
        ),
    ]
    webhook_keys: Annotated[
        tuple[bytes, ...],
        Variable(
            "SOUK_MAIL_WEBHOOK_SECRET",
            "What the mail service signs its reports of bounces with. Empty takes none.",
            webhook_keys,
            accepts="whsec_ and base64; several with commas between them",
            secret=True,
        ),
    ]

    @classmethod
    def contradictions(cls, values: Mapping[str, Any]) -> list[Problem]:
        if values.get("server") is not None and values.get("sender", ...) is None:
            return [Problem("SOUK_MAIL_FROM", "is missing, and letters must be from somebody", "Set it like no-reply@example.com")]
        return []
