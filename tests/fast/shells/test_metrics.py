"""Metrics, whose handler the test calls itself: what is published, and when."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest

from actors.base import Post
from actors.beats import BOUNDS, Durations
from actors.life.state import State, Worker
from actors.loop import Loop
from actors.metrics import BEAT_DEADLINE, KEPT, TOGETHER, MetricsActor
from actors.values.bulletins import Activity, Armed, CaptureTold, DefinitionOrder, Disarmed, HealthTold, Opened, Report
from actors.values.facts import Instant
from actors.values.snapshot import Config, Entry, Host, Row, Service, Snapshot, row_of
from actors.values.spec import WorkerSpec

START = Instant(1000.0, 1_700_000_000.0)
NOWHERE = {"state_dir": "", "socket": "", "tmux_socket": ""}
SERVICE = Service(pid=1, version="1", started_at=START.wall, config=Config(path="", digest=""), **NOWHERE)


class World:
    """Everything around one Metrics: its clock, its Ticker's alarms, and what it has published."""

    def __init__(self) -> None:
        self.time = START.mono
        self.alarms: dict[str, Armed] = {}
        self.published: list[tuple[Snapshot, Mapping[str, bytes]]] = []
        self.beats_ended = 0
        ticker: Post[Any] = Post()
        ticker.tell = self._arm  # type: ignore[method-assign]
        self.metrics = MetricsActor(
            Mock(spec=Loop),
            self,
            SERVICE,
            self,
            self,
            self,
            self,
            heartbeat_interval=1e9,
            ticker=ticker,
            supervisor=Post(),
        )
        self.metrics.tell_me = self.metrics.handle  # type: ignore[method-assign]
        self.metrics.begin()

    def _arm(self, order: Armed | Disarmed) -> None:
        if isinstance(order, Disarmed):
            self.alarms.pop(order.key, None)
        else:
            self.alarms[order.key] = order

    def now(self) -> Instant:
        return Instant(self.time, START.wall + self.time - START.mono)

    def wake_at(self, mono: float, wake: Any) -> None:
        raise AssertionError("only the Ticker has the clock's bell")

    def publish(self, snapshot: Snapshot, screens: Mapping[str, bytes]) -> None:
        self.published.append((snapshot, dict(screens)))

    def activity(self, newest: tuple[Entry, ...]) -> None:
        self.feed = newest

    def beat(self, snapshot: Snapshot) -> None:
        pass

    def opened(self) -> None:
        self.published_when_opened = len(self.published)

    def beat_ended(self, snapshot: Snapshot) -> None:
        self.beats_ended += 1

    def log(self, event: str, facts: Any) -> None:
        pass

    def tell(self, message: Any) -> None:
        self.metrics.handle(message)

    def pass_time(self, seconds: float) -> None:
        """Let the time pass, and each alarm ring when it is due."""
        end = self.time + seconds
        while due := sorted((armed.at, key) for key, armed in self.alarms.items() if armed.at <= end):
            self.time = max(self.time, due[0][0])
            self.alarms.pop(due[0][1]).tell(None)
        self.time = end

    def rows(self) -> Mapping[str, Row]:
        return self.published[-1][0].rows

    def screens(self) -> Mapping[str, bytes]:
        return self.published[-1][1]


def row(name: str = "a", **facts: Any) -> Row:
    w = Worker(spec=WorkerSpec(name=name, command="x", cwd="/"), seed="s", state=State.RUNNING, since=START)
    return replace(row_of(w, log_path="", log_bytes=None, reported_at=START.wall), **facts)


def health_told(beat: int) -> HealthTold:
    return HealthTold(beat, frozenset("ab"), Host(), began=START.mono, swept_s=0.003)


@pytest.fixture
def world() -> World:
    """A Metrics that knows workers a and b, has published them, and rests."""
    world = World()
    world.tell(DefinitionOrder(("a", "b")))
    for name in "ab":
        world.tell(Report(row(name), b"old", None))
    world.pass_time(1.0)
    world.published.clear()
    return world


def test_the_first_picture_has_every_worker_of_the_order() -> None:
    world = World()
    assert world.published == []
    world.tell(Report(row("a"), None, None))
    world.tell(DefinitionOrder(("a", "b")))
    world.pass_time(5 * TOGETHER)
    assert world.published == []  # else a service that has just begun says that there are no workers
    world.tell(Report(row("b"), None, None))
    assert list(world.rows()) == ["a", "b"]


def test_the_service_is_said_to_be_ready_once_there_is_a_picture() -> None:
    world = World()
    world.tell(DefinitionOrder(("a",)))
    world.tell(Report(row("a"), None, None))
    world.tell(Opened())
    assert world.published_when_opened == 1


def test_a_service_without_workers_has_a_picture_too() -> None:
    world = World()
    world.tell(DefinitionOrder(()))
    assert not world.rows()


def test_a_worker_that_says_nothing_holds_up_the_first_picture_until_the_end_of_a_health_beat() -> None:
    world = World()
    world.tell(DefinitionOrder(("a", "b")))
    world.tell(Report(row("a"), None, None))
    world.tell(health_told(1))
    world.pass_time(BEAT_DEADLINE)
    assert list(world.rows()) == ["a"]


def test_a_screen_that_changed_is_published_soon_after_its_beat_and_not_with_the_next(world: World) -> None:
    world.tell(CaptureTold(1, 0.001, 0.001, 0))  # before any worker had its turn: each has its own thread
    world.tell(Report(row(last_output_at=7), b"new", None))
    world.pass_time(TOGETHER)
    assert world.screens() == {"a": b"new", "b": b"old"}
    assert len(world.published) == 1


