"""Traces: OpenTelemetry spans for HTTP operations, statements and jobs, where an endpoint is set and the extra is installed.

`start_tracer` answers None otherwise, so that callers compile a path without any tracing in it. Spans hold names, never
values: no parameters, bodies, paths with ids, or messages of errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

from souk.kernel.telemetry.logs import log

if TYPE_CHECKING:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

Kind = Literal["server", "client", "consumer", "internal"]
Attributes = Mapping[str, str | int | float | bool]

SERVICE: Final = "souk"
FAILED: Final = 500


class Span:
    """What a caller may still say of a span that is open."""

    __slots__ = ("_error", "_open")

    def __init__(self, open_span: trace.Span, error: trace.StatusCode) -> None:
        self._open = open_span
        self._error = error

    def status(self, code: int) -> None:
        """The HTTP status that was answered; from 500 on the span counts as failed."""
        self._open.set_attribute("http.response.status_code", code)
        if code >= FAILED:
            self._open.set_status(self._error)

    def failed(self, error: BaseException) -> None:
        """An exception ended it. Its message may hold personal data and stays out."""
        self._open.set_attribute("error.type", type(error).__name__)
        self._open.set_status(self._error)


class Tracer:
    """Opens spans. One for a process; `close` sends what is left."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415 - the extra may be absent
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 - an extra, imported only where it is configured

        self._provider = provider
        self._tracer = provider.get_tracer(SERVICE)
        self._propagator = TraceContextTextMapPropagator()
        self._error = StatusCode.ERROR
        self._kinds: dict[Kind, SpanKind] = {
            "server": SpanKind.SERVER,
            "client": SpanKind.CLIENT,
            "consumer": SpanKind.CONSUMER,
            "internal": SpanKind.INTERNAL,
        }

    @contextmanager
    def span(self, name: str, kind: Kind = "internal", attributes: Attributes | None = None, parent: str = "") -> Iterator[Span]:
        """One span around a block: below the current one, or below `parent`, a W3C `traceparent`.

        An exception marks it failed and goes on.
        """
        context = self._propagator.extract({"traceparent": parent}) if parent else None
        with self._tracer.start_as_current_span(
            name,
            context,
            self._kinds[kind],
            dict(attributes or {}),
            record_exception=False,
            set_status_on_exception=False,
        ) as open_span:
            span = Span(open_span, self._error)
            try:
                yield span
            except BaseException as error:
                span.failed(error)
                raise

    @contextmanager
    def request(self, market: str, operation: str, method: str, route: str, traceparent: str = "") -> Iterator[Span]:
        """The span of an HTTP operation, continuing the caller's trace."""
        about = {"souk.market": market, "souk.operation": operation, "http.request.method": method, "http.route": route}
        with self.span(f"{method} {route}", "server", about, traceparent) as span:
            yield span

    @contextmanager
    def statement(self, market: str, home: str, sql: str) -> Iterator[Span]:
        """The span of a database statement: its text holds placeholders, not values."""
        about = {"db.system.name": "postgresql", "db.namespace": market, "db.query.text": sql, "code.function.name": home}
        with self.span(f"{sql.split(None, 1)[0].lower()} {home}", "client", about) as span:
            yield span

    @contextmanager
    def job(self, market: str, job: str, attempt: int, traceparent: str = "") -> Iterator[Span]:
        """The span of one run of a job, in the trace of what enqueued it."""
        about: Attributes = {"souk.market": market, "messaging.system": "souk", "messaging.destination.name": job, "souk.attempt": attempt}
        with self.span(f"run {job}", "consumer", about, traceparent) as span:
            yield span

    def traceparent(self) -> str:
        """The current span as a W3C `traceparent`, to travel with a job or an outgoing request; empty outside of any."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier.get("traceparent", "")

    def close(self) -> None:
        """Send what is left and stop."""
        self._provider.shutdown()


def start_tracer(endpoint: str, *, env: str = "development") -> Tracer | None:
    """A tracer that sends to an OTLP endpoint over HTTP; None when there is none, or nothing to send with."""
    if not endpoint:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - the extra may be absent
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - an extra, imported only where it is configured
    except ImportError:
        log.warning(
            "traces are not sent: OTEL_EXPORTER_OTLP_ENDPOINT is set, but the extra is not installed", remedy="install souk[traces]"
        )
        return None
    return Tracer(_provider(env, BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces"))))


def tracer_to(exporter: SpanExporter) -> Tracer:
    """A tracer that hands each span to an exporter as it ends: for tests, and for tools that read spans in the process."""
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415 - the extra may be absent

    return Tracer(_provider("test", SimpleSpanProcessor(exporter)))


def _provider(env: str, processor: SpanProcessor) -> TracerProvider:
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - the extra may be absent
    from opentelemetry.sdk.trace import TracerProvider as Provider  # noqa: PLC0415 - an extra, imported only where it is configured

    # What the operator says in OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES goes before what we say.
    said = Resource({"service.name": SERVICE, "deployment.environment.name": env})
    named = Resource.create().attributes
    default = str(named.get("service.name", "")).startswith("unknown_service")
    given = Resource({name: value for name, value in named.items() if not (default and name == "service.name")})
    provider = Provider(resource=said.merge(given), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return provider
