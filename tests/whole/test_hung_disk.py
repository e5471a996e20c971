"""A disk that takes nothing for as long as it likes holds up no beat, no picture and no actor that needs none of it."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kit.support import DEADLINE, FAST, rows_of, service_inside, sleepers, wait_until

from actors.ports import TreeSweep
from actors.values.facts import Verb
from actors.values.requests import Order
from supervisor.logs.segments import Segments
from supervisor.service import Service
from supervisor.state import deaths as death_records
from supervisor.state import records as records_file
from supervisor.state import status as status_file
from supervisor.state.journal import LineFile
from supervisor.upkeep import hang_watch


class Disk:
    """While it hangs, whoever calls what was given to `holding` waits inside."""

    def __init__(self) -> None:
        self.works, self.held = threading.Event(), threading.Event()
        self.works.set()

    def holding(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def held(*arguments: Any, **more: Any) -> Any:
            if not self.works.is_set():
                self.held.set()
                self.works.wait(DEADLINE)
            return function(*arguments, **more)

        return held


HOLDS: dict[str, tuple[Any, str]] = {
    "log": (LineFile, "append"),
    "housekeeping": (Segments, "refresh"),
    "status file": (status_file, "replace_file"),
    "death records": (death_records.DeathRecords, "_change"),
    "records": (records_file, "write_all"),
}
NAMED = {"log": "actor log", "housekeeping": "actor housekeeping", "records": "actor supervisor"}


def test_beats_pictures_and_orders_go_on_while_the_disk_keeps(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    monkeypatch.setattr(hang_watch, "HUNG_AFTER", 1.0)
    disks = {part: Disk() for part in HOLDS}
    for part, (where, name) in HOLDS.items():
        monkeypatch.setattr(where, name, disks[part].holding(getattr(where, name)))
    running = lambda service: [row.state for row in rows_of(service).values()] == ["running"] * len(HOLDS)  # noqa: E731
    often = f'{FAST}heartbeat_interval = "1s"\n'  # so that the status file is written soon
    with service_inside(place, sleepers(len(HOLDS)), running, often) as service:
        for number, (part, disk) in enumerate(disks.items()):
            goes_on_without(service, part, disk, f"w{number}", monkeypatch)


def goes_on_without(service: Service, part: str, disk: Disk, worker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = lambda: rows_of(service)[worker].state == "stopped"  # noqa: E731
    try:
        disk.works.clear()
        threading.Thread(target=service.ask, args=(Order(Verb.STOP, (worker,)), 60), daemon=True).start()
        assert disk.held.wait(DEADLINE), part
        health_beats_go_on(service, part, monkeypatch)
        if part in NAMED:
            wait_until(lambda: any(said.startswith(NAMED[part]) for said in degraded(service)), what=part)
        if part != "records":
            wait_until(stopped, what=part)
    finally:
        disk.works.set()
    wait_until(stopped, what=part)
    wait_until(lambda: not degraded(service), what=part)


def degraded(service: Service) -> tuple[str, ...]:
    assert service.machine.gateway.snapshot is not None
    return service.machine.gateway.snapshot.service.degraded


def health_beats_go_on(service: Service, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[TreeSweep] = []
    take = service.machine.trees._sweep.take

    def counted(roots: Any) -> TreeSweep:
        swept.append(take(roots))
        return swept[-1]

    gateway = service.machine.gateway
    assert gateway.snapshot is not None
    before = gateway.snapshot
    with monkeypatch.context() as patch:
        patch.setattr(service.machine.trees._sweep, "take", counted)
        wait_until(lambda: len(swept) > 3, what=f"health beats without the {part}")

    def three_beats_later() -> bool:
        assert gateway.snapshot is not None
        return gateway.snapshot.service.tick > before.service.tick + 3

    wait_until(three_beats_later, what=f"pictures of new beats without the {part}")
