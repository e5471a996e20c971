"""What Prometheus reads: valid by the official parsers, all of the wanted workers, nothing made up; and the alerts."""

import json
import re
import sys
from dataclasses import replace
from typing import Any

import pytest
from kit import ROOT
from kit.gateway_bench import row, snapshot
from kit.promql import alerts, rules, series
from prometheus_client.parser import text_string_to_metric_families as parse_classic

from actors.beats import BeatTimes
from actors.values.facts import Instant
from actors.values.snapshot import Audience, Row
from supervisor.command_line import run
from supervisor.metrics.exposition import CONTENT_TYPE, classic, openmetrics

NOW = 1_700_000_000.0


def picture(*rows: Row, tmux: str = "ok", **news: Any) -> dict[str, Any]:
    made = snapshot(1, *rows)
    capture = BeatTimes().swept(0.003).over(0.02).swept(0.2).over(60.0)
    service = replace(made.service, started_at=NOW - 100, tmux=tmux, capture=capture, overruns=4, **news)
    return replace(made, at=Instant(1.0, NOW), service=service).to_dict(Audience(3, 4096))


def found(text: bytes, name: str, **labels: str) -> list[float]:
    """Return the values of the samples with this name and these labels."""
    return [
        value for (key, having), value in series(text).items() if key == name and labels.items() <= dict(having).items()
    ]


def test_what_it_says_of_the_service() -> None:
    text = openmetrics(picture(degraded=("log: disk full",)))
    assert CONTENT_TYPE.startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith(b"# EOF\n")
    said = {
        "panevisor_up": 1.0,
        "panevisor_info": 1.0,
        "panevisor_start_time_seconds": NOW - 100,
        "panevisor_snapshot_time_seconds": NOW,
        "panevisor_tmux_up": 1.0,
        "panevisor_degraded": 1.0,
        "panevisor_config_error": 0.0,
        "panevisor_overruns_total": 4.0,
        "panevisor_subscribers": 3.0,
        "panevisor_broadcast_bytes_total": 4096.0,
    }
    assert {name: found(text, name) for name in said} == {name: [value] for name, value in said.items()}


def test_beats_are_histograms_that_a_quantile_can_be_made_of() -> None:
    text = openmetrics(picture())
    assert found(text, "panevisor_beat_seconds_bucket", beat="capture", le="0.025") == [1.0]
    assert found(text, "panevisor_beat_seconds_bucket", beat="capture", le="10.0") == [1.0]
    assert found(text, "panevisor_beat_seconds_bucket", beat="capture", le="+Inf") == [2.0]
    assert found(text, "panevisor_beat_seconds_sum", beat="capture") == [pytest.approx(60.02)]
    assert found(text, "panevisor_sweep_seconds_count", beat="capture") == [2.0]
    assert found(text, "panevisor_beat_seconds_count", beat="health") == [0.0]


def test_each_wanted_worker_has_its_series_whatever_its_state_and_a_removed_one_has_none() -> None:
    states = ["pending", "starting", "running", "backoff", "stopping", "stopped", "completed", "failed", "quarantined"]
    text = openmetrics(picture(*(row(state, state) for state in states)))
    for state in states:
        assert found(text, "panevisor_worker_state", worker=state, state=state) == [1.0]
        assert sum(found(text, "panevisor_worker_state", worker=state)) == 1.0
        for name in ("restarts_total", "attempt", "info"):
            assert len(found(text, f"panevisor_worker_{name}", worker=state)) == 1
        assert found(text, "panevisor_worker_exits_total", worker=state, cause="exit") == [0.0]
    assert "removed" not in str(series(openmetrics(picture(row("other")))))


def test_what_a_row_says_is_exported_in_base_units() -> None:
    facts: dict[str, Any] = {"project": "p", "restarts": 7, "attempt": 2, "exits": (("exit", 7), ("stop", 1))}
    facts |= {"rss_bytes": 4096, "cpu_percent": 12.5, "processes": 3, "log_bytes": 9}
    facts |= {"last_output_at": NOW - 3, "started_at": NOW - 9, "attention": "waiting", "attention_since": NOW - 5}
    text = openmetrics(picture(row("api", **facts)))
    who = {"worker": "api", "project": "p"}
    assert found(text, "panevisor_worker_restarts_total", **who) == [7.0]
    assert found(text, "panevisor_worker_exits_total", **who, cause="exit") == [7.0]
    assert found(text, "panevisor_worker_exits_total", **who, cause="stop") == [1.0]
    assert found(text, "panevisor_worker_cpu_ratio", **who) == [0.125]
    assert found(text, "panevisor_worker_memory_bytes", **who) == [4096.0]
    assert found(text, "panevisor_worker_last_output_time_seconds", **who) == [NOW - 3]
    assert found(text, "panevisor_worker_start_time_seconds", **who) == [NOW - 9]
    assert found(text, "panevisor_worker_attention", **who, attention="waiting") == [1.0]
    assert found(text, "panevisor_worker_attention", **who, attention="working") == [0.0]
    assert found(text, "panevisor_worker_health", **who, health="ok") == [1.0]


