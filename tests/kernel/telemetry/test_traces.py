"""Traces: one trace from the caller through the request and its statements into the jobs it left behind."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from souk.kernel.telemetry.traces import Tracer, start_tracer, tracer_to

from .conftest import Receiver

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: InMemorySpanExporter) -> Tracer:
    return tracer_to(exporter)


def spans(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def parent_of(span: ReadableSpan) -> int:
    assert span.parent is not None
    return int(span.parent.span_id)


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def test_without_an_endpoint_there_is_no_tracer() -> None:
    assert start_tracer("") is None


def test_one_trace_runs_from_the_caller_to_the_job(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    with tracer.request("tulifo", "place_bid", "POST", "/projects/{id}/bids", CALLER) as span:
        with tracer.statement("tulifo", "souk.modules.bids.sql:12", "insert into bids values ($1)"):
            pass
        travels = tracer.traceparent()
        span.status(201)
    with tracer.job("tulifo", "tell_client", 1, travels):
        pass
    found = spans(exporter)
    request = found["POST /projects/{id}/bids"]
    statement = found["insert souk.modules.bids.sql:12"]
    job = found["run tell_client"]
    assert (request.kind, statement.kind, job.kind) == (SpanKind.SERVER, SpanKind.CLIENT, SpanKind.CONSUMER)
    assert parent_of(request) == int("b7ad6b7169203331", 16)
    assert parent_of(statement) == parent_of(job) == id_of(request)
    assert {span.context.trace_id for span in (request, statement, job) if span.context} == {int("0af7651916cd43dd8448eb211c80319c", 16)}
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 201
    assert request.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize(
    "header", ["", "nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "ff" + CALLER[2:], CALLER.upper() + "x" * 500]
)
def test_a_traceparent_that_is_none_begins_a_trace_of_its_own(tracer: Tracer, exporter: InMemorySpanExporter, header: str) -> None:
    with tracer.request("grid", "swap", "POST", "/swaps", header):
        pass
    assert spans(exporter)["POST /swaps"].parent is None


def test_outside_of_any_span_nothing_travels(tracer: Tracer) -> None:
    assert tracer.traceparent() == ""


def test_a_failure_is_marked_by_its_type_and_tells_nothing_else(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="ann@example"), tracer.span("work"):
        raise ValueError("ann@example.com has no account")
    work = spans(exporter)["work"]
    assert work.status.status_code is StatusCode.ERROR
    assert work.attributes == {"error.type": "ValueError"}
    assert "ann@example" not in work.to_json()


def test_an_answer_of_500_is_a_failed_span(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    with tracer.request("grid", "swap", "POST", "/swaps") as span:
        span.status(503)
    assert spans(exporter)["POST /swaps"].status.status_code is StatusCode.ERROR


def test_spans_reach_a_collector_over_http(receiver: Receiver) -> None:
    tracer = start_tracer(f"http://{receiver.address}/", env="production")
    assert tracer is not None
    with tracer.request("tulifo", "place_bid", "POST", "/bids"):
        pass
    tracer.close()
    path, body = receiver.next()
    sent = ExportTraceServiceRequest.FromString(body).resource_spans[0]
    about = {attribute.key: attribute.value.string_value for attribute in sent.resource.attributes}
    assert path == "/v1/traces"
    assert (about["service.name"], about["deployment.environment.name"]) == ("souk", "production")
    assert [span.name for span in sent.scope_spans[0].spans] == ["POST /bids"]
