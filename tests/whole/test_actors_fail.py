"""An actor that raises is logged. One that is no Worker's ends the service, and the next one adopts every worker.

A Worker that raises is replaced: `test_every_handler`.
"""

import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kit.support import alive, rows_of, service_inside, sleepers, wait_until

from supervisor.service import Service
from supervisor.tmux import server as tmux_server

WORKERS = 5


class Poison:
    """A message that no actor knows: its handler raises."""


@pytest.fixture(autouse=True)
def _state_of_its_own(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg"))


def pids(service: Service) -> dict[str, int]:
    return {row.name: row.pid for row in rows_of(service).values() if row.state == "running" and row.pid}


def has_begun(service: Service) -> bool:
    return len(pids(service)) == WORKERS


def log(service: Service) -> str:
    return (service.place.state_dir / "service.log").read_text()


def test_a_singleton_that_raises_ends_the_service_with_70_and_the_next_one_adopts_every_worker(place: Path) -> None:
    before: dict[str, int] = {}
    for role in ("metrics", "supervisor"):  # one that has the Supervisor for its owner, and the one that has none
        with service_inside(place, sleepers(WORKERS), has_begun) as service:
            before = before or pids(service)
            assert pids(service) == before
            getattr(service.posts, role).tell(Poison())
            wait_until(lambda service=service: service.exit_codes, what="the service to end")
            assert service.exit_codes == [70]
            said = log(service)
        assert f'"event": "actor.failed", "actor": "{role}"' in said
        assert "Traceback" in said
        assert all(alive(pid) for pid in before.values())
    with service_inside(place, sleepers(WORKERS), has_begun) as service:
        assert pids(service) == before


BROKEN = {
    "its conf cannot be written": ("TMUX_CONF", "logs"),
    "its process cannot be started": ("subreaper", SimpleNamespace(__file__="/no/such/script")),
    "its birth takes too long": ("BIRTH_TIMEOUT", 0.0),
}


def test_a_tmux_server_that_cannot_be_born_is_tried_for_again_and_fails_no_actor(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service_inside(place, sleepers(WORKERS), has_begun) as service:
        revive = service.machine.terminal.revive
        for what, (part, broken) in BROKEN.items():
            before, tries = pids(service), []

            def born_again(before: dict[str, int] = before) -> bool:
                return has_begun(service) and not pids(service).items() & before.items()

            def counted(least: int, tries: list[int] = tries) -> Any:
                tries.append(1)
                return revive(least)

            with monkeypatch.context() as fault:
                fault.setattr(tmux_server, part, broken)
                fault.setattr(service.machine.terminal, "revive", counted)
                os.kill(service.machine.servers[0].pid, signal.SIGKILL)
                # another try may find a server that was late for the first; no time at all can be enough for one
                wait_until(lambda tries=tries: len(tries) > 1 or born_again(), what=f"another try when {what}")
            wait_until(born_again)
        assert '"actor.failed"' not in log(service)
