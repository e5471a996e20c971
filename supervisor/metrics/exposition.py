"""The status JSON as text for Prometheus. Pure.

    picture ──families──▶ one family a metric ──prometheus_client──▶ bytes

Every worker of the picture has its series, whatever its state is; a worker that was removed has none any more. What is
not known has no sample, and is never 0. Nothing here is a rate or an age: a query calculates these.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest as generate_classic
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from supervisor.text.colours import STATES
from supervisor.text.tables import timestamp

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Picture = Mapping[str, Any]
Worker = Mapping[str, Any]
Value = float | int | None

HEALTH = ("ok", "stalled", "unready")
ATTENTION = ("working", "idle", "waiting", "held")
ALWAYS = ("exit", "ended")
"""Causes of ends that are there before the first one: `increase()` sees no counter that begins at 1."""


def openmetrics(picture: Picture | None) -> bytes:
    """Return the text of a picture, as `status -o json` has it; None: no service answers, and only that is told."""
    return bytes(generate_openmetrics(_registry(picture)))  # type: ignore[no-untyped-call]


def classic(picture: Picture | None) -> bytes:
    """Return the same in Prometheus's older format, the only one that node_exporter reads from files."""
    return generate_classic(_registry(picture))


def _registry(picture: Picture | None) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(picture))
    return registry


class _Families(Collector):
    def __init__(self, picture: Picture | None) -> None:
        self.picture = picture

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("panevisor_up", "Whether the service answers.")
        up.add_metric([], 0 if self.picture is None else 1)
        yield up
        if self.picture is not None:
            yield from _of_service(self.picture["supervisor"])
            yield from _of_workers(self.picture["workers"])


# ── the service ───────────────────────────────────────────────────────────────────────────────────────────────────


def _of_service(service: Mapping[str, Any]) -> Iterator[Metric]:
    info = InfoMetricFamily("panevisor", "The version of the service.")
    info.add_metric([], {"version": str(service["version"])})
    yield info
    started = timestamp(service["started_at"])
    for name, told, value in (
        ("start_time_seconds", "When the service started.", started),
        ("snapshot_time_seconds", "When the picture was made that this is from.", started + service["uptime_s"]),
        (
            "tmux_up",
            "Whether tmux answers; while it does not, nothing is judged.",
            service["tmux"] == "ok",
        ),
        ("degraded", "Parts of the service that do not work.", len(service["degraded"])),
        ("kept", "Whether something starts the service again when it fails.", service["kept_by"] is not None),
        ("config_error", "Whether the file cannot be applied.", service["config"]["error"] is not None),
        ("config_changed", "Whether the file differs from what was applied.", service["config"]["changed_on_disk"]),
        ("subscribers", "Connections that are sent each picture.", service["subscribers"]),
    ):
        gauge = GaugeMetricFamily(f"panevisor_{name}", told)
        gauge.add_metric([], float(value))
        yield gauge
    for name, told, count in (
        ("overruns", "Beats that came late or were missed.", service["overruns"]),
        ("broadcast_bytes", "Bytes of publications, for each subscriber that got them.", service["broadcast_bytes"]),
    ):
        counter = CounterMetricFamily(f"panevisor_{name}", told)
        counter.add_metric([], count)
        yield counter
    yield from _of_beats(service["beats"])


def _of_beats(beats: Mapping[str, Any]) -> Iterator[Metric]:
    bounds = [*map(str, beats["bounds_s"]), "+Inf"]
    for part, name, told in (
        ("whole", "panevisor_beat_seconds", "How long a beat took, until the workers were told or had reported."),
        ("sweep", "panevisor_sweep_seconds", "How long a beat's sweep took: of tmux (capture), of processes (health)."),
    ):
        histogram = HistogramMetricFamily(name, told, labels=["beat"])
        for beat in ("capture", "health"):
            durations = beats[beat][part]
            buckets = list(zip(bounds, map(float, accumulate(durations["counts"])), strict=True))
            histogram.add_metric([beat], buckets=buckets, sum_value=durations["sum_s"])
        yield histogram


