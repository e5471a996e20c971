"""An actor that raises is logged with its traceback and replaced; no worker notices."""

import errno
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
from support import DEADLINE, alive, rows_of, service_inside, sleepers, wait_until

import actors.worker
from actors.messages import Fact, Instant, Verb
from actors.requests import ConfigBroken, Order, Run
from actors.spec import Condition, PaneSize, WorkerSpec
from actors.worker_state import Step, Worker
from supervisor import private_files, records_file, tmux_server
from supervisor.service import Service
from supervisor.tmux_server import TmuxServer

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
def test_a_singleton_that_raises_is_replaced_and_every_worker_stays(service: Service, role: str) -> None:
    before = pids(service)
    post = getattr(service.posts, role)
    old = post.ref
    post.tell(Poison())
    wait_until(lambda: post.ref is not old and post.ref.is_alive(), what=f"another {role}")
    wait_until(lambda: pids(service) == before)
    seq = service.gateway.seq
    wait_until(lambda: service.gateway.seq > seq + 2, what="pictures go on")
    assert '"actor.failed"' in log(service)
    assert "Traceback" in log(service)
    assert all(alive(pid) for pid in before.values())
    assert pids(service) == before


def test_a_tree_that_is_built_again_keeps_the_tmux_server_of_now_though_its_socket_was_deleted(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was known of it when the service began is older: there was none then, or another one."""
    before, tmux, old = pids(service), service._server.process, service.posts.supervisor.ref
    assert tmux is not None
    os.unlink(service.place.state_dir / "tmux.sock")
    service.posts.supervisor.tell(Poison())
    wait_until(lambda: service.posts.supervisor.ref is not old and service.posts.supervisor.ref.is_alive())
    wait_until(lambda: pids(service) == before)
    assert service._server.process == tmux
    assert [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if is_tmux_of(service, pid)] == [tmux.pid]


def test_a_tree_that_is_built_again_shows_what_is_wrong_with_the_file_now(service: Service) -> None:
    """What was wrong with it when the service began may have been mended since, and something else broken."""
    old = service.posts.supervisor.ref
    service.posts.supervisor.tell(ConfigBroken("panevisor.toml:1: broken since"))
    wait_until(lambda: error_shown(service))
    service.posts.supervisor.tell(Poison())
    wait_until(lambda: service.posts.supervisor.ref is not old and service.posts.supervisor.ref.is_alive())
    seq = service.gateway.seq
    wait_until(lambda: service.gateway.seq > seq + 2, what="pictures of the new tree")
    assert error_shown(service) == "panevisor.toml:1: broken since"


def error_shown(service: Service) -> str | None:
    return service.gateway.snapshot.service.config.error if service.gateway.snapshot else None


def is_tmux_of(service: Service, pid: int) -> bool:
    try:
        is_server = b"\0-D" in Path(f"/proc/{pid}/cmdline").read_bytes()
        return is_server and Path(f"/proc/{pid}/cwd").readlink() == service.place.state_dir
    except OSError:
        return False


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
    [("CONF", "logs"), ("subreaper", SimpleNamespace(__file__="/no/such/script")), ("BIRTH_TIMEOUT", 0.0)],
    ids=["its conf cannot be written", "its process cannot be started", "its birth takes too long"],
)
def test_a_tmux_server_that_cannot_be_born_is_tried_for_again_and_fails_no_actor(
    service: Service, monkeypatch: pytest.MonkeyPatch, part: str, broken: Any
) -> None:
    before, tries, revive = pids(service), [], service._terminal.revive

    def counted() -> Any:
        tries.append(part)
        return revive()

    with monkeypatch.context() as fault:
        fault.setattr(tmux_server, part, broken)
        fault.setattr(service._terminal, "revive", counted)
        os.kill(service._server.pid, signal.SIGKILL)
        wait_until(lambda: len(tries) > 2, what="another try")
    wait_until(lambda: len(pids(service)) == WORKERS and pids(service) != before)
    assert '"actor.failed"' not in log(service)


def test_an_actor_that_fails_again_and_again_ends_the_service_with_the_workers_running(
    service: Service, place: Path
) -> None:
    before = pids(service)
    for _ in range(6):
        old = service.posts.terminal.ref
        service.posts.terminal.tell(Poison())
        # a message to the dead one would be dropped, and one failure too few counted
        wait_until(lambda old=old: service.posts.terminal.ref is not old or '"service.crashed"' in log(service))
    wait_until(lambda: '"service.crashed"' in log(service))
    assert all(alive(pid) for pid in before.values())
    os.kill(TmuxServer(service.place.state_dir, PaneSize()).ensure().pid, signal.SIGKILL)
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)


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
    seq = service.gateway.seq
    wait_until(lambda: service.gateway.seq > seq + 1 and rows_of(service)["p"].reason == reason)


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


def test_records_are_repaired_though_the_ticker_was_replaced_meanwhile(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, full = private_files.write_all, threading.Event()

    def fails(descriptor: int, content: bytes) -> None:
        if full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        write(descriptor, content)

    for module in (private_files, records_file):
        monkeypatch.setattr(module, "write_all", fails)
    full.set()
    service.ask(Order(Verb.STOP, ("w0",)), 10)
    wait_until(lambda: '"service.degraded"' in log(service))
    old = service.posts.ticker.ref
    service.posts.ticker.tell(Poison())
    wait_until(lambda: service.posts.ticker.ref is not old)
    full.clear()
    wait_until(lambda: '"service.recovered"' in log(service))
