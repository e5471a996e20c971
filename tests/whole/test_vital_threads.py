"""A thread that the service cannot do without takes the service with it: logged, exit code 70, the workers live on."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.support import DEADLINE, Site, alive, rows_of, service_inside, sleepers, wait_until

from actors.values.requests import Apply
from actors.values.spec import PaneSize
from actors.vital import VitalThread
from supervisor.config.load import load
from supervisor.service import FAILED, Service
from supervisor.state.status import read_status
from supervisor.tmux.server import TmuxServer
from supervisor.wire.client import Client

WORKERS = 3
NEEDED = {"clock", "loop", "processes", "pane-sweeper", "tree-sweeper", "gateway", "probes", "log"}
NEEDED |= {f"actor-{role}" for role in ("supervisor", "terminal")}


def dies(*_: Any) -> None:
    raise SystemExit("on purpose")


def pids(service: Service) -> dict[str, int]:
    return {row.name: row.pid for row in rows_of(service).values() if row.state == "running" and row.pid}


def test_the_death_of_any_thread_that_is_needed_ends_the_service_with_its_workers_running(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a vital thread does when it dies is one piece of code: one of them dies here for all."""
    run, codes = Service.run, []
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    monkeypatch.setattr(Service, "run", lambda service: codes.append(run(service)))
    with service_inside(place, sleepers(WORKERS), lambda service: len(pids(service)) == WORKERS) as service:
        before, state = pids(service), service.place.state_dir
        assert {each.name for each in threading.enumerate() if isinstance(each, VitalThread)} >= NEEDED
        service.machine.gateway._call(dies)
        wait_until(lambda: codes, what="the end of the service")
        log = (state / "service.log").read_text()
        assert codes == [FAILED]
        assert '"event": "service.thread_died", "thread": "gateway"' in log
        assert "in dies" in log
        assert read_status(state / "status.json").verdict == "crashed"
        assert all(alive(pid) for pid in before.values())
        os.kill(TmuxServer(state, PaneSize()).ensure().pid, signal.SIGKILL)
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def service(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    with service_inside(place, sleepers(1), lambda service: len(pids(service)) == 1) as service:
        yield service


def test_an_older_file_never_follows_a_newer_one_whoever_asks(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGHUP has read the old file and is slow; the socket's `apply` reads the new one meanwhile."""
    read, go_on, applied = threading.Event(), threading.Event(), []
    old, file = load(service.place.config), service.place.config
    ask = service.ask

    def slow(message: Any, timeout: float) -> Any:
        if isinstance(message, Apply):
            if message.config_digest == old.digest and not read.is_set():
                read.set()
                go_on.wait(DEADLINE)
            applied.append(message.config_digest)
        return ask(message, timeout)

    monkeypatch.setattr(service, "ask", slow)
    monkeypatch.setattr(service.machine.gateway, "_ask", slow)
    service._signalled(signal.SIGHUP)
    assert read.wait(DEADLINE)
    file.write_text(file.read_text() + sleepers(2).replace("[workers.w", "[workers.n"))
    by_socket = threading.Thread(target=lambda: client_apply(service))
    by_socket.start()
    by_socket.join(1.0)  # it waits for its turn; where it has none it is done by now
    go_on.set()
    by_socket.join(DEADLINE)
    wait_until(lambda: len(applied) == 2)
    assert applied == [old.digest, load(file).digest]
    wait_until(lambda: len(pids(service)) == 1 + 2)


def client_apply(service: Service) -> None:
    with Client.connect(service.place.socket) as client:
        client.call("apply")


def test_a_hangup_needs_no_thread_that_is_not_there_already(site: Site) -> None:
    """All that a service needs while it runs is there when it begins."""
    site.write(sleepers(1))
    site.up()
    pid = site.service_pid()
    names = lambda: len(os.listdir(f"/proc/{pid}/task"))  # noqa: E731
    before = names()
    for number in range(3):
        site.write(sleepers(2 + number))
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda number=number: len(site.truth()) == 2 + number)
        site.run("stop", "w0", check=0)
        site.run("start", "w0", check=0)
        site.run("plan")
    wait_until(lambda: names() == before, what="no more threads than before")
