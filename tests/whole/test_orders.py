"""Orders that meet each other, or a failing actor: each is carried out or refused, answered, and kept on disk."""

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.support import DEADLINE, Site, alive, rows_of, service_inside, sleepers, wait_until

import actors.worker
from actors.life.state import State
from actors.values.facts import Ordered, Typed, Verb
from actors.values.requests import Accepted, Apply, Order, RequestRefused, Run, ShutDown
from actors.values.spec import Condition, WorkerSpec
from supervisor.config.load import load
from supervisor.service import Service
from supervisor.wire.client import Client, ServiceError

WORKERS = 5
DEAF = {
    "command": ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"],
    "policy": {"stop": ["TERM", "3s", "KILL"]},
}


@pytest.fixture
def service(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    all_running = ["running"] * WORKERS
    with service_inside(place, sleepers(WORKERS), lambda s: list(states(s).values()) == all_running) as service:
        yield service


def states(service: Service) -> dict[str, str]:
    return {row.name: row.state for row in rows_of(service).values()}


def pids(service: Service) -> dict[str, int | None]:
    return {row.name: row.pid for row in rows_of(service).values()}


def log(service: Service) -> str:
    return (service.place.state_dir / "service.log").read_text()


def raises_once(monkeypatch: pytest.MonkeyPatch, when: Callable[[Any, Any], bool]) -> threading.Event:
    """Let a Worker's handler raise at the first fact for which `when(worker, fact)` is true."""
    step, raised = actors.worker.step, threading.Event()

    def raises(worker: Any, fact: Any, now: Any) -> Any:
        if not raised.is_set() and when(worker, fact):
            raised.set()
            raise RuntimeError("on purpose")
        return step(worker, fact, now)

    monkeypatch.setattr(actors.worker, "step", raises)
    return raised


def waiting_workers(service: Service, count: int) -> tuple[WorkerSpec, ...]:
    """Define workers that wait for one that does not exist."""
    on = (("nobody", Condition.READY),)
    specs = tuple(WorkerSpec(name=f"p{n}", command=("sleep", "5"), cwd="/", depends_on=on) for n in range(count))
    for spec in specs:
        service.ask(Run(spec), 10.0)
    wait_until(lambda: list(states(service).values()).count("pending") == count)
    return specs


# ── orders that meet each other ───────────────────────────────────────────────────────────────────────────────────


def test_many_removals_at_once_leave_no_name_burnt_and_a_file_brings_back_what_is_just_being_removed(
    service: Service,
) -> None:
    specs = waiting_workers(service, 40)
    names = tuple(spec.name for spec in specs)
    ref = service.posts.supervisor.ref
    assert ref is not None
    asked = [ref.ask(Order(Verb.REMOVE, names), block=False) for _ in range(3)]
    for future in asked:
        try:
            future.get(timeout=DEADLINE)
        except RequestRefused as refused:
            assert refused.code == "unknown-worker"  # noqa: PT017
    wait_until(lambda: len(states(service)) == WORKERS)
    for spec in specs:
        service.ask(Run(spec), 10.0)
    wait_until(lambda: len(states(service)) == WORKERS + 40)

    first = ref.ask(Order(Verb.REMOVE, names), block=False)
    second = ref.ask(Apply(load(service.place.config).workers + specs, "x", True), block=False)
    first.get(timeout=DEADLINE)
    assert isinstance(second.get(timeout=DEADLINE), Accepted)
    with Client.connect(service.place.socket) as client:  # all that went before has been handled by then
        client.call("restart", names=["w0"], wait=10.0)
    assert {spec.name for spec in specs} <= states(service).keys()


@pytest.mark.long
def test_a_stop_that_waits_for_its_turn_outlives_an_unchanged_file_and_the_service(site: Site) -> None:
    deaf = "command = \"trap '' TERM; while :; do sleep 0.1; done\"\nstop = ['TERM', '3s', 'KILL']\n"
    site.write(f"[workers.db]\ncommand = ['sleep', '1000']\n[workers.api]\n{deaf}depends_on = ['db']\n")
    site.up()
    site.run("stop", "--all", "--no-wait", check=0)
    site.wait_state("api", "stopping", "stopped")
    site.run("apply", "--no-wait", check=0)
    site.wait_state("db", "stopped")
    ended = [line["worker"] for line in site.events() if line.get("to") == "stopped"]
    assert ended == ["api", "db"]

    site.run("start", "--all", check=0)
    site.run("stop", "--all", "--no-wait", check=0)
    site.kill_service()
    site.up()
    site.wait_state("db", "stopped")
    site.wait_state("api", "stopped")
    assert site.truth() == {}


def test_what_was_removed_stays_so_on_disk_and_comes_back_when_the_file_that_has_it_is_applied(site: Site) -> None:
    site.write("[workers.x]\ncommand = ['sleep', '1000']\nprotected = true\n")
    site.up()
    names = [f"j{n}" for n in range(20)]
    for name in names:
        site.run("run", "--name", name, "--restart", "never", "--no-wait", "--", "true", check=0)
    wait_until(lambda: {w["state"] for w in site.workers().values()} == {"running", "completed"})
    wait_until(lambda: all(site.worker(name)["state"] == "completed" for name in names))
    site.run("remove", "j*", check=0)
    wait_until(lambda: all(intents_on_record(site)[name][-1] is None for name in names))
    for name in names:
        intents = intents_on_record(site)[name]
        assert set(intents[intents.index("removed") :]) == {"removed", None}

    assert "protected: x" in site.run("remove", "x", check=6).stderr
    site.run("remove", "x", "--force", check=0)
    site.run("apply", check=0)
    pid = site.worker("x")["pid"]
    site.run("remove", "x", "--no-wait", "--force", check=0)
    site.kill_service()
    if alive(pid):
        os.kill(pid, 9)
    site.up()
    site.wait_state("x", "running")

    site.write("")
    assert "protected: x" in site.run("apply", check=6).stderr
    assert "protected: x" in site.run("plan", check=10).stderr
    site.run("apply", "--force", check=0)
    assert site.workers() == {}

    bad = os.fsdecode(b"\xff")
    for arguments in (("run", "--name", "u", "--", "echo", bad), ("send", bad, "x"), ("why", bad)):
        done = site.run(*arguments, alone=True)
        assert done.returncode in (2, 4)
        assert "Traceback" not in done.stderr
    assert "not UTF-8" in site.run("run", "--name", "u", "--", "echo", bad, check=2).stderr


def intents_on_record(site: Site) -> dict[str, list[str | None]]:
    """Return by worker what its lines in the records say of its intent, in their order; None where it is forgotten."""
    told: dict[str, list[str | None]] = {}
    for line in map(json.loads, (site.state / "records.jsonl").read_text().splitlines()):
        if name := line.get("worker") or line.get("of"):
            said = line.get("record") or line.get("state")
            told.setdefault(name, []).append(said and said["intent"])
    return told


# ── orders that cannot be written ─────────────────────────────────────────────────────────────────────────────────

UNRECORDED = "done, but not on record: "
ORDERS = [
    ("stop", "w0"),
    ("start", "w0"),
    ("restart", "w0"),
    ("complete", "w0"),
    ("remove", "w0"),
    ("run", "--name", "by-hand", "--", "sleep", "1000"),
    ("scale", "many", "3"),
    ("apply",),
    ("up",),
]


@contextlib.contextmanager
def records_unwritable(site: Site) -> Iterator[None]:
    """A directory stands where the records file was: what is appended, and what is written whole, is refused."""
    records = site.state / "records.jsonl"
    records.rename(site.state / "elsewhere")
    records.mkdir()
    try:
        yield
    finally:
        records.rmdir()


def degraded(site: Site) -> list[str]:
    found: list[str] = site.status()["supervisor"]["degraded"]
    return found


def test_an_order_whose_record_cannot_be_written_is_done_and_says_so(site: Site) -> None:
    site.write(sleepers(2) + "[workers.many]\ncommand = ['sleep', '1000']\nreplicas = 2\n")
    site.up()
    with records_unwritable(site):
        for order in ORDERS:
            done = site.run(*order, check=1)
            assert f"{UNRECORDED}{site.state}/records.jsonl: " in done.stderr, order
        with Client.connect(site.state / "panevisor.sock") as client:
            assert "records.jsonl" in client.call("stop", names=["w1"], wait=10.0)["unrecorded"]
        site.wait_state("w1", "stopped")
        wait_until(lambda: any(what.startswith("records: ") for what in degraded(site)))
    wait_until(lambda: not degraded(site))
    (site.state / "records.jsonl").unlink()  # it can be written again at once
    done = site.run("stop", "by-hand", check=0)
    assert UNRECORDED not in done.stderr
    done = site.run("start", "w0", check=0)
    assert UNRECORDED not in done.stderr
    site.kill_service()
    site.up()
    states = {name: worker["state"] for name, worker in site.workers().items()}
    assert (states.pop("w1"), states.pop("by-hand")) == ("stopped", "stopped")
    assert states == dict.fromkeys(["w0", "many-1", "many-2", "many-3"], "running")


# ── orders that meet a failing actor ──────────────────────────────────────────────────────────────────────────────


TOLD: dict[str, Callable[[Any, Any], bool]] = {
    "told": lambda worker, fact: isinstance(fact, Ordered),
    "stopping": lambda worker, fact: worker.state is State.STOPPING,
}


def test_an_order_is_carried_out_and_answered_though_its_worker_fails(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pids(service)
    with Client.connect(service.place.socket) as client:
        for name, verb, when, state in (
            ("w1", "stop", "told", "stopped"),
            ("w2", "stop", "stopping", "stopped"),
            ("w3", "restart", "told", "running"),
        ):
            raised = raises_once(monkeypatch, lambda w, f, name=name, when=when: w.name == name and TOLD[when](w, f))
            (verdict,) = client.call(verb, names=[name], wait=10.0)["verdicts"]
            assert raised.is_set()
            assert (verdict["ok"], verdict["state"]) == (True, state), (name, verb, when)
        assert pids(service)["w3"] != before["w3"]
        raises_once(monkeypatch, lambda w, f: w.name == "w4" and isinstance(f, Typed))
        with pytest.raises(ServiceError, match="may have been typed"):
            client.call("send", name="w4", content="x", wait=20.0)


@pytest.mark.parametrize("when", ["told", "stopping"])
def test_going_down_ends_though_the_last_worker_fails(
    service: Service, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    with Client.connect(service.place.socket) as client:
        client.call("stop", names=["w0", "w1", "w3", "w4"], wait=10.0)
    raised = raises_once(monkeypatch, lambda w, f: w.name == "w2" and TOLD[when](w, f))
    service.posts.supervisor.tell(ShutDown(keep_workers=False))
    wait_until(lambda: '"service.stopped"' in log(service))
    assert raised.is_set()
