"""How one market's pushes leave, decided at start."""

from __future__ import annotations

import os
from functools import cache
from typing import Final

from souk.kernel.assembly import Market
from souk.kernel.clock import utc_now
from souk.kernel.config import Settings
from souk.modules.notify.fcm import Fcm
from souk.modules.notify.model import Device, Service, VapidKey
from souk.modules.notify.outgoing import Outgoing
from souk.modules.notify.pretending import FcmDouble, InProcess
from souk.modules.notify.pushing import Carriers, NotConfigured, Push
from souk.modules.notify.rules import Notices
from souk.modules.notify.settings import NotifySettings, key_from
from souk.modules.notify.webpush import WebPush

NO_FCM: Final = "no apps are reached: set SOUK_FCM_ACCOUNT"


class Pretended:
    """Development: apps of a double, made when the first push comes."""

    def __init__(self) -> None:
        self._fcm: Fcm | None = None

    async def push(self, device: Device, push: Push) -> None:
        if self._fcm is None:
            double = the_double()
            self._fcm = Fcm(double.account, api="http://fcm.localhost", transport=InProcess(double))
        await self._fcm.push(device, push)


@cache
def the_double() -> FcmDouble:
    """The one of this process."""
    return FcmDouble()


def resources(settings: Settings, market: Market, notices: Notices) -> dict[type, object]:
    """What operations and jobs of a market take."""
    return made(settings, NotifySettings.load(os.environ), market, notices)


def made(settings: Settings, own: NotifySettings, market: Market, notices: Notices) -> dict[type, object]:
    """The same, under these settings."""
    outgoing = Outgoing(local=own.push_local and not settings.production)
    key = own.vapid_key or key_from(settings.key(f"web pushes of {market.name}"))
    web = WebPush(key, notices.rules.contact or contact_of(notices.web), outgoing, utc_now)
    return {
        Notices: notices,
        Outgoing: outgoing,
        VapidKey: VapidKey(web.public_key),
        Carriers: Carriers({Service.WEB: web, Service.FCM: _apps(settings, own)}),
    }


def contact_of(web: str) -> str:
    """Whom push services may ask about us: they want an address by https or mail."""
    return web if web.startswith("https://") else "mailto:no-reply@localhost"


def _apps(settings: Settings, own: NotifySettings) -> Fcm | Pretended | NotConfigured:
    if own.fcm is not None:
        return Fcm(own.fcm)
    return NotConfigured(NO_FCM) if settings.production else Pretended()
