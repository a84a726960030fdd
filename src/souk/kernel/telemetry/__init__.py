"""Telemetry: what a process tells of itself. Logs, the access log, metrics, traces and reports of errors, started together.

telemetry = start_telemetry(settings)
…
telemetry.stop()
"""

from souk.kernel.telemetry.access import AccessLog
from souk.kernel.telemetry.logs import add_context, log
from souk.kernel.telemetry.looplag import LoopLag
from souk.kernel.telemetry.metrics import JobMeter, Measured, Meter, Metrics, Outcome
from souk.kernel.telemetry.redaction import names_secret, redact, redact_text
from souk.kernel.telemetry.sentry import Reporter
from souk.kernel.telemetry.start import Telemetry, start_telemetry
from souk.kernel.telemetry.traces import Tracer

__all__ = [
    "AccessLog",
    "JobMeter",
    "LoopLag",
    "Measured",
    "Meter",
    "Metrics",
    "Outcome",
    "Reporter",
    "Telemetry",
    "Tracer",
    "add_context",
    "log",
    "names_secret",
    "redact",
    "redact_text",
    "start_telemetry",
]
