"""The fakes keep what the real ports promise: each test here runs on both."""

import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.fake_ports import FakeClock, FakeProcesses, FakeRecords
from kit.processes import House
from kit.support import DEADLINE, wait_until

from actors import ports
from actors.ports import Clock, Processes
from actors.values.effects import EndTree, Signal, Watch
from actors.values.facts import Fact, Handle, ProcessEnded, TreeGone, TreeLeft
from actors.values.records import Head, Record, Records
from actors.values.spec import WorkerSpec
from supervisor.kernel.clock import SystemClock
from supervisor.state.records import RecordsFile, read_records


class Played:
    """Processes that are only played."""

    def __init__(self) -> None:
        self.port: Processes = (fake := FakeProcesses())
        self.start, self.kill = fake.start, fake.kill
        self.watched = lambda: len(fake._watched)
        self.facts: queue.SimpleQueue[Fact] = queue.SimpleQueue()

    def close(self) -> None:
        pass


class Real:
    """Real children of the test."""

    def __init__(self) -> None:
        self._house = House()
        self.port: Processes = self._house.port
        self.facts = self._house.facts
        self.kill = self._house.kill

    def start(self) -> Handle:
        return self._house.start("sleep", "1000")

    def watched(self) -> int:
        return self._house.port.tables()["watched"]

    def close(self) -> None:
        assert self._house.idle()
        assert not self._house.close()
        assert self._house.errors.empty()


@pytest.fixture(params=[Played, Real], ids=["played", "real"])
def world(request: pytest.FixtureRequest) -> Iterator[Any]:
    world = request.param()
    yield world
    world.close()


def test_the_end_of_a_watched_process_is_told_once(world: Any) -> None:
    process = world.start()
    world.port.watch(Watch("l1", process), world.facts.put)
    world.kill(process)
    assert world.facts.get(timeout=DEADLINE) == ProcessEnded("l1")
    assert world.facts.empty()


def test_one_that_has_ended_before_it_is_watched_is_told_too(world: Any) -> None:
    process = world.start()
    world.kill(process)
    world.port.watch(Watch("l1", process), world.facts.put)
    assert world.facts.get(timeout=DEADLINE) == ProcessEnded("l1")


def test_a_life_that_is_forgotten_is_told_of_no_more(world: Any) -> None:
    first, second = world.start(), world.start()
    world.port.watch(Watch("l1", first), world.facts.put)
    world.port.watch(Watch("l2", second), world.facts.put)
    wait_until(lambda: world.watched() == 2)  # the port hears of it in a thread of its own
    world.port.forget("l1")
    wait_until(lambda: world.watched() == 1)
    world.kill(first)
    world.kill(second)
    assert world.facts.get(timeout=DEADLINE) == ProcessEnded("l2")
    assert world.facts.empty()


def test_a_signal_is_told_with_whom_it_went_to_and_the_end_of_all(world: Any) -> None:
    process = world.start()
    world.port.end("api", EndTree("l1", process, (), "TERM"), world.facts.put)
    assert world.facts.get(timeout=DEADLINE) == TreeLeft("l1", (process.pid,))
    assert world.facts.get(timeout=DEADLINE) == TreeGone("l1")


def test_a_signal_alone_tells_nothing_but_the_end_that_it_makes(world: Any) -> None:
    process = world.start()
    world.port.watch(Watch("l1", process), world.facts.put)
    world.port.send_signal("api", Signal("l1", process, (), "TERM"))
    assert world.facts.get(timeout=DEADLINE) == ProcessEnded("l1")
    assert world.facts.empty()


def test_where_nothing_is_left_that_is_told(world: Any) -> None:
    process = world.start()
    world.kill(process)
    world.port.end("api", EndTree("l1", process, (), "TERM"), world.facts.put)
    told = [world.facts.get(timeout=DEADLINE)]
    while told[-1] != TreeGone("l1"):
        told.append(world.facts.get(timeout=DEADLINE))
    assert set(told) <= {TreeLeft("l1", ()), TreeGone("l1")}


