"""Logs: one structured line an event, as JSON for machines or short for people, never with a secret in it.

    log.info("market opened", market="tulifo", tables=12)

Lines carry what is known of their surroundings: what `structlog.contextvars` holds (a job's ids), and what the readers
registered with `add_context` say (the request being answered). The standard library's loggers take the same way.
Nothing here runs for every request; that is `access.py`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final, Protocol

import msgspec
import structlog
from structlog.contextvars import merge_contextvars
from structlog.types import EventDict, FilteringBoundLogger

from souk.kernel.telemetry.redaction import redact_fields, redact_text

Level = str
Context = Callable[[], Mapping[str, object]]

log: FilteringBoundLogger = structlog.get_logger()
"""The program's logger."""

QUIET: Final = {"uvicorn.access": logging.CRITICAL + 1, "asyncio": logging.WARNING, "httpx": logging.WARNING, "httpcore": logging.WARNING}
"""Loggers of libraries that say what is already known, or too much."""

FIRST: Final = ("time", "level", "event", "market", "request_id", "order_id")
"""The fields that stand first in a JSON line, in this order."""

_contexts: list[Context] = []


class Report(Protocol):
    """Who hears of errors besides the log."""

    def __call__(self, error: BaseException, about: Mapping[str, object]) -> None: ...


def add_context(read: Context) -> None:
    """Let every line carry what this reader says. It is asked when a line is written, so it costs nothing otherwise."""
    if read not in _contexts:
        _contexts.append(read)


def start_logs(*, level: Level, json: bool, write: Callable[[bytes], None], report: Report | None = None) -> None:
    """Send every line of the program, and of the libraries in it, to `write`. Called once at start."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            merge_contextvars,
            _add_contexts,
            _reporting(report),
            structlog.processors.format_exc_info,
            _redacted,
            _json_line if json else _console_line(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _Lines(write),
        cache_logger_on_first_use=False,
    )
    _route_standard_logging(number)


def stop_logs() -> None:
    """Undo `start_logs`: structlog's own defaults, and the standard library without our handler."""
    structlog.reset_defaults()
    for handler in [kept for kept in logging.root.handlers if isinstance(kept, Routed)]:
        logging.root.removeHandler(handler)
    logging.captureWarnings(capture=False)


class Routed(logging.Handler):
    """Hands what the standard library's loggers say to ours."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError) as error:
            message = f"{record.msg!r} with arguments that do not fit it: {error}"
        log.log(record.levelno, message, logger=record.name, exc_info=record.exc_info)


def _route_standard_logging(level: int) -> None:
    for handler in [kept for kept in logging.root.handlers if isinstance(kept, Routed)]:
        logging.root.removeHandler(handler)
    logging.root.addHandler(Routed())
    logging.root.setLevel(level)
    logging.captureWarnings(capture=True)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(level, least))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


class _Lines:
    """What structlog hands finished lines to: every level is the same to it."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = self.msg = write


# The steps of a line


def _add_contexts(_logger: object, _method: str, event: EventDict) -> EventDict:
    for read in _contexts:
        for name, value in read().items():
            if value:
                event.setdefault(name, value)
    return event


def _reporting(report: Report | None) -> Callable[[object, str, EventDict], EventDict]:
    """Errors with an exception go to the reporter too, with what is known of them."""

    def step(_logger: object, method: str, event: EventDict) -> EventDict:
        if report is not None and method in ("error", "critical"):
            error = _exception_of(event.get("exc_info"))
            if error is not None:
                about = {name: value for name, value in event.items() if name not in ("exc_info", "time", "level")}
                report(error, about)
        return event

    return step


def _exception_of(told: object) -> BaseException | None:
    if told is True:
        return sys.exc_info()[1]
    if isinstance(told, tuple) and len(told) == 3 and isinstance(told[1], BaseException):
        return told[1]
    return told if isinstance(told, BaseException) else None


def _redacted(_logger: object, _method: str, event: EventDict) -> MutableMapping[str, Any]:
    return redact_fields(event)


def _json_line(_logger: object, _method: str, event: EventDict) -> bytes:
    ordered = {name: event.pop(name) for name in FIRST if name in event}
    return msgspec.json.encode({**ordered, **event}) + b"\n"


def _console_line() -> Callable[[object, str, EventDict], bytes]:
    render = structlog.dev.ConsoleRenderer(
        colors=False, timestamp_key="time", exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
    )

    def step(logger: object, method: str, event: EventDict) -> bytes:
        event["time"] = str(event["time"])[11:19]
        return redact_text(render(logger, method, event)).encode() + b"\n"

    return step
