"""An actor that raises is logged with its traceback and replaced; no worker notices."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import alive, rows_of, service_inside, sleepers, wait_until

import actors.worker
from actors.spec import PaneSize
from supervisor.service import Service
from supervisor.tmux_server import TmuxServer

pytestmark = pytest.mark.timeout(60)
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
