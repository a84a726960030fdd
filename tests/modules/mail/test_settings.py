"""What the environment says about mail, and conversations with servers that want encryption and a password."""

from __future__ import annotations

import ssl
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from souk.kernel.assembly import Market
from souk.kernel.config import ConfigError, Settings
from souk.modules import mail
from souk.modules.mail.post import post_of
from souk.modules.mail.settings import MailServer
from souk.modules.mail.smtp import Smtp
from souk.modules.mail.transports import Mailbox, NotConfigured, Sender
from tests.modules.mail.conftest import PostOffice
from tests.modules.mail.servers import Server, nowhere, serving

FROM = "no-reply@example.com"
SECRET = "whsec_" + b64encode(b"x" * 32).decode()
PRODUCTION = {"SOUK_ENV": "production", "SOUK_SECRET": "0t2N4vQ8sYb1Kx7LmZcR5uHj3WdPfGa6EiTo9"}


def read(**environ: str) -> mail.MailSettings:
    return mail.MailSettings.load({f"SOUK_MAIL_{name.upper()}": value for name, value in environ.items()})


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", MailServer("mail.example.com", 587, "starttls")),
        ("smtp://ada:p%40ss@mail.example.com:25?tls=starttls", MailServer("mail.example.com", 25, "starttls", "ada", "p@ss")),
        ("smtps://ada:pass@mail.example.com", MailServer("mail.example.com", 465, "implicit", "ada", "pass")),
        ("smtp://10.0.0.5:25?tls=none", MailServer("10.0.0.5", 25, "none")),
        ("smtp://ada:pass@127.0.0.1:1025?tls=none", MailServer("127.0.0.1", 1025, "none", "ada", "pass")),
    ],
)
def test_a_mail_server_is_an_address(url: str, server: MailServer) -> None:
    assert read(url=url, **{"from": FROM}).server == server


@pytest.mark.parametrize(
    "url",
    [
        *("mail.example.com:25", "http://mail.example.com", "smtp://", "smtp://host:port", "smtp://host/path", "smtp://host?tls=maybe"),
        *("smtps://host?tls=none", "smtp://host?tsl=none", "smtp://ada:hush@mail.example.com?tls=none", "smtp://[::1"),
    ],
)
def test_an_address_that_is_none_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        read(url=url, **{"from": FROM})
    assert "SOUK_MAIL_URL" in str(wrong.value)
    assert "hush" not in str(wrong.value)


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        (FROM, Sender("", FROM)),
        (f"Souk <{FROM}>", Sender("Souk", FROM)),
        (f'"Souk, the market" <{FROM}>', Sender("Souk, the market", FROM)),
        ("Müller <a@müller.example>", Sender("Müller", "a@xn--mller-kva.example")),
    ],
)
def test_letters_are_from_somebody(text: str, sender: Sender) -> None:
    assert read(**{"from": text}).sender == sender


@pytest.mark.parametrize("text", ["nobody", "Souk <>", "a <b> c", "<a@b.example> x", "a\x07b <a@b.example>"])
def test_who_letters_cannot_be_from(text: str) -> None:
    with pytest.raises(ConfigError, match="SOUK_MAIL_FROM"):
        read(**{"from": text})


def test_a_server_without_a_sender_is_refused() -> None:
    with pytest.raises(ConfigError, match="SOUK_MAIL_FROM is missing"):
        read(url="smtp://localhost")


def test_secrets_of_webhooks_are_long_enough_and_never_shown() -> None:
    assert read(webhook_secret=f"{SECRET}, {SECRET.removeprefix('whsec_')}").webhook_keys == (b"x" * 32, b"x" * 32)
    for wrong in ("whsec_!!", "whsec_" + b64encode(b"short").decode()):
        with pytest.raises(ConfigError, match="SOUK_MAIL_WEBHOOK_SECRET"):
            read(webhook_secret=wrong)
    shown = repr(read(url="smtp://ada:hush@host", webhook_secret=SECRET, **{"from": FROM}))
    assert "hush" not in shown
    assert SECRET not in shown