def test_what_is_not_known_has_no_sample() -> None:
    text = openmetrics(picture(row("api", "failed", started_at=None, rss_bytes=None, processes=None)))
    for name in ("memory_bytes", "cpu_ratio", "processes", "last_output_time_seconds", "start_time_seconds"):
        assert found(text, f"panevisor_worker_{name}") == []


def test_labels_of_workers_are_there_to_join_with_whatever_is_in_them() -> None:
    text = openmetrics(picture(row("api", labels=(("tier-of", 'a"b\\c\nd'), ("rack", "1")))))
    ((_, labels),) = [key for key in series(text) if key[0] == "panevisor_worker_info"]
    assert dict(labels) == {"worker": "api", "project": "", "label_tier_of": 'a"b\\c\nd', "label_rack": "1"}


def test_without_a_service_it_says_that_and_nothing_else() -> None:
    assert series(openmetrics(None)) == {("panevisor_up", frozenset()): 0.0}
    assert b"panevisor_up 0.0" in classic(None)


def test_the_file_for_node_exporter_is_in_the_older_format_with_the_same_samples() -> None:
    shown = picture(row("api"), row("web", "failed"))
    text = classic(shown).decode()
    types = set(re.findall(r"^# TYPE \S+ (\w+)$", text, re.MULTILINE))
    assert types == {"gauge", "counter", "histogram"}  # it refuses `info`
    samples = {(s.name, frozenset(s.labels.items())): s.value for family in parse_classic(text) for s in family.samples}
    assert samples == series(openmetrics(shown))


def test_without_the_extra_one_line_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    for name in [name for name in sys.modules if name.startswith("supervisor.metrics.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("supervisor.metrics.keeping", raising=False)
    assert run(["metrics"]) == 1
    assert capsys.readouterr().err == "panevisor: metrics need an extra: pip install 'panevisor[metrics]'\n"


# ── alerts and dashboard ──────────────────────────────────────────────────────────────────────────────────────────


def test_where_all_is_well_no_alert_is_raised() -> None:
    assert alerts(openmetrics(picture(row("api"), row("job", "completed"), row("off", "stopped"))), NOW) == {}


def test_a_worker_that_was_stopped_in_a_crash_loop_is_in_none_any_more() -> None:
    assert alerts(openmetrics(picture(row("off", "stopped", attempt=9))), NOW) == {}


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"state": "failed", "attempt": 5}, "WorkerFailed"),
        ({"state": "quarantined"}, "WorkerFailed"),
        ({"state": "backoff", "attempt": 3}, "WorkerCrashLoop"),
        ({"state": "running", "attempt": 3}, "WorkerCrashLoop"),
        ({"health": "stalled"}, "WorkerStalled"),
        ({"health": "unready"}, "WorkerNotReady"),
        ({"attention": "waiting", "attention_since": NOW - 601}, "WorkerWaitsForPerson"),
        ({"state": "pending"}, "WorkerHeldBack"),
        ({"restarts": 7}, "WorkerFlapping"),
    ],
)
def test_each_trouble_of_a_worker_raises_its_alert_and_no_other(facts: dict[str, Any], name: str) -> None:
    text = openmetrics(picture(row("well"), row("bad", **facts)))
    assert alerts(text, NOW, before=openmetrics(picture(row("well"), row("bad")))) == {name: {"bad"}}


@pytest.mark.parametrize("attention", [("waiting", 599), ("working", 601), ("idle", 601), ("held", 601)])
def test_who_waits_for_less_than_ten_minutes_or_does_not_wait_raises_none(attention: tuple[str, int]) -> None:
    word, ago = attention
    assert alerts(openmetrics(picture(row("a", attention=word, attention_since=NOW - ago))), NOW) == {}


def test_the_troubles_of_the_service_raise_their_alerts() -> None:
    assert alerts(openmetrics(picture(tmux="unreachable")), NOW) == {"PanevisorTmuxUnreachable": {""}}
    assert alerts(openmetrics(picture(degraded=("x: y",))), NOW) == {"PanevisorDegraded": {""}}
    assert alerts(openmetrics(picture()), NOW + 121) == {"PanevisorPictureOld": {""}}
    assert alerts(openmetrics(None), NOW) == {"PanevisorDown": {""}}
    assert alerts(b"# EOF\n", NOW) == {"PanevisorDown": {""}}


def test_rules_and_dashboard_ask_for_nothing_that_is_not_exported() -> None:
    facts: dict[str, Any] = {"cpu_percent": 1.0, "last_output_at": NOW, "attention": "waiting", "attention_since": NOW}
    facts |= {"log_bytes": 1}
    text = openmetrics(picture(row("a", **facts), row("b", "backoff", next_start_at=NOW)))
    exported = {name for name, _ in series(text)}
    dashboard = json.loads((ROOT / "config/grafana.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(asked) > 15
    wanted = set(re.findall(r"panevisor_\w+", " ".join([*rules().values(), *asked])))
    assert wanted - exported == set()
    labels = {"worker", "project", "state", "health", "attention", "cause", "beat", "le"}
    named = {key for expr in [*rules().values(), *asked] for key in re.findall(r"(\w+)(?:=~|!=|=)\"", expr)}
    assert named - labels == set()
