"""The access log: every request is one line, written behind the back of the request, and losses are told."""

from __future__ import annotations

import threading
from uuid import UUID

import msgspec

from souk.kernel.telemetry import AccessLog

from .conftest import Lines


class Caller(msgspec.Struct):
    id: UUID


ANN = Caller(UUID(int=7))


def note(log: AccessLog, path: str = "/tulifo/api/orders/1", status: int = 200, actor: Caller | None = ANN) -> None:
    log.note("GET", path, status, 0.0123456, b"r-1", "tulifo", actor)


class Written:
    """A place to write to that lets a test wait for it."""

    def __init__(self) -> None:
        self.lines = Lines()
        self.arrived = threading.Event()

    def write(self, lines: bytes) -> None:
        self.lines.write(lines)
        self.arrived.set()


def test_a_request_is_one_json_line(lines: Lines) -> None:
    log = AccessLog(lines.write)
    note(log)
    log.flush()
    (line,) = lines.json
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "event": "request",
        "market": "tulifo",
        "request_id": "r-1",
        "method": "GET",
        "path": "/tulifo/api/orders/1",
        "status": 200,
        "ms": 12.346,
        "actor": str(ANN.id),
    }


def test_an_anonymous_request_names_nobody_and_a_failed_one_is_an_error(lines: Lines) -> None:
    log = AccessLog(lines.write)
    note(log, status=503, actor=None)
    log.flush()
    assert "actor" not in lines.json[0]
    assert lines.json[0]["level"] == "error"


def test_many_requests_are_written_together(lines: Lines) -> None:
    log = AccessLog(lines.write)
    for number in range(200):
        note(log, f"/{number}")
    log.flush()
    assert len(lines.written) == 1
    assert [line["path"] for line in lines.json] == [f"/{number}" for number in range(200)]
    log.flush()
    assert len(lines.written) == 1


def test_a_thread_writes_what_was_noted_without_being_asked() -> None:
    written = Written()
    log = AccessLog(written.write, every=0.01)
    log.start()
    note(log)
    assert written.arrived.wait(10)
    log.stop()
    assert len(written.lines.json) == 1


def test_a_failure_is_written_at_once() -> None:
    written = Written()
    log = AccessLog(written.write, every=3600)
    log.start()
    note(log)
    assert not written.arrived.is_set()
    note(log, status=500)
    assert written.arrived.wait(10)
    log.stop()
    assert [line["status"] for line in written.lines.json] == [200, 500]


def test_stopping_writes_what_is_left(lines: Lines) -> None:
    running, idle = AccessLog(lines.write, every=3600), AccessLog(lines.write)
    running.start()
    note(running, "/running")
    running.stop()
    note(idle, "/idle")
    idle.stop()
    assert [line["path"] for line in lines.json] == ["/running", "/idle"]


def test_too_many_lines_push_out_the_oldest_and_the_loss_is_told_once(lines: Lines) -> None:
    log = AccessLog(lines.write, limit=10)
    for number in range(25):
        note(log, f"/{number}")
    log.flush()
    log.flush()
    *kept, loss = lines.json
    assert [line["path"] for line in kept] == [f"/{number}" for number in range(15, 25)]
    assert (loss["event"], loss["lines"], loss["level"]) == ("access lines lost", 15, "warning")
    assert log.lost == 15


def test_a_reader_of_the_log_that_stands_still_stops_no_request() -> None:
    reading, moving_again = threading.Event(), threading.Event()
    lines = Lines()

    def stand_still(some: bytes) -> None:
        reading.set()
        moving_again.wait(10)
        lines.write(some)

    log = AccessLog(stand_still, limit=100, every=0.01)
    log.start()
    note(log)
    assert reading.wait(10)
    for number in range(150):
        note(log, f"/{number}")
    assert log.lost == 50
    moving_again.set()
    log.stop()
    assert sum(line.get("lines", 0) for line in lines.json) == 50
    assert lines.json[-1]["path"] == "/149"


def test_a_path_cannot_forge_a_line_or_fill_the_log(lines: Lines) -> None:
    log, console = AccessLog(lines.write), AccessLog(lines.write, json=False)
    for one in (log, console):
        note(one, "/a\n12:00:00 200 GET /forged")
        note(one, "/" + "a" * 5_000)
        note(one, "/\ud800")
        one.flush()
    assert lines.text.count("\n") == 6
    assert len(lines.text) < 3_000


def test_on_a_console_a_request_is_a_short_line(lines: Lines) -> None:
    log = AccessLog(lines.write, json=False)
    note(log)
    log.flush()
    assert lines.text.endswith(" 200 GET    /tulifo/api/orders/1 12.3 ms  [r-1]\n")