def test_a_password_is_not_printed_with_its_server() -> None:
    assert "hush" not in f"{MailServer('h', 25, 'none', 'u', 'hush')} {MailServer('h', 25, 'none', 'u', 'hush')!r}"


# Which transport it is


def transports(market: Market, environ: dict[str, str], **own: str) -> dict[mail.Channel, Any]:
    post = post_of(Settings.load(environ), read(**own), market)
    return dict(post.transports)


def test_development_keeps_letters_here(market: Market) -> None:
    found = transports(market, {})
    assert {kind: type(each) for kind, each in found.items()} == {mail.Channel.EMAIL: Mailbox, mail.Channel.SMS: Mailbox}


def test_production_without_a_server_lets_them_wait(market: Market) -> None:
    found = transports(market, PRODUCTION)
    assert {kind: type(each) for kind, each in found.items()} == {mail.Channel.EMAIL: NotConfigured, mail.Channel.SMS: NotConfigured}


def test_a_server_is_used_wherever_it_is_named(market: Market) -> None:
    for environ in ({}, PRODUCTION):
        assert type(transports(market, environ, url="smtp://localhost", **{"from": FROM})[mail.Channel.EMAIL]) is Smtp


def test_a_sender_without_a_name_has_the_markets(market: Market) -> None:
    assert post_of(Settings.load({}), read(**{"from": FROM}), market).sender == Sender("Sample", FROM)
    assert post_of(Settings.load({}), read(**{"from": f"Us <{FROM}>"}), market).sender == Sender("Us", FROM)


def test_only_development_keeps_what_was_written(market: Market) -> None:
    assert post_of(Settings.load({}), read(), market).keeps
    assert not post_of(Settings.load(PRODUCTION), read(), market).keeps


# Encrypted, and with a password


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that only these tests trust, with its key behind it."""
    folder = tmp_path_factory.mktemp("tls")
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=souk.test"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(words, check=True, capture_output=True)
    return folder


def authenticates(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ada", b"pass word")
    return AuthResult(success=good, handled=False)


def serving_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


async def test_a_password_is_given_over_an_encrypted_line(office: PostOffice, certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    server = Server()
    options: dict[str, Any] = {
        "tls_context": serving_tls(certificate),
        "require_starttls": True,
        "auth_required": True,
        "authenticator": authenticates,
    }
    async with serving(server, **options) as port:
        office.through(Smtp(MailServer("127.0.0.1", port, "starttls", "ada", "pass word"), tls=trusting))
        await office.send()
        await office.deliver()
        assert await office.states() == ["sent"]
        office.through(Smtp(MailServer("127.0.0.1", port, "starttls", "ada", "wrong"), tls=trusting))
        await office.send()
        await office.deliver()
    assert len(server.taken) == 1
    ((state, error),) = await office.rows("select state::text, error from mails where state <> 'sent'")
    assert (state, error[:29]) == ("waiting", "the mail server says 535 5.7.")
    assert "wrong" not in error


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(office: PostOffice, certificate: Path) -> None:
    server = Server()
    async with serving(server, tls_context=serving_tls(certificate)) as port:
        office.through(Smtp(MailServer("127.0.0.1", port, "starttls")))
        await office.send()
        await office.deliver()
    assert server.taken == []
    assert await office.states() == ["waiting"]


async def test_a_server_that_cannot_encrypt_gets_nothing(office: PostOffice) -> None:
    server = Server()
    async with serving(server) as port:
        office.through(Smtp(MailServer("127.0.0.1", port, "starttls")))
        await office.send()
        await office.deliver()
    assert server.taken == []
    assert await office.states() == ["waiting"]


async def test_a_look_at_a_server_says_whether_it_answers() -> None:
    async with serving(Server()) as port:
        await Smtp(MailServer("127.0.0.1", port, "none")).greet()
    with pytest.raises(mail.TryLater):
        await Smtp(MailServer("127.0.0.1", nowhere(), "none")).greet()
