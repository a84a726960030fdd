"""The sandbox's payments at one address for all markets, in development: a client secret says by itself whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from souk.app.opened import OpenMarket
from souk.kernel.http import ANYONE, Redirect, operation
from souk.modules import payments


class Markets:
    """Every market of this instance that takes payments."""

    def __init__(self, opened: Sequence[OpenMarket]) -> None:
        self._tills = [(each, till) for each in opened if isinstance(till := each.resources.get(payments.Till), payments.Till)]

    async def owner_of(self, client_secret: str) -> tuple[OpenMarket, payments.Till]:
        """The market in whose sandbox something is paid by that secret."""
        for opened, till in self._tills:
            if await payments.opens_in_sandbox(opened.database, till, client_secret):
                return opened, till
        raise payments.PageNotFound


@operation("GET", "/sandbox/pay/{client_secret}", who=ANYONE, refusals=(payments.PageNotFound,))
async def find_pay_page(markets: Markets, client_secret: payments.ClientSecret) -> Redirect:
    """Go to the page on which something is paid, whichever market it is of."""
    opened, _till = await markets.owner_of(client_secret)
    return Redirect(f"{opened.market.base}/pay/{client_secret}")


@operation(
    "POST",
    "/sandbox/payments/{client_secret}/confirm",
    who=ANYONE,
    idempotent=False,
    refusals=payments.pay_in_browser.refusals,
    example={"card": "4242424242424242"},
)
async def pay_anywhere(markets: Markets, client_secret: payments.ClientSecret, body: payments.InBrowser) -> payments.WentInBrowser:
    """Do what the provider's library does in a payer's browser, whichever market the payment is of."""
    opened, till = await markets.owner_of(client_secret)
    return await payments.pay_in_browser(opened.database, till, client_secret, body)


OPERATIONS: Final = (find_pay_page, pay_anywhere)
