"""The fakes keep what the real ports promise: each test here runs on both."""

import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kit.fake_ports import FakeClock, FakeProcesses
from kit.processes import House
from kit.support import DEADLINE, wait_until

from actors.ports import Clock, Processes
from actors.values.effects import EndTree, Watch
from actors.values.facts import Fact, Handle, ProcessEnded, TreeGone, TreeLeft
from supervisor.kernel.clock import SystemClock


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

    def start(self) -> Handle:
        return self._house.start("sleep", "1000")

    def kill(self, process: Handle) -> None:
        (child,) = [child for child in self._house.started if child.pid == process.pid]
        child.kill()
        child.wait()

    def watched(self) -> int:
        return self._house.port.tables()["watched"]

    def close(self) -> None:
        self._house.close()


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
    world.port.forget("l1")
    wait_until(lambda: world.watched() == 1)  # the port hears of it in a thread of its own
    world.kill(first)
    world.kill(second)
    assert world.facts.get(timeout=DEADLINE) == ProcessEnded("l2")
    assert world.facts.empty()


def test_a_signal_is_told_with_whom_it_went_to_and_the_end_of_all(world: Any) -> None:
    process = world.start()
    world.port.end("api", EndTree("l1", process, (), "TERM"), world.facts.put)
    assert world.facts.get(timeout=DEADLINE) == TreeLeft("l1", (process.pid,))
    assert world.facts.get(timeout=DEADLINE) == TreeGone("l1")


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
    clock.wake_at(at - 0.1, lambda: woken.append(("first", clock.now().mono)))
    clock.wake_at(at, lambda: woken.append(("second", clock.now().mono)))
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
