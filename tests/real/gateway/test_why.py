"""`why` over the wire, and the command that prints it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.gateway_bench import Bench, row

from actors.values.records import Intent
from actors.values.requests import Inspect, Inspection, RequestRefused
from actors.values.snapshot import Entry
from actors.values.spec import WorkerSpec
from supervisor.command_line import run
from supervisor.wire.client import ServiceError

SPEC = WorkerSpec(
    name="api", command="serve --token=SECRET", cwd="/", env=(("KEY", "SECRET"),), stop=("TERM", 10.0, "KILL")
)


def happened(number: int, event: str = "worker.ready", **facts: Any) -> Entry:
    return Entry(number, float(number), event, "info", facts)


def inspection(request: Any, _timeout: float) -> object:
    assert isinstance(request, Inspect)
    if request.name == "gone":
        raise RequestRefused("unknown-worker", "no such worker: gone")
    return Inspection(spec=SPEC, intent=Intent.WANTED, gate=None, dependencies=(), blockers=(), closing=False)


@pytest.fixture
def bench(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg-state"))
    monkeypatch.chdir(place)
    (place / "panevisor.toml").write_text('[supervisor]\nstate_dir = "st"\n')
    (place / "st").mkdir()
    bench = Bench(place / "st" / "panevisor.sock", answer=inspection)
    yield bench
    bench.close()


def test_the_wire_tells_row_policy_and_history_but_no_command_and_no_environment(bench: Bench) -> None:
    bench.publish(1, row("api"), row("gone"))
    bench.gateway.activity((happened(2, worker="api", to="running"), happened(1, "tmux.died", pid=3)))
    answer = bench.client().call("why", name="api")
    assert answer["worker"]["name"] == "api"
    assert answer["policy"]["stop"] == ["TERM", 10.0, "KILL"]
    assert not {"command", "env", "cwd"} & answer["policy"].keys()
    assert "SECRET" not in json.dumps(answer)
    assert [(entry["event"], entry["facts"]) for entry in answer["history"]] == [
        ("worker.ready", {"worker": "api", "to": "running"})
    ]
    assert (answer["intent"], answer["gate"], answer["draining"], answer["tmux"]) == ("wanted", None, False, "ok")


def test_the_wire_refuses_whom_it_does_not_know_and_no_name(bench: Bench) -> None:
    bench.publish(1, row("api"), row("gone"))
    for name, code in (("nobody", "unknown-worker"), ("gone", "unknown-worker"), ("", "usage"), (5, "usage")):
        with pytest.raises(ServiceError) as refused:
            bench.client().call("why", name=name)
        assert refused.value.code == code


def test_the_command_prints_the_same_as_text_and_as_json(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.publish(1, row("api"))
    assert run(["-c", "panevisor.toml", "why", "api"]) == 0
    text = capsys.readouterr().out
    assert run(["-c", "panevisor.toml", "why", "api", "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["next"] == {"what": "nothing: it runs until it ends or a person ends it", "at": None}
    assert "panevisor -c panevisor.toml stop api" in found["can"]
    for told in (found["next"]["what"], *found["can"]):
        assert told in text
    assert run(["why", "apl"]) == 4
    assert '(did you mean "api"?)' in capsys.readouterr().err
    bench.publish(2, row("api"), row("app", project="p"))
    assert run(["why", "a*"]) == 0
    heads = [line for line in capsys.readouterr().out.splitlines() if ": running" in line]
    assert [head.split(":")[0] for head in heads] == ["api", "app"]
    assert run(["why", "-p", "p", "-o", "json"]) == 0
    assert [found["worker"]["name"] for found in json.loads(capsys.readouterr().out)] == ["app"]
    assert run(["why"]) == 2
