"""Mail at work: its tables, templates made for the tests, real mail servers, and a worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from souk.kernel.assembly import Market, Module
from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Tx
from souk.kernel.http.guards import Role
from souk.kernel.messages import Catalogue, Outbox, Rhythm, Worker
from souk.kernel.migrate import Source, kernel_sources
from souk.kernel.sealing import Vault
from souk.modules import mail
from souk.modules.mail.post import Gate
from souk.modules.mail.settings import MailServer
from souk.modules.mail.smtp import Smtp
from souk.modules.mail.transports import Mailbox, NotConfigured, Sender, Transport

VAULT = Vault({"1": b"k" * 32})
MODULES = (mail.MODULE,)
LINK = "https://example.com/verify?token=abc"

WELCOME = "Subject: Welcome, {{ name }}\n\nHello {{ name }},\n\nconfirm here: {{ link }}\n\n{{ market }}\n"
BIENVENUE = "Subject: Bienvenue, {{ name }}\n\nBonjour {{ name }},\n\nconfirmez ici : {{ link }}\n"
MARHABA = "Subject: مرحبا {{ name }}\n\nأكد هنا: {{ link }}\n"
SAMPLES = f'name = "Ada"\nlink = "{LINK}"\n'


def write(folder: Path, **files: str) -> Path:
    """Files in a folder; `__` in a name is a point."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a module called `club`, with templates."""
    files = {"welcome__en__txt": WELCOME, "welcome__fr__txt": BIENVENUE, "welcome__ar__txt": MARHABA, "welcome__toml": SAMPLES}
    write(tmp_path / "club" / "templates", **files, code__en__txt="{{ code }} is your code.\n", code__toml='code = "123456"\n')
    return tmp_path / "club"


@pytest.fixture
def market(folder: Path) -> Market:
    return Market(
        "sample", "/sample", "Sample: a market for tests", (Role("admin", mail.STAFF), Role("client")), (*MODULES, Module("club", folder))
    )


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Where the market's own templates are: nowhere, until a test writes some."""
    return tmp_path / "market" / "templates"


@pytest.fixture
def templates(market: Market, own: Path) -> mail.Templates:
    return mail.Templates(market, "https://souk.example", own=own)


@pytest.fixture
def sources() -> tuple[Source, ...]:
    return (*kernel_sources(), Source(mail.MODULE.name, mail.MODULE.migrations))


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(MODULES)


@pytest.fixture
def database(pool: Pool, clock: Clock, catalogue: Catalogue) -> Database:
    return Database(pool, clock, lambda tx: Outbox(catalogue, tx))


class PostOffice:
    """A market's mail: what is sent, where it goes, and what becomes of it."""

    def __init__(self, database: Database, catalogue: Catalogue, clock: Clock, templates: mail.Templates, dsn: str) -> None:
        self.database = database
        self.catalogue = catalogue
        self.clock = clock
        self.templates = templates
        self.dsn = dsn
        self.post = self.through(Mailbox())

    def through(self, transport: Transport, *, keeps: bool = False, gate: Gate | None = None, keys: tuple[bytes, ...] = ()) -> mail.Post:
        """Letters leave by this from now on."""
        sender = Sender("Sample", "no-reply@souk.example")
        transports: dict[mail.Channel, Transport] = {
            mail.Channel.EMAIL: transport,
            mail.Channel.SMS: Mailbox() if keeps else NotConfigured("no"),
        }
        self.post = mail.Post(self.templates, transports, sender=sender, keeps=keeps, gate=gate, webhook_keys=keys)
        return self.post

    def smtp(self, port: int, *, step: float = 5, gate: Gate | None = None) -> None:
        """Letters go to a mail server on this port. A busy machine is no slow server: the gate is patient unless a test wants it."""
        self.through(Smtp(MailServer("127.0.0.1", port, "none"), step=step, whole=2 * step), gate=gate or Gate(4, 10))

    def worker(self, rhythm: Rhythm | None = None) -> Worker:
        return Worker(self.database, self.catalogue, resources={mail.Post: self.post, Vault: VAULT}, rhythm=rhythm or Rhythm())

    async def deliver(self) -> None:
        """Everything that is due by now."""
        await self.worker().drain()

    async def later(self, **by: float) -> None:
        """Let time pass, and do what became due."""
        self.clock.move_to(self.clock.offset + timedelta(**by))
        await self.deliver()

    async def send(self, to: str = "ada@example.com", name: str = "Ada", language: str = "en", **more: Any) -> None:
        """A letter of welcome."""
        letter = mail.Letter(to, "club/welcome", language, {"name": name, "link": LINK}, **more)
        await self.database.write(lambda tx: mail.send(tx, VAULT, letter))

    async def mailbox(self, to: str = "") -> list[mail.Posted]:
        return await self.database.read(lambda tx: mail.mailbox(tx, VAULT, self.post, to, 50))

    async def rows(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        """A look at the tables past everything."""
        connection = await asyncpg.connect(self.dsn)
        try:
            return [tuple(row) for row in await connection.fetch(sql, *args)]
        finally:
            await connection.close()

    async def states(self) -> list[str]:
        """What became of every letter, in the order in which they were asked for."""
        return [state for (state,) in await self.rows("select state::text from mails order by created_at, id")]

    async def write(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self.database.write(work)


@pytest.fixture
def office(database: Database, catalogue: Catalogue, clock: Clock, templates: mail.Templates, runtime_dsn: str) -> PostOffice:
    return PostOffice(database, catalogue, clock, templates, runtime_dsn)
