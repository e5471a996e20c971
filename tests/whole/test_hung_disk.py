"""A disk that takes nothing for as long as it likes holds up no beat, no picture and no actor that needs none of it."""

import itertools
import json
import logging
import threading
from collections.abc import Callable, Iterator
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
from supervisor.state import log_queue
from supervisor.state import records as records_file
from supervisor.state import status as status_file
from supervisor.state.journal import LineFile, ServiceLog
from supervisor.state.log_queue import LogQueue
from supervisor.state.replay import rebuild
from supervisor.upkeep import hang_watch


class Disk:
    """While it hangs, whoever calls what was given to `holding` waits inside."""

    def __init__(self) -> None:
        self.works = threading.Event()
        self.works.set()
        self.held = threading.Event()

    def holding(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def held(*arguments: Any, **more: Any) -> Any:
            if not self.works.is_set():
                self.held.set()
                self.works.wait(DEADLINE)
            return function(*arguments, **more)

        return held


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk()
    monkeypatch.setattr(LineFile, "append", disk.holding(LineFile.append))
    yield disk
    disk.works.set()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogQueue]:
    written = ServiceLog(tmp_path / "service.log", level="info", format="json", max_size=10**6, keep=3)
    queue = LogQueue(written)
    yield queue
    queue.close()


def lines(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "service.log").read_text().splitlines()]


def move(log: LogQueue, worker: str, to: str) -> None:
    log.log("worker.moved", {"worker": worker, "from": "x", "to": to})


def test_whoever_logs_waits_for_no_disk_and_nothing_is_lost_while_there_is_room(
    log: LogQueue, disk: Disk, tmp_path: Path
) -> None:
    disk.works.clear()
    for number in range(1000):
        log.log("test.line", {"number": number})
    assert disk.held.wait(DEADLINE)
    disk.works.set()
    log.close()
    assert [line["number"] for line in lines(tmp_path)] == list(range(1000))
    assert [line["seq"] for line in lines(tmp_path)] == list(range(1, 1001))


def test_what_is_dropped_is_counted_and_changes_of_state_are_dropped_last(
    log: LogQueue, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_queue, "MOST", 10)
    disk.works.clear()
    log.log("test.first", {})
    assert disk.held.wait(DEADLINE)
    for number in range(30):
        log.log("test.line", {"number": number})
        move(log, f"w{number % 3}", f"state-{number}")
    disk.works.set()
    log.close()
    found = lines(tmp_path)
    written = [line for line in found if line["event"] in ("test.line", "worker.moved")]
    dropped = sum(line["count"] for line in found if line["event"] == "log.dropped")
    assert dropped == 60 - len(written) > 0
    kinds = [line["event"] for line in written]
    assert kinds.count("worker.moved") > kinds.count("test.line")
    for line, after in itertools.pairwise(found):
        if line["event"] == "log.dropped":
            assert (after["event"], after["reason"]) == ("state.table", "gap")
    table = rebuild((tmp_path / "service.log").read_text().splitlines())
    assert table == {"w0": "state-27", "w1": "state-28", "w2": "state-29"}


def test_a_reopen_keeps_its_place_among_the_lines(log: LogQueue, tmp_path: Path) -> None:
    log.log("test.before", {})
    wait_until(lambda: (tmp_path / "service.log").exists() and lines(tmp_path))
    (tmp_path / "service.log").rename(tmp_path / "old")
    log.reopen()
    log.log("test.after", {})
    log.close()
    assert [line["event"] for line in lines(tmp_path)] == ["state.table", "test.after"]


def test_an_end_writes_what_waits_though_the_thread_has_died(log: LogQueue, tmp_path: Path) -> None:
    log._order(lambda: [][0])
    log._thread.join(DEADLINE)
    log.log("test.last", {})
    log.close()
    assert lines(tmp_path)[-1]["event"] == "test.last"


# ── the whole service ─────────────────────────────────────────────────────────────────────────────────────────────

WORKERS = 3
HOLDS: dict[str, tuple[Any, str]] = {
    "log": (LineFile, "append"),
    "housekeeping": (Segments, "refresh"),
    "status file": (status_file, "replace_file"),
    "death records": (death_records.DeathRecords, "_change"),
    "records": (records_file, "write_all"),
}
NAMED = {"log": "actor log", "housekeeping": "actor housekeeping", "records": "actor supervisor"}


@pytest.mark.parametrize("part", list(HOLDS))
def test_beats_pictures_and_orders_go_on_while_the_disk_keeps(
    part: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk()
    where, name = HOLDS[part]
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    monkeypatch.setattr(hang_watch, "HUNG_AFTER", 1.0)
    monkeypatch.setattr(where, name, disk.holding(getattr(where, name)))
    running = lambda service: len([row for row in rows_of(service).values() if row.state == "running"])  # noqa: E731
    often = f'{FAST}heartbeat_interval = "1s"\n'  # so that the status file is written soon
    with service_inside(place, sleepers(WORKERS), lambda service: running(service) == WORKERS, often) as service:
        try:
            disk.works.clear()
            threading.Thread(target=service.ask, args=(Order(Verb.STOP, ("w0",)), 60), daemon=True).start()
            if part == "death records":
                wait_until(lambda: rows_of(service)["w0"].state == "stopped")
            assert disk.held.wait(DEADLINE)
            health_beats_go_on(service, monkeypatch)
            if part in NAMED:
                wait_until(lambda: any(said.startswith(NAMED[part]) for said in degraded(service)))
            if part != "records":
                wait_until(lambda: rows_of(service)["w0"].state == "stopped")
        finally:
            disk.works.set()
        wait_until(lambda: rows_of(service)["w0"].state == "stopped")
        wait_until(lambda: not degraded(service))


def degraded(service: Service) -> tuple[str, ...]:
    assert service.machine.gateway.snapshot is not None
    return service.machine.gateway.snapshot.service.degraded


def health_beats_go_on(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[TreeSweep] = []
    take = service.machine.trees._sweep.take

    def counted(roots: Any) -> TreeSweep:
        swept.append(take(roots))
        return swept[-1]

    assert service.machine.gateway.snapshot is not None
    tick, seq = service.machine.gateway.snapshot.service.tick, service.machine.gateway.seq
    with monkeypatch.context() as patch:
        patch.setattr(service.machine.trees._sweep, "take", counted)
        wait_until(lambda: len(swept) > 3, what="health beats")
    picture = lambda: service.machine.gateway.snapshot  # noqa: E731
    wait_until(
        lambda: service.machine.gateway.seq > seq and picture().service.tick > tick + 3, 20, "pictures of new beats"
    )  # type: ignore[union-attr]


def test_what_a_library_logs_stands_in_the_log(log: LogQueue, tmp_path: Path) -> None:
    logging.getLogger("pykka").warning("unexpected message %r", 7)
    try:
        raise ValueError("odd")
    except ValueError:
        logging.getLogger("asyncio").exception("a task failed")
    logging.getLogger("pykka").debug("started")
    log.settle()
    warned, failed = lines(tmp_path)
    assert (warned["event"], warned["level"], warned["logger"]) == ("library.warned", "warning", "pykka")
    assert warned["message"] == "unexpected message 7"
    assert (failed["event"], failed["level"], failed["message"]) == ("library.failed", "error", "a task failed")
    assert "ValueError: odd" in failed["traceback"]
    log.close()
    logging.getLogger("pykka").warning("after the end")
    assert len(lines(tmp_path)) == 2
