"""Telemetry starts from the settings, tells while it runs, and leaves nothing unsaid when it stops."""

from __future__ import annotations

import os
import subprocess
import sys

import msgspec
import pytest

from souk.kernel.config import Settings
from souk.kernel.telemetry import log, start_telemetry
from souk.kernel.telemetry.sink import Sink

from .conftest import Receiver

WITHOUT_EXTRAS = """
import sys
sys.modules.update({"sentry_sdk": None, "opentelemetry": None})
from souk.kernel.config import Settings
from souk.kernel.telemetry import start_telemetry
environ = {"SOUK_SENTRY_DSN": "http://key@127.0.0.1:9/1", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
telemetry = start_telemetry(Settings.load(environ))
assert telemetry.tracer is None and telemetry.reporter is None
telemetry.stop()
"""


class Pipe:
    """A real descriptor to log to."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()

    def lines(self) -> list[bytes]:
        os.close(self.writing)
        with os.fdopen(self.reading, "rb") as reading:
            return reading.read().splitlines()


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


async def test_logs_requests_and_metrics_of_a_plain_instance(pipe: Pipe) -> None:
    telemetry = start_telemetry(Settings.load({"SOUK_LOG_FORMAT": "json"}), Sink(pipe.writing))
    telemetry.serve()
    log.info("open")
    telemetry.access.note("GET", "/health", 200, 0.001, b"r-1", "", None)
    telemetry.metrics.meter("tulifo", "health", "GET").observe(200, 0.001)
    rendered = telemetry.metrics.render()
    telemetry.stop()
    assert (telemetry.tracer, telemetry.reporter) == (None, None)
    assert [msgspec.json.decode(line)["event"] for line in pipe.lines()] == ["open", "request"]
    for name in (b"souk_event_loop_lag_seconds", b"souk_access_lines_lost_total 0.0", b"souk_log_writes_lost_total 0.0"):
        assert name in rendered


async def test_what_is_configured_is_told_elsewhere_too(pipe: Pipe, receiver: Receiver) -> None:
    environ = {"SOUK_SENTRY_DSN": f"http://key@{receiver.address}/1", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{receiver.address}"}
    telemetry = start_telemetry(Settings.load(environ), Sink(pipe.writing))
    telemetry.serve()
    assert telemetry.tracer is not None
    with telemetry.tracer.span("work"):
        log.error("failed", exc_info=RuntimeError("boom"))
    telemetry.stop()
    assert {receiver.next()[0], receiver.next()[0]} == {"/api/1/envelope/", "/v1/traces"}
    assert any(b"RuntimeError: boom" in line for line in pipe.lines())


def test_what_is_configured_but_not_installed_says_so_and_stops_nobody() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_EXTRAS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "SOUK_SENTRY_DSN is set, but the extra is not installed" in done.stderr
    assert "install souk[traces]" in done.stderr
