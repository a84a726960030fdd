"""The line to Stripe: the SDK's client over one connection pool, with one patience for every call."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Mapping
from functools import cache
from typing import Any, Final, TypeVar

import httpx
import stripe

from souk.kernel.telemetry import log
from souk.modules.payments.provider import KeyRefused, Misused, ProviderError, Unreachable
from souk.modules.payments.stripe.refusals import judged
from souk.modules.payments.stripe.settings import StripeSettings

T = TypeVar("T")

WHOLE: Final = 30.0
"""Seconds that a call may take: banks are slow. Whoever gets no answer repeats the call with its key."""
CONNECT: Final = 5.0
AT_ONCE: Final = 20
"""Connections to Stripe of one process."""

stripe.enable_telemetry = False  # it writes a file into the home of whoever runs this, and tells Stripe how fast the last call was
logging.getLogger("stripe").setLevel(logging.WARNING)  # below that it writes whole answers, with client secrets and addresses


class Wire(stripe.HTTPClient):
    """How the SDK's requests travel. Its own client for httpx has no limit for a whole call, and warns about itself at each."""

    name = "httpx"

    def __init__(self, patience: float) -> None:
        super().__init__()
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        self._client = httpx.AsyncClient(verify=_trusted(), timeout=httpx.Timeout(patience, connect=CONNECT), limits=limits)

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        try:
            answer = await self._client.request(method, url, headers=dict(headers), content=post_data)
            answer.content.decode()  # the SDK takes it for granted that it can be read
        except (httpx.HTTPError, UnicodeDecodeError) as error:
            reason = f"no answer from Stripe: {type(error).__name__}"
        else:
            return answer.content, answer.status_code, answer.headers
        raise stripe.APIConnectionError(reason)  # type: ignore[no-untyped-call]

    async def close_async(self) -> None:
        await self._client.aclose()


@cache
def _trusted() -> ssl.SSLContext:
    """Whom the SDK trusts. It takes a while to read, so it is read once."""
    return ssl.create_default_context(cafile=stripe.ca_bundle_path)


class Line:
    """What all parts of the provider speak through."""

    def __init__(self, settings: StripeSettings, *, back: str, patience: float = WHOLE) -> None:
        self._wire = Wire(patience)
        self._stripe = stripe.StripeClient(
            settings.secret_key, base_addresses={"api": settings.api}, http_client=self._wire, max_network_retries=0
        )
        self._secret = settings.secret_key
        self._webhook_secrets = settings.webhook_secrets
        self._back = back
        self._patience = patience

    def __repr__(self) -> str:
        return type(self).__name__

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close_async()

    async def _ask(self, call: Awaitable[T]) -> T:
        """Make a call. What comes out is an answer or a failure of ours: the SDK's errors carry whole answers, so they stay here."""
        failed: ProviderError
        try:
            async with asyncio.timeout(self._patience):
                return await call
        except stripe.StripeError as error:
            failed = judged(error, self._secret)
            if isinstance(failed, KeyRefused):
                log.error("Stripe does not take the market's key: nobody can pay or be paid until it is set right", error=str(failed))
        except TimeoutError:
            failed = Unreachable(f"no answer from Stripe in {self._patience:g} s")
        raise failed  # out here it has no context that would show the SDK's error

    async def _each(self, listed: Awaitable[stripe.ListObject[Any]]) -> AsyncIterator[Any]:
        """Everything of a list, page by page."""
        page = await self._ask(listed)
        while page.data:
            for found in page.data:
                yield found
            page = await self._ask(page.next_page_async())


def with_key(key: str) -> stripe.RequestOptions:
    """A call that happens once, however often it is made."""
    return {"idempotency_key": key}


def made_for(account: str, key: str | None = None) -> stripe.RequestOptions:
    """A call for a connected account."""
    return {"stripe_account": account, "idempotency_key": key} if key else {"stripe_account": account}


def named(kind: str, object_id: str) -> str:
    """An id that names something. An empty one would ask for all of that kind."""
    if not object_id:
        raise Misused("resource_missing", f"No such {kind}: ''")
    return object_id