def test_a_screen_that_changed_within_a_second_to_one_of_the_same_length_is_published(world: World) -> None:
    world.tell(Report(row(), b"new", None))
    world.pass_time(TOGETHER)
    assert world.screens()["a"] == b"new"


def test_changes_of_one_beat_are_published_together_however_many_come(world: World) -> None:
    for size in range(100):
        world.tell(Report(row(screen_bytes=size), b"%d" % size, None))
        world.pass_time(TOGETHER / 200)
    world.pass_time(1.0)
    assert len(world.published) == 1
    assert world.screens()["a"] == b"99"


def test_a_change_of_state_is_published_at_once(world: World) -> None:
    world.tell(Report(row(screen_bytes=1), b"new", None))
    world.tell(Report(row("b", state="failed"), b"old", None))
    assert (world.rows()["b"].state, world.screens()["a"]) == ("failed", b"new")


def test_what_says_the_same_again_is_not_published(world: World) -> None:
    world.tell(Report(row(reported_at=START.wall + 5), b"old", None))
    world.tell(CaptureTold(1, 0.001, 0.001, 0))
    world.pass_time(1.0)
    assert world.published == []


def test_measurements_of_a_health_beat_are_published_when_all_have_reported(world: World) -> None:
    world.tell(Report(row("a", rss_bytes=1), b"old", 1))  # a worker can be faster than the Ticker
    world.tell(health_told(1))
    world.pass_time(BEAT_DEADLINE / 2)
    assert world.published == []
    world.tell(Report(row("b", rss_bytes=2), b"old", 1))
    assert [row.rss_bytes for row in world.rows().values()] == [1, 2]


def test_who_has_not_reported_keeps_its_last_row_whose_age_is_told(world: World) -> None:
    world.tell(health_told(1))
    world.tell(Report(row("b", rss_bytes=2, reported_at=START.wall + 9), b"old", 1))
    world.pass_time(BEAT_DEADLINE)
    assert world.rows()["a"] == row("a")
    assert [row.reported_at for row in world.rows().values()] == [START.wall, START.wall + 9]


def test_a_silent_worker_delays_no_screen_of_another(world: World) -> None:
    world.tell(health_told(1))
    world.tell(Report(row("b", screen_bytes=3), b"new", None))
    world.pass_time(TOGETHER)
    assert world.screens()["b"] == b"new"


def test_a_report_that_comes_after_its_beat_was_closed_is_published_soon(world: World) -> None:
    world.tell(health_told(1))
    world.pass_time(BEAT_DEADLINE)
    world.tell(Report(row("a", rss_bytes=7), b"old", 1))
    world.pass_time(TOGETHER)
    assert world.rows()["a"].rss_bytes == 7


def test_each_beat_is_counted_in_a_histogram_by_what_its_sweep_and_the_whole_of_it_took(world: World) -> None:
    world.tell(CaptureTold(1, 0.03, 0.02, 0))
    world.tell(CaptureTold(2, 60.0, 0.005, 3))
    world.tell(replace(health_told(1), began=world.time))
    world.pass_time(0.2)
    for name in ("a", "b"):
        world.tell(Report(row(name, rss_bytes=2), b"old", 1))
    world.pass_time(BEAT_DEADLINE)  # its deadline comes after its end, and counts for nothing
    service = world.published[-1][0].service
    assert filled(service.capture.whole) == {0.05: 1, None: 1}
    assert filled(service.capture.sweep) == {0.005: 1, 0.025: 1}
    assert service.capture.whole.sum_s == pytest.approx(60.03)
    assert (filled(service.health.whole), filled(service.health.sweep)) == ({0.25: 1}, {0.005: 1})
    assert (service.tick, service.tick_ms, service.overruns) == (2, 60_000.0, 3)


def test_a_health_beat_of_no_worker_is_no_long_one() -> None:
    world = World()
    world.tell(DefinitionOrder(()))
    world.tell(replace(health_told(1), names=frozenset()))
    world.pass_time(BEAT_DEADLINE)
    assert filled(world.published[-1][0].service.health.whole) == {}


def filled(durations: Durations) -> dict[float | None, int]:
    """Return the buckets that hold something, by their upper bound; None: above all bounds."""
    return {bound: count for bound, count in zip((*BOUNDS, None), durations.counts, strict=True) if count}


def test_the_end_of_a_capture_beat_is_told_to_the_watchdog_though_nothing_changed(world: World) -> None:
    world.tell(CaptureTold(1, 0.001, 0.001, 0))
    assert (world.beats_ended, world.published) == (1, [])


def test_of_two_beats_the_end_of_the_first_forgets_nobody_who_answered_the_second(world: World) -> None:
    world.tell(health_told(1))
    world.tell(Report(row("a"), b"old", 2))
    world.pass_time(BEAT_DEADLINE)
    world.tell(health_told(2))
    world.published.clear()
    world.tell(Report(row("b", rss_bytes=2), b"old", 2))
    assert world.rows()["b"].rss_bytes == 2


def test_the_activity_is_the_last_hundred_entries_newest_first_which_nobody_can_change(world: World) -> None:
    facts = {"worker": "a"}
    world.tell(Activity(1.5, "worker.removed", facts))
    facts["worker"], first = "b", world.feed
    assert first == (Entry(1, 1.5, "worker.removed", "info", {"worker": "a"}),)
    with pytest.raises(TypeError):
        first[0].facts["worker"] = "c"  # type: ignore[index]
    for at in range(KEPT + 4):
        world.tell(Activity(float(at), "tmux.died", {}))
    assert (len(world.feed), len(first)) == (100, 1)
    assert [world.feed[0].seq, world.feed[-1].seq] == [KEPT + 5, 6]
