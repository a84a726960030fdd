"""Metrics: counted in plain integers, turned into Prometheus' form only when somebody asks.

An operation gets its `Meter` at start and calls `observe` once a request; nothing of the Prometheus client runs then.
Gauges are read by callback at the moment of the scrape; what they read must be at hand (no I/O).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from typing import Final, Protocol, runtime_checkable

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from souk.kernel.telemetry.logs import log

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the buckets, in seconds; what took longer is in one more."""

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

STATUSES: Final = ("other", "1xx", "2xx", "3xx", "4xx", "5xx")

Read = Callable[[], float]


class Outcome(IntEnum):
    """How one run of a job ended."""

    DONE = 0
    RETRIED = 1
    DEAD = 2
    LOST = 3
    """Another worker had taken it over: its lease was over."""


class Meter:
    """How often an operation was answered, how, and how fast."""

    __slots__ = ("buckets", "kinds", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.kinds = [0] * len(STATUSES)
        self.seconds = 0.0

    def observe(self, status: int, seconds: float) -> None:
        """Count one answer by its HTTP status."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.kinds[status // 100] += 1
        self.seconds += seconds


class JobMeter:
    """How often a job ran, with which outcome, and how long."""

    __slots__ = ("buckets", "kinds", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.kinds = [0] * len(Outcome)
        self.seconds = 0.0

    def observe(self, outcome: Outcome, seconds: float) -> None:
        """Count one run."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.kinds[outcome] += 1
        self.seconds += seconds


class Reading:
    """One gauge or counter that is read when it is asked for."""

    def __init__(self, name: str, about: str, labels: Mapping[str, str], read: Read, *, counter: bool) -> None:
        self.name = name
        self.about = about
        self.labels = dict(labels)
        self.read = read
        self.counter = counter


@runtime_checkable
class Measured(Protocol):
    """A resource of a market that knows values worth measuring."""

    def gauges(self) -> Mapping[str, tuple[str, Read]]:
        """By name: what each means, and how it is read."""
        ...


class Metrics(Collector):
    """Everything one process measures, in a registry of its own."""

    def __init__(self) -> None:
        self.failed_readings = 0
        self._meters: dict[tuple[str, str, str], Meter] = {}
        self._jobs: dict[tuple[str, str], JobMeter] = {}
        self._readings: dict[str, list[Reading]] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self.counter("souk_failed_readings", "Gauges that could not be read.", lambda: self.failed_readings)

    def meter(self, market: str, operation: str, method: str) -> Meter:
        """The meter of an operation. Asked for at start, kept by the operation."""
        return self._meters.setdefault((market, operation, method), Meter())

    def job_meter(self, market: str, job: str) -> JobMeter:
        """The meter of a job."""
        return self._jobs.setdefault((market, job), JobMeter())

    def gauge(self, name: str, about: str, read: Read, **labels: str) -> None:
        """A value that goes up and down, read at each scrape; replaces one of the same name and labels."""
        self._add(Reading(name, about, labels, read, counter=False))

    def counter(self, name: str, about: str, read: Read, **labels: str) -> None:
        """A count that only grows, kept elsewhere and read at each scrape. Its name gets `_total`."""
        self._add(Reading(name, about, labels, read, counter=True))

    def render(self) -> bytes:
        """The page that Prometheus reads."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """For the registry: everything as metric families."""
        yield from self._requests()
        yield from self._runs()
        for readings in self._readings.values():
            yield self._family(readings)

    def _add(self, reading: Reading) -> None:
        kept = self._readings.setdefault(reading.name, [])
        if any(other.counter != reading.counter or set(other.labels) != set(reading.labels) for other in kept):
            raise ValueError(f"the metric {reading.name} exists with another kind or other labels")
        kept[:] = [other for other in kept if other.labels != reading.labels]
        kept.append(reading)

    def _requests(self) -> Iterable[Metric]:
        counts = CounterMetricFamily("souk_requests", "Requests answered.", labels=("market", "operation", "method", "status"))
        times = HistogramMetricFamily("souk_request_seconds", "How long they took.", labels=("market", "operation", "method"))
        for labels, meter in self._meters.items():
            _tell(counts, times, labels, meter, STATUSES)
        return (counts, times)

    def _runs(self) -> Iterable[Metric]:
        counts = CounterMetricFamily("souk_jobs", "Runs of jobs.", labels=("market", "job", "outcome"))
        times = HistogramMetricFamily("souk_job_seconds", "How long they took.", labels=("market", "job"))
        names = tuple(outcome.name.lower() for outcome in Outcome)
        for labels, meter in self._jobs.items():
            _tell(counts, times, labels, meter, names)
        return (counts, times)

    def _family(self, readings: list[Reading]) -> Metric:
        first = readings[0]
        kind = CounterMetricFamily if first.counter else GaugeMetricFamily
        family = kind(first.name, first.about, labels=tuple(first.labels))
        for reading in readings:
            family.add_metric([reading.labels[name] for name in first.labels], self._read(reading))
        return family

    def _read(self, reading: Reading) -> float:
        """A gauge that fails is not a number, rather than the end of the whole page."""
        try:
            return reading.read()
        except Exception:  # noqa: BLE001 - any code may stand behind a gauge
            self.failed_readings += 1
            log.exception("a metric could not be read", metric=reading.name)
            return float("nan")


def _tell(
    counts: CounterMetricFamily, times: HistogramMetricFamily, labels: tuple[str, ...], meter: Meter | JobMeter, names: tuple[str, ...]
) -> None:
    """What one meter counted; one that counted nothing takes no room on the page."""
    for name, number in zip(names, meter.kinds, strict=True):
        if number:
            counts.add_metric([*labels, name], number)
    buckets, total = [], 0
    for bound, number in zip((*map(str, BOUNDS), "+Inf"), meter.buckets, strict=True):
        total += number
        buckets.append((bound, total))
    if total:
        times.add_metric(list(labels), buckets, meter.seconds)