def _waits(clock: Clock, until: Callable[[], object]) -> None:
    if isinstance(clock, FakeClock):
        clock.pass_time(1.0)
        assert until()
    else:
        wait_until(until)


@pytest.mark.parametrize("make", [FakeClock, SystemClock], ids=["played", "real"])
def test_the_last_wake_up_that_was_asked_for_comes_once_and_at_its_time(make: Callable[[], Clock]) -> None:
    clock = make()
    woken: list[tuple[str, float]] = []
    at = clock.now().mono + 0.2

    def ask() -> None:  # while the clock is busy with this, it rings for nothing else
        clock.wake_at(at - 0.2, lambda: woken.append(("first", clock.now().mono)))
        clock.wake_at(at, lambda: woken.append(("second", clock.now().mono)))

    clock.wake_at(at - 0.2, ask)
    _waits(clock, lambda: woken)
    clock.wake_at(clock.now().mono - 5, lambda: woken.append(("missed", clock.now().mono)))  # rings at once
    _waits(clock, lambda: len(woken) == 2)
    assert [name for name, _ in woken] == ["second", "missed"]
    assert woken[0][1] >= at


@pytest.mark.parametrize("make", [FakeClock, SystemClock], ids=["played", "real"])
def test_both_clocks_go_on_together(make: Callable[[], Clock]) -> None:
    clock = make()
    before = clock.now()
    if isinstance(clock, FakeClock):
        clock.pass_time(0.0625)
    else:
        time.sleep(0.0625)
    after = clock.now()
    assert after.mono - before.mono >= 0.0625
    assert after.wall > before.wall


class PlayedDisk:
    """A records file that is only played."""

    def __init__(self, _folder: Path) -> None:
        self.port: ports.RecordsFile = (fake := FakeRecords())
        self._fake = fake

    def breaks(self, broken: bool) -> None:
        self._fake.full = broken

    def read(self) -> Records:
        return Records(self._fake.head, tuple(self._fake.workers.values()))


class RealDisk:
    """A records file in a folder that can be moved away."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._away = folder / "state", folder / "away"
        self._folder.mkdir()
        self._file = self._folder / "records.jsonl"
        self.port: ports.RecordsFile = (file := RecordsFile(self._file))
        file.load()

    def breaks(self, broken: bool) -> None:
        here, there = (self._folder, self._away) if broken else (self._away, self._folder)
        here.rename(there)

    def read(self) -> Records:
        return read_records(self._file)


@pytest.fixture(params=[PlayedDisk, RealDisk], ids=["played", "real"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return request.param(tmp_path)


def record(name: str, **facts: Any) -> Record:
    return Record(spec=WorkerSpec(name=name, command="x", cwd="/"), **facts)


def test_what_is_kept_is_read_again(disk: Any) -> None:
    head = Head(boot_id="b")
    disk.port.keep_head(head)
    disk.port.keep_all({"a": record("a"), "b": record("b")}, durable=True)
    disk.port.keep_all({"a": None, "b": record("b", reason="it broke")}, durable=False)
    assert disk.read() == Records(head, (record("b", reason="it broke"),))
    assert (disk.port.failing, disk.port.lost) == (None, None)


def test_a_failed_write_is_shown_and_nothing_is_written_until_the_whole_is_repaired(disk: Any) -> None:
    disk.port.keep_all({"a": record("a")}, durable=True)
    disk.breaks(True)
    disk.port.keep_all({"b": record("b")}, durable=True)
    assert "records.jsonl" in disk.port.failing
    disk.port.repair([record("b")], Head())
    assert disk.port.failing
    disk.breaks(False)
    disk.port.keep_all({"c": record("c")}, durable=True)
    assert disk.port.failing
    assert disk.read().workers == (record("a"),)
    disk.port.repair([record("b"), record("c")], Head(boot_id="b"))
    assert disk.port.failing is None
    assert disk.read() == Records(Head(boot_id="b"), (record("b"), record("c")))
