"""The one picture: exactly the keys of the contract, null for what is not known, and nobody can change it."""

import json
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from actors.events.words import iso
from actors.life.budget import Budget
from actors.life.screen import Screen
from actors.life.state import Ending, Life, Phase, State, Worker
from actors.values.facts import Exit, Handle, Instant
from actors.values.snapshot import SCHEMA, Audience, Config, Host, Row, Service, Snapshot, row_of
from actors.values.spec import Condition, WorkerSpec

NOW = Instant(1000.0, 1_700_000_000.0)
ROOT = Handle(100, 1)

# status -o json, as the contract has it
TOP = {"schema", "seq", "supervisor", "host", "totals", "workers"}
SUPERVISOR = {
    *(
        "pid",
        "version",
        "started_at",
        "uptime_s",
        "kept_by",
        "state_dir",
        "socket",
        "tmux_socket",
        "tick",
        "tick_ms",
        "overruns",
    ),
    *("tmux", "degraded", "subscribers", "broadcast_bytes", "beats", "config"),
}
CONFIG = {"path", "digest", "loaded_at", "changed_on_disk", "error"}
HOST = {"load", "memory_available_bytes", "cpu_percent"}
WORKER = {
    *(
        "name",
        "project",
        "labels",
        "state",
        "health",
        "pid",
        "pane",
        "life",
        "since",
        "started_at",
        "uptime_s",
        "restarts",
    ),
    *(
        "attempt",
        "max_restarts",
        "next_start_at",
        "exit_code",
        "exit_signal",
        "exited_at",
        "exits",
        "reason",
        "depends_on",
    ),
    *("rss_bytes", "cpu_percent", "processes", "last_output_at", "screen_bytes", "log_path", "log_bytes"),
    *("queued_input", "hands_on", "reported_at"),
    *("attention", "attention_by", "attention_since", "attention_text", "held_until", "cost", "tokens"),
}
NULL_IF_UNKNOWN = {
    *(
        "health",
        "pid",
        "pane",
        "life",
        "started_at",
        "uptime_s",
        "next_start_at",
        "exit_code",
        "exit_signal",
        "exited_at",
    ),
    *("rss_bytes", "cpu_percent", "processes", "last_output_at", "screen_bytes", "log_bytes", "reported_at"),
    *("attention", "attention_by", "attention_since", "held_until", "cost", "tokens"),
}


def worker(state: State = State.PENDING, **known: Any) -> Worker:
    spec = known.pop("spec", WorkerSpec(name="api", command="x", cwd="/"))
    return Worker(spec=spec, seed="s", state=state, since=NOW, **known)


def life(phase: Phase = Phase.ALIVE, process: Handle | None = ROOT) -> Life:
    return Life(id="s-1", phase=phase, since=Instant(990.0, NOW.wall - 10), answered=0.0, process=process)


def running(**known: Any) -> Worker:
    return worker(State.RUNNING, **({"life": life(), "pane": "%1"} | known))


def row(w: Worker) -> Row:
    return row_of(w, log_path="/logs/api.log", log_bytes=None)


def shown(w: Worker) -> dict[str, Any]:
    return row(w).to_dict(NOW.wall)


def service(**known: Any) -> Service:
    facts: dict[str, Any] = {"pid": 7, "version": "1", "started_at": NOW.wall - 60}
    facts |= {"state_dir": "/s", "socket": "/s/socket", "tmux_socket": "/s/tmux.sock"}
    facts |= {"config": Config(path="/c.toml", digest="abc")}
    return Service(**(facts | known))


def picture(*workers: Worker) -> Snapshot:
    return Snapshot(3, NOW, service(), Host(), {w.name: row(w) for w in workers})


def named(name: str, project: str = "") -> WorkerSpec:
    return WorkerSpec(name=name, command="x", cwd="/", project=project)


# the contract


def test_the_picture_has_exactly_the_keys_of_the_contract() -> None:
    data = picture(running()).to_dict(Audience(2, 4096))
    assert data.keys() == TOP
    assert data["supervisor"].keys() == SUPERVISOR
    assert data["supervisor"]["config"].keys() == CONFIG
    assert data["host"].keys() == HOST
    assert [w.keys() for w in data["workers"]] == [WORKER]
    assert (data["schema"], data["seq"]) == (SCHEMA, 3)
    assert (data["supervisor"]["subscribers"], data["supervisor"]["broadcast_bytes"]) == (2, 4096)
    assert data["supervisor"]["uptime_s"] == 60.0


