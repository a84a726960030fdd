"""Everything a process tells of itself, started from the settings and stopped again as one."""

from __future__ import annotations

from souk.kernel.config import Settings
from souk.kernel.telemetry.access import AccessLog
from souk.kernel.telemetry.logs import start_logs, stop_logs
from souk.kernel.telemetry.looplag import LoopLag
from souk.kernel.telemetry.metrics import Metrics
from souk.kernel.telemetry.sentry import Reporter, start_reporter
from souk.kernel.telemetry.sink import Sink
from souk.kernel.telemetry.traces import Tracer, start_tracer


class Telemetry:
    """The parts, for those who use them. `tracer` and `reporter` are None where they are not configured."""

    def __init__(self, sink: Sink, access: AccessLog, metrics: Metrics, tracer: Tracer | None, reporter: Reporter | None) -> None:
        self.sink = sink
        self.access = access
        self.metrics = metrics
        self.tracer = tracer
        self.reporter = reporter
        self.lag = LoopLag()
        metrics.gauge("souk_event_loop_lag_seconds", "The longest delay of the event loop since the last scrape.", self.lag.worst)
        metrics.counter("souk_access_lines_lost", "Lines of the access log that were dropped.", lambda: access.lost)
        metrics.counter("souk_log_writes_lost", "Writes of the log that failed.", lambda: sink.lost)

    def serve(self) -> None:
        """From the event loop that serves: write the access log, watch the loop."""
        self.access.start()
        self.lag.start()

    def stop(self) -> None:
        """Write and send what is left."""
        self.lag.stop()
        self.access.stop()
        if self.tracer is not None:
            self.tracer.close()
        if self.reporter is not None:
            self.reporter.close()
        stop_logs()


def start_telemetry(settings: Settings, sink: Sink | None = None, release: str = "") -> Telemetry:
    """Configure logging for the process, and open what the settings ask for."""
    sink = sink or Sink()
    start_logs(level=settings.log_level, json=settings.log_json, write=sink.write)
    reporter = start_reporter(settings.sentry_dsn, env=settings.env, release=release)
    if reporter is not None:
        start_logs(level=settings.log_level, json=settings.log_json, write=sink.write, report=reporter)
    access = AccessLog(sink.write, json=settings.log_json)
    return Telemetry(sink, access, Metrics(), start_tracer(settings.otlp_endpoint, env=settings.env), reporter)
