"""A worker of the club in a process of its own, to be killed: `python -m tests.modules.notify.worker_process <dsn> <fcm's port>`."""

from __future__ import annotations

import sys
from typing import Any

import uvloop

from souk.kernel.clock import Clock
from souk.kernel.config import Settings
from souk.kernel.db import Database, Pool
from souk.kernel.http.tokens import Tokens
from souk.kernel.messages import Catalogue, Outbox, Rhythm, Worker
from souk.kernel.sealing import Vault
from souk.modules.notify.model import Service
from souk.modules.notify.outgoing import Outgoing
from souk.modules.notify.pushing import Carriers, NotConfigured
from souk.modules.notify.settings import key_from
from souk.modules.notify.webpush import WebPush
from tests.modules.notify.club import CLUB

QUICK = Rhythm(lease=1.0, beat=0.2)


async def work(dsn: str) -> None:
    settings, clock = Settings.load({}), Clock()
    catalogue = Catalogue(CLUB.modules)
    database = Database(Pool(dsn, size=5, wait=5), clock, lambda tx: Outbox(catalogue, tx))
    tokens = Tokens(CLUB.name, {"1": b"k" * 32}, CLUB.roles)
    own: dict[type, Any] = {Clock: clock, Vault: Vault({"1": b"v" * 32}), Tokens: tokens, Settings: settings}
    for each in (CLUB.resources, *(module.resources(settings, CLUB) for module in CLUB.modules if module.resources is not None)):
        own.update(each)
    web = WebPush(key_from(b"w" * 32), "mailto:club@example.com", Outgoing(local=True, whole=2), clock.now)
    own[Carriers] = Carriers({Service.WEB: web, Service.FCM: NotConfigured("not here")})
    await Worker(database, catalogue, resources=own, rhythm=QUICK).run()


if __name__ == "__main__":
    uvloop.run(work(sys.argv[1]))
