"""Nothing grows: ad-hoc workers come, crash and go, and every table of the service is as large as before."""

import gc
import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from kit.support import rows_of, service_inside, wait_until

from actors.base import Supervised
from actors.crowd.turn import Roster
from actors.values.facts import Verb
from actors.values.requests import Order, Run
from actors.values.spec import Backoff, WorkerSpec
from supervisor.gateway.histories import Histories
from supervisor.gateway.pictures import Pictures
from supervisor.gateway.server import Gateway
from supervisor.kernel.trees import ProcessPort
from supervisor.logs.segments import Segments
from supervisor.probes.pool import ProbePool
from supervisor.service import Service
from supervisor.state.deaths import DeathRecords
from supervisor.state.place import DEATHS
from supervisor.state.records import RecordsFile
from supervisor.tmux.sweep import PaneSweeper

OWNERS = (Supervised, Gateway, Histories, PaneSweeper, Pictures, ProbePool, ProcessPort, RecordsFile, Segments)
OWNERS += (DeathRecords,)
RING = {"_feed", "feed", "_failures"}  # of a fixed length, and full at some time


@pytest.fixture
def service(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    stays = "[workers.stays]\ncommand = ['sleep', '1000']\n"
    gc.freeze()  # what is there by now is none of this service's, and is not looked through again and again
    with service_inside(place, stays, lambda service: states(service) == {"stays": "running"}) as service:
        yield service
    gc.unfreeze()


def states(service: Service) -> dict[str, str]:
    return {row.name: row.state for row in rows_of(service).values()}


def cycle(service: Service, number: int) -> None:
    """Ten workers start, crash until they are failed, and are removed."""
    names = tuple(f"job{number}-{n}" for n in range(10))
    for name in names:
        spec = WorkerSpec(name=name, command="echo x; exit 3", cwd="/", max_restarts=1, backoff=Backoff(initial=0.001))
        service.ask(Run(spec), 10.0)
    wait_until(lambda: all(states(service).get(name) == "failed" for name in names))
    # it is made with the first record, and none is written of a worker that is removed before its last words are known
    wait_until((service.place.state_dir / DEATHS).exists)
    service.ask(Order(Verb.REMOVE, names), 10.0)
    wait_until(lambda: states(service) == {"stays": "running"})


def tables(service: Service) -> dict[str, int]:
    """Return how many entries each table of each actor and adapter of this service has."""
    sizes: dict[str, int] = {}
    for owner in gc.get_objects():
        if isinstance(owner, OWNERS) and belongs(owner, service):
            for key, value in (*vars(owner).items(), *parts(owner)):
                if isinstance(value, Mapping | set | frozenset | deque | list) and key not in RING:
                    where = f"{type(owner).__name__}.{key}"
                    sizes[where] = sizes.get(where, 0) + len(value)
    return sizes


def parts(owner: Any) -> Iterator[tuple[str, Any]]:
    for part in vars(owner).values():
        if isinstance(part, Roster):
            yield from ((field.name, getattr(part.crowd, field.name)) for field in fields(part.crowd))
            yield "unheard", [news for member in part.crowd.values() for news in member.unheard]


def belongs(owner: Any, service: Service) -> bool:
    """Claim that it is a living actor of this service, or an adapter: another test's service may be in this process."""
    if isinstance(owner, Supervised):
        around = getattr(owner, "_deps", None)
        journal = around.journal if around else owner._journal  # type: ignore[attr-defined]
        return journal is service.machine.log and not owner.actor_stopped.is_set()
    pictures = service.machine.gateway.pictures
    return owner in (pictures, pictures.histories, *vars(service.machine).values())


def measured(service: Service) -> dict[str, int]:
    state = service.place.state_dir
    files = sum(1 for path in state.rglob("*") if "stays" not in path.name and not path.name.endswith(".tmp"))
    counts = {"threads": threading.active_count(), "fds": len(os.listdir("/proc/self/fd")), "files": files}
    return tables(service) | counts


def at_most(service: Service) -> dict[str, int]:
    """Return the most of each while ten pictures are made: what goes up and down with the beats is no growth."""
    assert service.machine.gateway.snapshot is not None
    most, last = measured(service), service.machine.gateway.snapshot.seq + 10

    def seen() -> bool:
        for name, count in measured(service).items():
            most[name] = max(count, most.get(name, 0))
        return service.machine.gateway.snapshot.seq >= last

    wait_until(seen)
    return most


@pytest.mark.long
def test_workers_that_come_and_go_leave_every_table_as_it_was(service: Service) -> None:
    cycle(service, 0)
    wait_until(lambda: not any(service.place.state_dir.rglob("*job*")))
    before = at_most(service)
    for number in (1, 2):
        cycle(service, number)

    def as_before() -> bool:
        return all(count <= before.get(name, 0) for name, count in measured(service).items())

    try:
        wait_until(as_before)
    except AssertionError:
        above = {name: count for name, count in measured(service).items() if count > before.get(name, 0)}
        files = sorted(str(path) for path in service.place.state_dir.rglob("*"))
        raise AssertionError(f"still above what they were: {above}; files: {files}") from None