@pytest.mark.parametrize("state", [state for state in State if state is not State.UNBORN])
def test_a_row_has_exactly_the_keys_of_the_contract_in_each_state(state: State) -> None:
    assert shown(worker(state)).keys() == WORKER
    assert shown(worker(state))["state"] == state.value


def test_the_picture_is_plain_json() -> None:
    spec = replace(named("api"), labels=(("tier", "web"),), depends_on=(("db", Condition.READY),))
    data = picture(running(spec=spec, exit=Exit(1, None, 5.0), screen=Screen.of(b"x"))).to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert (data["workers"][0]["labels"], data["workers"][0]["depends_on"]) == ({"tier": "web"}, ["db"])


def test_times_are_iso_8601_in_utc() -> None:
    assert iso(1_700_000_000.1234) == "2023-11-14T22:13:20.123Z"
    assert iso(None) is None


# what is not known


def test_what_is_not_known_is_null_and_never_0() -> None:
    data = shown(worker())
    assert {key for key, value in data.items() if value is None} == NULL_IF_UNKNOWN


@pytest.mark.parametrize("phase", [Phase.ORDERED, Phase.UNKNOWN, Phase.ENDED])
def test_a_process_that_is_not_known_to_live_is_not_shown(phase: Phase) -> None:
    data = shown(running(life=life(phase, ROOT if phase is Phase.ENDED else None)))
    assert (data["pid"], data["uptime_s"], data["life"]) == (None, None, "s-1")


def test_a_clock_that_was_set_back_makes_no_negative_uptime() -> None:
    assert row(running()).to_dict(NOW.wall - 3600)["uptime_s"] == 0.0
    assert service().to_dict(NOW.wall - 3600, Audience())["uptime_s"] == 0.0


def test_what_verdicts_go_by_is_in_the_row_but_not_for_readers() -> None:
    ending = Ending(life="s-0", process=None, last=(), steps=())
    seen = row(worker(State.STOPPED, ending=ending, order=7))
    assert (seen.order, seen.draining) == (7, True)
    assert not {"order", "draining"} & seen.to_dict(0.0).keys()


# totals


def test_totals_count_states_and_add_up_what_is_known() -> None:
    totals = picture(
        running(spec=named("a"), rss_bytes=100, cpu_percent=1.25, budget=Budget(1, 3)),
        running(spec=named("b"), rss_bytes=50, cpu_percent=2.5, budget=Budget(0, 1)),
        running(spec=named("c")),
        worker(State.FAILED, spec=named("d")),
    ).to_dict()["totals"]
    assert totals == {
        "workers": 4,
        "running": 3,
        "failed": 1,
        "rss_bytes": 150,
        "cpu_percent": 3.8,
        "restarts": 4,
    }


def test_totals_of_nothing_are_0() -> None:
    assert picture().to_dict()["totals"] == {"workers": 0, "rss_bytes": 0, "cpu_percent": 0, "restarts": 0}
    assert picture(worker(State.STOPPED)).to_dict()["totals"]["rss_bytes"] == 0


# one picture


def test_a_project_is_the_same_picture_of_fewer_workers() -> None:
    whole = picture(worker(spec=named("a", "web")), worker(spec=named("b", "db")))
    part = whole.of_project("web")
    assert ([*part.rows], part.seq, part.at, part.to_dict()["totals"]["workers"]) == (["a"], 3, NOW, 1)
    assert [*whole.rows] == ["a", "b"]
    assert [*whole.of_project("none").rows] == []


def test_nobody_can_change_a_picture() -> None:
    snapshot: Any = picture(running())
    with pytest.raises(FrozenInstanceError):
        snapshot.seq = 4
    with pytest.raises(TypeError):
        snapshot.rows["api"] = None
    with pytest.raises(FrozenInstanceError):
        snapshot.rows["api"].state = "failed"