# ── workers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_workers(workers: Sequence[Worker]) -> Iterator[Metric]:
    yield _labels(workers)
    yield _one_of("state", "Whether the worker is in this state.", tuple(STATES), workers)
    yield _one_of("health", "Whether the health of the running worker is this one.", HEALTH, workers)
    yield _one_of("attention", "Whether the running worker is known to be at this.", ATTENTION, workers)
    for name, told, value in _GAUGES:
        yield _each(GaugeMetricFamily(_named(name), told, labels=_WHO), value, workers)
    yield _each(CounterMetricFamily(_named("restarts"), _RESTARTS, labels=_WHO), lambda w: w["restarts"], workers)
    yield _exits(workers)


_WHO = ("worker", "project")
_RESTARTS = "How often the worker was started again after a crash."


def _time(key: str) -> Callable[[Worker], Value]:
    return lambda worker: None if worker[key] is None else timestamp(worker[key])


def _plain(key: str) -> Callable[[Worker], Value]:
    return lambda worker: worker[key]


_GAUGES: tuple[tuple[str, str, Callable[[Worker], Value]], ...] = (
    ("attention_since_seconds", "Since when the worker is at what it is at.", _time("attention_since")),
    ("attempt", "Restarts since the last healthy life.", _plain("attempt")),
    ("max_restarts", "Restarts that the worker may have without a healthy life; -1: no limit.", _plain("max_restarts")),
    ("start_time_seconds", "When its present process began.", _time("started_at")),
    ("next_start_time_seconds", "When the worker starts again.", _time("next_start_at")),
    ("last_output_time_seconds", "When the worker printed last.", _time("last_output_at")),
    (
        "cpu_ratio",
        "CPU of its process tree at the last health beat; 1 is one core.",
        lambda w: None if w["cpu_percent"] is None else round(w["cpu_percent"] / 100, 4),
    ),
    ("memory_bytes", "Resident memory of its process tree.", _plain("rss_bytes")),
    ("processes", "Processes of its tree.", _plain("processes")),
    ("log_bytes", "Bytes of its log on disk.", _plain("log_bytes")),
)


def _named(name: str) -> str:
    return f"panevisor_worker_{name}"


def _who(worker: Worker) -> list[str]:
    return [worker["name"], worker["project"]]


def _each(family: Any, value: Callable[[Worker], Value], workers: Iterable[Worker]) -> Metric:
    for worker in workers:
        found = value(worker)
        if found is not None:
            family.add_metric(_who(worker), found)
    assert isinstance(family, Metric)
    return family


def _one_of(key: str, told: str, words: Sequence[str], workers: Iterable[Worker]) -> Metric:
    """Return 1 for the word that is true of each worker, and 0 for the others."""
    family = GaugeMetricFamily(_named(key), told, labels=(*_WHO, key))
    for worker in workers:
        for word in words:
            family.add_metric([*_who(worker), word], float(worker[key] == word))
    return family


def _exits(workers: Iterable[Worker]) -> Metric:
    family = CounterMetricFamily(_named("exits"), "Lives that have ended, by cause.", labels=(*_WHO, "cause"))
    for worker in workers:
        for cause, count in (dict.fromkeys(ALWAYS, 0) | worker["exits"]).items():
            family.add_metric([*_who(worker), cause], count)
    return family


def _labels(workers: Iterable[Worker]) -> Metric:
    """Return the labels of each worker's table, to join with: `label_tier="web"`."""
    family = InfoMetricFamily("panevisor_worker", "The labels of the worker.", labels=_WHO)
    for worker in workers:
        family.add_metric(_who(worker), {_label(key): str(value) for key, value in worker["labels"].items()})
    return family


def _label(key: str) -> str:
    return "label_" + re.sub(r"[^a-zA-Z0-9_]", "_", key)
