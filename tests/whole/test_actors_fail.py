"""An actor that raises is logged. A Worker is replaced, any other ends the service; no process of a worker notices."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pykka
import pytest
from kit.support import DEADLINE, alive, rows_of, service_inside, sleepers, wait_until

import actors.worker
from actors.life.state import Step, Worker
from actors.values.facts import Fact, Instant, Verb
from actors.values.requests import Order, Run
from actors.values.spec import Condition, WorkerSpec
from supervisor.service import Service
from supervisor.tmux import server as tmux_server

WORKERS = 5


class Poison:
    """A message that no actor knows: its handler raises."""


@pytest.fixture
def service(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    with service_inside(place, sleepers(WORKERS), lambda service: len(pids(service)) == WORKERS) as service:
        yield service


def pids(service: Service) -> dict[str, int]:
    return {row.name: row.pid for row in rows_of(service).values() if row.state == "running" and row.pid}


def log(service: Service) -> str:
    return (service.place.state_dir / "service.log").read_text()


@pytest.mark.parametrize("role", ["terminal", "ticker", "metrics", "supervisor"])
def test_a_singleton_that_raises_ends_the_service_with_70_and_the_next_one_adopts_every_worker(
    place: Path, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    begun = lambda service: len(pids(service)) == WORKERS  # noqa: E731
    with service_inside(place, sleepers(WORKERS), begun) as service:
        before = pids(service)
        getattr(service.posts, role).tell(Poison())
        wait_until(lambda: service.exit_codes, what="the service to end")
        assert service.exit_codes == [70]
        said = log(service)
    assert '"actor.failed"' in said
    assert "Traceback" in said
    assert all(alive(pid) for pid in before.values())
    with service_inside(place, sleepers(WORKERS), begun) as service:
        assert pids(service) == before


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, KeyboardInterrupt])
def test_a_worker_that_raises_adopts_its_pane_and_takes_nobody_along(
    service: Service, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    before = pids(service)
    step, raised = actors.worker.step, []

    def raises_once(worker: Any, fact: Any, now: Any) -> Any:
        if worker.name == "w2" and not raised:
            raised.append(fact)
            raise error("on purpose")
        return step(worker, fact, now)

    monkeypatch.setattr(actors.worker, "step", raises_once)
    wait_until(lambda: '"worker.adopted"' in log(service))
    wait_until(lambda: pids(service) == before)
    assert "on purpose" in log(service)
    assert log(service).count('"actor.failed"') == 1


@pytest.mark.parametrize(
    ("part", "broken"),
    [("TMUX_CONF", "logs"), ("subreaper", SimpleNamespace(__file__="/no/such/script")), ("BIRTH_TIMEOUT", 0.0)],
    ids=["its conf cannot be written", "its process cannot be started", "its birth takes too long"],
)
def test_a_tmux_server_that_cannot_be_born_is_tried_for_again_and_fails_no_actor(
    service: Service, monkeypatch: pytest.MonkeyPatch, part: str, broken: Any
) -> None:
    before, tries, revive = pids(service), [], service.machine.terminal.revive

    def counted() -> Any:
        tries.append(part)
        return revive()

    with monkeypatch.context() as fault:
        fault.setattr(tmux_server, part, broken)
        fault.setattr(service.machine.terminal, "revive", counted)
        os.kill(service.machine.server.pid, signal.SIGKILL)
        wait_until(lambda: len(tries) > 1, what="another try")  # which may find a server that was late for the first
    wait_until(lambda: len(pids(service)) == WORKERS and pids(service) != before)
    assert '"actor.failed"' not in log(service)


def test_a_replaced_pending_worker_is_told_again_what_holds_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = WorkerSpec(name="p", command=("sleep", "5"), cwd="/", depends_on=(("nobody", Condition.READY),))
    service.ask(Run(spec), 10)
    wait_until(lambda: "p" in rows_of(service) and rows_of(service)["p"].reason)
    reason, step, raised = rows_of(service)["p"].reason, actors.worker.step, threading.Event()

    def raises_once(worker: Worker, fact: Fact, now: Instant) -> Step:
        if worker.name == "p" and not raised.is_set():
            raised.set()
            raise RuntimeError("on purpose")
        return step(worker, fact, now)

    monkeypatch.setattr(actors.worker, "step", raises_once)
    assert raised.wait(DEADLINE)
    wait_until(lambda: '"actor.failed"' in log(service))
    seq = service.machine.gateway.seq
    wait_until(lambda: service.machine.gateway.seq > seq + 1 and rows_of(service)["p"].reason == reason)


def test_an_order_never_comes_before_an_actor_has_begun(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = pykka.Actor._actor_loop_setup

    def late(self: Any) -> None:
        time.sleep(0.05)
        begin(self)

    monkeypatch.setattr(pykka.Actor, "_actor_loop_setup", late)
    service.ask(Run(WorkerSpec(name="n", command=("sleep", "1000"), cwd="/")), 10)
    service.ask(Order(Verb.STOP, ("n",)), 10)
    wait_until(lambda: "n" in rows_of(service) and rows_of(service)["n"].state == "stopped")
    assert '"actor.failed"' not in log(service)


def test_a_worker_that_is_stopped_while_it_says_its_last_word_does_not_run(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, gone, go_on = actors.worker.WorkerActor._finish, threading.Event(), threading.Event()

    def late(self: actors.worker.WorkerActor) -> None:
        gone.set()
        go_on.wait(DEADLINE)
        finish(self)

    monkeypatch.setattr(actors.worker.WorkerActor, "_finish", late)
    service.ask(Order(Verb.REMOVE, ("w0",)), 10)
    assert gone.wait(DEADLINE)
    service.ask(Order(Verb.STOP, ("w0",)), 10)
    go_on.set()
    wait_until(lambda: "w0" in rows_of(service) and rows_of(service)["w0"].state == "stopped")
