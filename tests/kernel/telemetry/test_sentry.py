"""Unexpected errors reach Sentry with what is needed to find them, and without anything personal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from souk.kernel.telemetry import log
from souk.kernel.telemetry.logs import start_logs, stop_logs
from souk.kernel.telemetry.sentry import start_reporter, without_private

from .conftest import Lines, Receiver


def event_in(envelope: bytes) -> dict[str, Any]:
    """The event of an envelope: header, item header, item, one a line."""
    event: dict[str, Any] = msgspec.json.decode(envelope.split(b"\n")[2])
    return event


def reported(receiver: Receiver, lines: Lines, fail: Callable[[], object]) -> tuple[str, bytes]:
    """What Sentry is sent when `fail` is logged as an unexpected error."""
    reporter = start_reporter(f"http://key@{receiver.address}/42", env="test", release="souk@1")
    assert reporter is not None
    start_logs(level="info", json=True, write=lines.write, report=reporter)
    try:
        fail()
    except (ArithmeticError, LookupError):
        log.exception("request failed", market="tulifo", operation="place_bid", request_id="r-1", token="hunter2")
    finally:
        reporter.close()
        stop_logs()
    return receiver.next()


def test_without_a_dsn_nothing_is_reported() -> None:
    assert start_reporter("", env="test") is None


def test_an_error_arrives_with_its_stack_and_its_ids(receiver: Receiver, lines: Lines) -> None:
    path, envelope = reported(receiver, lines, lambda: 1 / 0)
    event = event_in(envelope)
    error = event["exception"]["values"][0]
    assert path == "/api/42/envelope/"
    assert (error["type"], error["value"]) == ("ZeroDivisionError", "division by zero")
    assert error["stacktrace"]["frames"]
    assert event["tags"] == {"market": "tulifo", "operation": "place_bid", "request_id": "r-1"}
    assert (event["environment"], event["release"]) == ("test", "souk@1")


def test_neither_secrets_nor_local_variables_nor_the_machine_are_sent(receiver: Receiver, lines: Lines) -> None:
    def pay() -> None:
        number = "".join(["4242"] * 4)
        raise LookupError(f"card {number} of Bearer {'hunter2' * 2} is unknown")

    _, envelope = reported(receiver, lines, pay)
    assert b"hunter2" not in envelope
    assert b"4242424242424242" not in envelope
    event = event_in(envelope)
    assert not {"user", "request", "breadcrumbs", "server_name", "extra"} & set(event)
    assert all("vars" not in frame for frame in event["exception"]["values"][0]["stacktrace"]["frames"])


def test_whatever_is_put_into_an_event_passes_the_last_gate() -> None:
    event: Any = {
        "user": {"email": "ann@example.com"},
        "request": {"data": "hunter2"},
        "message": "token=hunter2",
        "tags": {"session": "hunter2"},
        "exception": {"values": [{"value": "Bearer hunter2"}]},
    }
    assert "hunter2" not in str(without_private(event, {}))
    assert "ann@example.com" not in str(event)
