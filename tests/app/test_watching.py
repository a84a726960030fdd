"""What an instance tells of itself: one trace from the request into the job it asked for, and meters of both."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from souk.app.application import Application
from souk.app.opened import sources_of
from souk.kernel.config import Settings
from souk.kernel.http.server import WebServer
from souk.kernel.migrate import migrate
from souk.kernel.telemetry import AccessLog, Metrics, Telemetry
from souk.kernel.telemetry.sink import Sink
from souk.kernel.telemetry.traces import tracer_to
from souk.markets.sample import SAMPLE

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@asynccontextmanager
async def running(dsn: str, exporter: InMemorySpanExporter) -> AsyncIterator[tuple[Application, httpx.AsyncClient]]:
    """The sample market, served and worked in this process, with every span kept."""
    settings = Settings.load({"SOUK_ENV": "test"})
    await migrate(dsn, SAMPLE.name, sources_of(SAMPLE), secret=settings.key("database").hex())
    telemetry = Telemetry(Sink(), AccessLog(lambda _lines: None), Metrics(), tracer_to(exporter), None)
    application = Application(settings, [SAMPLE], dsn, telemetry)
    started = asyncio.Event()
    server = WebServer(application.edge, grace=1, when_started=started.set)
    listener = socket.create_server(("127.0.0.1", 0))
    await application.start(work=True)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await started.wait()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
        yield application, client
    server.should_exit = True
    await serving
    await application.stop()
    telemetry.stop()


async def an_order_with_a_message(client: httpx.AsyncClient) -> str:
    """What Ada does; the request of her message carries a trace of its own."""
    signed_in = await client.post("/sample/v1/sign-in", json={"name": "Ada", "role": "customer"})
    token = {"Authorization": f"Bearer {signed_in.json()['data']['accessToken']}"}
    wanted = {"providerId": "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a11", "title": "Paint", "price": 1, "currency": "EUR"}
    order = (await client.post("/sample/v1/orders", json=wanted, headers=token)).json()["data"]
    said = await client.post(f"/sample/v1/orders/{order['id']}/messages", json={"body": "Hello"}, headers={**token, "traceparent": CALLER})
    assert said.status_code == 201
    return str(order["id"])


def named(spans: tuple[ReadableSpan, ...], start: str) -> list[ReadableSpan]:
    return [span for span in spans if span.name.startswith(start) and span.context and f"{span.context.trace_id:032x}" in CALLER]


async def test_one_trace_goes_from_the_caller_through_the_request_and_its_statement_into_the_job(dsn: str) -> None:
    exporter = InMemorySpanExporter()
    async with running(dsn, exporter) as (application, client):
        await an_order_with_a_message(client)
        await application.opened[0].worker().drain()
    spans = exporter.get_finished_spans()
    (request,) = named(spans, "POST /sample/v1/orders/{order_id}/messages")
    (statement,) = named(spans, "insert souk.modules.sample.sql")
    (job,) = named(spans, "run message.posted:count_message")
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" in CALLER
    assert statement.parent == request.context
    assert job.parent is not None
    assert job.parent.span_id in {span.context.span_id for span in (request, statement) if span.context}


async def test_requests_jobs_and_queues_are_on_the_metrics_page(dsn: str) -> None:
    async with running(dsn, InMemorySpanExporter()) as (application, client):
        await an_order_with_a_message(client)
        await application.opened[0].worker().drain()
        page = (await client.get("/metrics")).text
    assert 'souk_requests_total{market="sample",method="POST",operation="post_message",status="2xx"} 1.0' in page
    assert 'souk_jobs_total{job="message.posted:count_message",market="sample",outcome="done"} 1.0' in page
    for gauge in ("souk_queue_due", "souk_connections_open", "souk_event_loop_lag_seconds"):
        assert f"\n{gauge}" in page
