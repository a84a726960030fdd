"""Log lines: structured, with the ids of what they are about, from every logger, without secrets."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping
from uuid import UUID

import msgspec
import structlog

from souk.kernel.telemetry import add_context, log
from souk.kernel.telemetry.logs import Routed, _contexts, start_logs, stop_logs
from souk.kernel.telemetry.sink import Sink

from .conftest import Lines


def test_a_line_is_json_with_time_level_and_event_first(json_log: Lines) -> None:
    log.info("market opened", market="tulifo", tables=12, id=UUID(int=7))
    (line,) = json_log.json
    assert list(line)[:4] == ["time", "level", "event", "market"]
    assert line["time"].endswith("Z")
    assert (line["level"], line["event"], line["tables"], line["id"]) == ("info", "market opened", 12, str(UUID(int=7)))


def test_a_line_below_the_level_is_not_written(json_log: Lines) -> None:
    log.debug("detail")
    logging.getLogger("somewhere").debug("detail")
    assert json_log.text == ""


def test_a_line_carries_the_ids_it_was_written_under(json_log: Lines) -> None:
    with structlog.contextvars.bound_contextvars(market="grid", request_id="r-1", order_id="o-1"):
        log.info("inside")
    log.info("outside")
    inside, outside = json_log.json
    assert (inside["market"], inside["request_id"], inside["order_id"]) == ("grid", "r-1", "o-1")
    assert "request_id" not in outside


def test_a_reader_adds_what_it_knows_and_what_is_said_goes_before(json_log: Lines) -> None:
    def request() -> Mapping[str, object]:
        return {"request_id": "r-9", "market": "grome", "order_id": ""}

    add_context(request)
    add_context(request)
    try:
        log.info("paid", market="tulifo")
    finally:
        _contexts.remove(request)
    (line,) = json_log.json
    assert (line["request_id"], line["market"]) == ("r-9", "tulifo")
    assert "order_id" not in line
    assert request not in _contexts


def test_no_secret_gets_into_a_line(json_log: Lines) -> None:
    log.info("signing in with Bearer hunter2hunter2", password="hunter2", headers={"Cookie": "a=hunter2"}, dsn="hunter2")
    logging.getLogger("lib").warning("connecting to postgres://souk:%s@db/souk", "hunter2")
    try:
        raise ValueError("token=hunter2")  # noqa: TRY301 - the message is the case
    except ValueError:
        log.exception("failed")
    assert "hunter2" not in json_log.text
    assert "ValueError" in json_log.json[-1]["exception"]


def test_an_exception_brings_its_traceback(json_log: Lines) -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        log.exception("cannot divide")
    (line,) = json_log.json
    assert line["level"] == "error"
    assert "ZeroDivisionError: division by zero" in line["exception"]


def test_the_standard_librarys_loggers_take_the_same_way(json_log: Lines) -> None:
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
    logging.getLogger("uvicorn.access").info("GET / 200")
    (first,) = json_log.json
    assert (first["event"], first["logger"], first["level"]) == ("Started server process [7]", "uvicorn.error", "info")


def test_a_message_whose_arguments_do_not_fit_is_still_a_line(json_log: Lines) -> None:
    Routed().emit(logging.LogRecord("lib", logging.WARNING, "lib.py", 1, "%d and %d", (1,), None))
    assert "'%d and %d' with arguments that do not fit" in json_log.json[0]["event"]


def test_warnings_are_lines_too(json_log: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    assert "old ways" in json_log.json[0]["event"]


def test_what_cannot_be_encoded_is_printed_instead(json_log: Lines) -> None:
    log.info("odd \ud800", thing=object(), keys={1: 2}, many={3}, big=2**80)
    (line,) = json_log.json
    assert line["event"] == "odd ?"
    assert line["keys"] == {"1": 2}


def test_on_a_console_a_line_is_short_and_plain(console_log: Lines) -> None:
    log.debug("market opened", market="tulifo", token="hunter2")
    assert "market opened" in console_log.text
    assert "market=tulifo" in console_log.text
    assert "hunter2" not in console_log.text
    assert "\x1b" not in console_log.text


def test_on_a_console_a_traceback_shows_no_local_variables(console_log: Lines) -> None:
    def pay(number: str) -> None:
        raise LookupError("no such card for " + number[:1])

    try:
        pay("tok-hunter2")
    except LookupError:
        log.exception("payment failed")
    assert "LookupError: no such card" in console_log.text
    assert "hunter2" not in console_log.text.replace('pay("tok-hunter2")', "")


def test_errors_are_reported_with_what_is_known_of_them(lines: Lines) -> None:
    reported: list[tuple[BaseException, Mapping[str, object]]] = []
    start_logs(level="info", json=True, write=lines.write, report=lambda error, about: reported.append((error, about)))
    try:
        error = RuntimeError("boom")
        log.error("handed over", exc_info=error)
        log.error("no exception here")
        log.warning("not so bad", exc_info=error)
        try:
            raise error
        except RuntimeError:
            log.exception("request failed", operation="place_bid")
            logging.getLogger("asyncio").exception("never retrieved")
    finally:
        stop_logs()
    assert [(told, about["event"]) for told, about in reported] == [
        (error, "handed over"),
        (error, "request failed"),
        (error, "never retrieved"),
    ]
    assert reported[1][1]["operation"] == "place_bid"


def test_starting_twice_writes_each_line_once(json_log: Lines) -> None:
    start_logs(level="info", json=True, write=json_log.write)
    logging.getLogger("lib").warning("once")
    assert len(json_log.json) == 1


def test_a_sink_writes_whole_lines_and_survives_a_reader_that_left() -> None:
    reading, writing = os.pipe()
    sink = Sink(writing)
    sink.write(b"one\n")
    assert os.read(reading, 100) == b"one\n"
    os.close(reading)
    sink.write(b"two\n")
    os.close(writing)
    assert sink.lost == 1


def test_a_sink_gives_up_on_a_reader_that_stands_still_and_counts_it() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    sink = Sink(writing)
    sink.write(b"x" * 10_000_000)
    assert sink.lost == 1
    os.close(reading)
    os.close(writing)


def test_encoded_lines_are_one_line_each(json_log: Lines) -> None:
    log.info("two\nlines", text="a\nb")
    assert json_log.text.count("\n") == 1
    assert msgspec.json.decode(json_log.text)["event"] == "two\nlines"
