"""How requests, statements and jobs are watched. Jobs always count; spans exist only where traces are sent, and cost nothing elsewhere."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from souk.kernel.db import Query, Tx
from souk.kernel.http.answer import Answer
from souk.kernel.http.compiling import Handler
from souk.kernel.http.operation import Operation
from souk.kernel.http.request import Request
from souk.kernel.messages import Claimed
from souk.kernel.telemetry import Outcome, Telemetry, Tracer

T = TypeVar("T")


class WatchedJobs:
    """Counts each run of a market's jobs, and opens its span in the trace that asked for it."""

    def __init__(self, telemetry: Telemetry, market: str) -> None:
        self._meter = telemetry.metrics.job_meter
        self._tracer = telemetry.tracer
        self._market = market

    def span(self, job: Claimed) -> AbstractContextManager[Any]:
        if self._tracer is None:
            return nullcontext()
        return self._tracer.job(self._market, job.name, job.attempts, job.trace or "")

    def ran(self, job: str, outcome: Outcome, seconds: float) -> None:
        self._meter(self._market, job).observe(outcome, seconds)


def traced_handler(handle: Handler, operation: Operation[..., Any], market: str, base: str, tracer: Tracer) -> Handler:
    """The operation with a span round it, below the caller's own if it sent one."""
    route = base + operation.path

    async def traced(request: Request) -> Answer:
        with tracer.request(market, operation.name, request.method, route, request.header("traceparent")) as span:
            answer = await handle(request)
            span.status(answer.status)
            return answer

    return traced


def traced_tx(tracer: Tracer, market: str) -> type[Tx]:
    """A kind of transaction whose every statement is a span."""

    class TracedTx(Tx):
        __slots__ = ()

        async def run(self, query: Query[T], *args: object) -> T:
            with tracer.statement(market, query.home, query.sql):
                return await super().run(query, *args)

        async def finish(self, query: Query[T], *args: object) -> T:
            with tracer.statement(market, query.home, query.sql):
                return await super().finish(query, *args)

    return TracedTx
