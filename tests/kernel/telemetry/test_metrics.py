"""Metrics: what was counted is what Prometheus reads."""

from __future__ import annotations

import asyncio
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from souk.kernel.telemetry import LoopLag, Metrics, Outcome
from souk.kernel.telemetry.metrics import BOUNDS

from .conftest import Lines

Labels = frozenset[tuple[str, str]]


def page(metrics: Metrics) -> dict[tuple[str, Labels], float]:
    """Everything on the page, by name and labels."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return page(metrics)[name, frozenset(labels.items())]


PLACE = {"market": "tulifo", "operation": "place_bid", "method": "POST"}


def test_requests_are_counted_by_kind_of_status() -> None:
    metrics = Metrics()
    meter = metrics.meter("tulifo", "place_bid", "POST")
    for status in (200, 201, 404, 503, 304):
        meter.observe(status, 0.01)
    found = {kind: value(metrics, "souk_requests_total", **PLACE, status=kind) for kind in ("2xx", "3xx", "4xx", "5xx")}
    assert found == {"2xx": 2, "3xx": 1, "4xx": 1, "5xx": 1}


@given(st.lists(st.floats(0, 20), min_size=1, max_size=50))
def test_the_buckets_hold_exactly_what_was_observed(times: list[float]) -> None:
    metrics = Metrics()
    meter = metrics.meter("tulifo", "place_bid", "POST")
    for seconds in times:
        meter.observe(200, seconds)
    found = page(metrics)
    for bound in BOUNDS:
        labels = frozenset({**PLACE, "le": str(bound)}.items())
        assert found["souk_request_seconds_bucket", labels] == sum(seconds <= bound for seconds in times)
    assert found["souk_request_seconds_bucket", frozenset({**PLACE, "le": "+Inf"}.items())] == len(times)
    assert found["souk_request_seconds_count", frozenset(PLACE.items())] == len(times)
    assert math.isclose(found["souk_request_seconds_sum", frozenset(PLACE.items())], math.fsum(times), abs_tol=1e-6)


def test_an_operation_has_one_meter_however_often_it_is_asked_for() -> None:
    metrics = Metrics()
    assert metrics.meter("a", "b", "GET") is metrics.meter("a", "b", "GET")
    assert metrics.meter("a", "b", "GET") is not metrics.meter("c", "b", "GET")
    assert metrics.job_meter("a", "b") is metrics.job_meter("a", "b")


def test_an_operation_nobody_called_takes_no_room_on_the_page() -> None:
    metrics = Metrics()
    metrics.meter("tulifo", "never_called", "GET")
    assert b"never_called" not in metrics.render()


def test_jobs_are_counted_by_outcome() -> None:
    metrics = Metrics()
    meter = metrics.job_meter("grid", "send_mail")
    for outcome in (Outcome.DONE, Outcome.DONE, Outcome.RETRIED, Outcome.DEAD, Outcome.LOST):
        meter.observe(outcome, 0.2)
    assert value(metrics, "souk_jobs_total", market="grid", job="send_mail", outcome="done") == 2
    assert value(metrics, "souk_jobs_total", market="grid", job="send_mail", outcome="dead") == 1
    assert value(metrics, "souk_job_seconds_count", market="grid", job="send_mail") == 5


def test_a_gauge_is_read_at_the_moment_of_the_scrape() -> None:
    metrics, busy = Metrics(), {"tulifo": 1, "grid": 5}
    metrics.gauge("souk_pool_busy", "Connections in use.", lambda: busy["tulifo"], market="tulifo")
    metrics.gauge("souk_pool_busy", "Connections in use.", lambda: busy["grid"], market="grid")
    busy["tulifo"] = 9
    assert value(metrics, "souk_pool_busy", market="tulifo") == 9
    assert value(metrics, "souk_pool_busy", market="grid") == 5


def test_a_gauge_of_the_same_name_and_labels_replaces_the_first() -> None:
    metrics = Metrics()
    metrics.gauge("souk_queue_depth", "Jobs that wait.", lambda: 1.0, market="grid")
    metrics.gauge("souk_queue_depth", "Jobs that wait.", lambda: 2.0, market="grid")
    assert value(metrics, "souk_queue_depth", market="grid") == 2


def test_a_name_cannot_stand_for_two_kinds() -> None:
    metrics = Metrics()
    metrics.gauge("souk_queue_depth", "Jobs that wait.", lambda: 1.0, market="grid")
    with pytest.raises(ValueError, match="souk_queue_depth"):
        metrics.gauge("souk_queue_depth", "Jobs that wait.", lambda: 1.0, queue="low")
    with pytest.raises(ValueError, match="souk_queue_depth"):
        metrics.counter("souk_queue_depth", "Jobs that wait.", lambda: 1.0, market="grid")


def test_a_gauge_that_fails_is_not_a_number_and_the_page_still_stands(json_log: Lines) -> None:
    metrics = Metrics()
    metrics.gauge("souk_broken", "Fails.", lambda: 1 / 0)
    metrics.gauge("souk_whole", "Works.", lambda: 3)
    found = page(metrics)
    assert math.isnan(found["souk_broken", frozenset()])
    assert found["souk_whole", frozenset()] == 3
    assert json_log.json[0]["metric"] == "souk_broken"
    assert value(metrics, "souk_failed_readings_total") >= 1


def test_the_process_is_on_the_page_and_registries_do_not_meet() -> None:
    one, other = Metrics(), Metrics()
    one.gauge("souk_only_here", "One.", lambda: 1)
    assert b"process_resident_memory_bytes" in one.render()
    assert b"souk_only_here" not in other.render()


async def test_a_blocked_loop_is_seen() -> None:
    lag = LoopLag(every=0.01)
    lag.start()
    await asyncio.sleep(0)
    time.sleep(0.2)  # noqa: ASYNC251 - blocking the loop is the case
    assert lag.worst() >= 0.15
    called = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, called.set)
    await called.wait()
    assert lag.latest >= 0
    lag.stop()
    lag.worst()
    assert lag.worst() == 0


async def test_the_worst_lag_is_told_once() -> None:
    moment, asked = 100.0, asyncio.Event()

    def monotonic() -> float:
        if moment > 100:
            asked.set()
        return moment

    lag = LoopLag(every=0.001, monotonic=monotonic)
    lag.start()
    moment = 103.001
    await asked.wait()
    lag.stop()
    assert lag.worst() == pytest.approx(3.0)
    assert lag.worst() == 0
