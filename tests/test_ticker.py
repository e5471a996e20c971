"""The one clock: beats that never pile up, and each incident told once."""

from collections.abc import Callable
from typing import Any

import pytest

from actors.base import Post
from actors.bulletins import Armed, Rang, SweptPanes
from actors.messages import Instant
from actors.ports import PaneSweep, SweepFailed
from actors.ticker import ON_TIME_AFTER, TickerActor


class World:
    """Clock, sweeper and journal of one Ticker, whose handler the test calls itself."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[Callable[[Any], None]] = []
        self.told: list[Any] = []
        post: Post[Any] = Post()
        post.tell = self.told.append  # type: ignore[method-assign]
        self.ticker = TickerActor(
            self, self, self, capture_interval=1.0, health_interval=1000.0, metrics=post, supervisor=post
        )
        self.ticker.begin()

    def now(self) -> Instant:
        return Instant(self.time, self.time)

    def wake_at(self, _mono: float, _wake: Callable[[], None]) -> None:
        pass

    def sweep_panes(self, answer: Callable[[Any], None]) -> None:
        self.asked.append(answer)

    def sweep_trees(self, *_arguments: Any) -> None:
        pass

    def log(self, _level: str, event: str, facts: Any) -> None:
        self.lines.append((event, dict(facts)))

    def answer(self, beat: int = 0) -> None:
        """The sweep that is under way comes to its end."""
        self.asked.clear()
        self.ticker.handle(SweptPanes(beat, PaneSweep(self.time, {}, {}, 0, 0.0)))

    def pass_time(self, seconds: float) -> None:
        self.time += seconds
        self.ticker.handle(Rang())

    def events(self) -> list[str]:
        return [event for event, _ in self.lines]


@pytest.fixture
def world() -> World:
    return World()


def test_a_sweep_that_is_slow_is_not_asked_for_again(world: World) -> None:
    for _ in range(5):
        world.pass_time(1.0)
    assert len(world.asked) == 1
    world.answer()
    world.pass_time(1.0)
    assert len(world.asked) == 1


def test_an_incident_of_overruns_is_one_line_and_so_is_its_end(world: World) -> None:
    for _ in range(20):
        world.pass_time(1.0)  # nobody answers the first sweep
    assert world.events() == ["ticker.overrun"]
    for _ in range(int(ON_TIME_AFTER) + 2):
        world.answer()
        world.pass_time(1.0)
    assert world.events() == ["ticker.overrun", "ticker.on_time"]
    assert world.lines[-1][1]["overruns"] == 20


def test_when_the_service_stood_still_the_log_says_for_how_long(world: World) -> None:
    world.answer()
    world.pass_time(60.0)
    assert ("service.gap", {"seconds": 60.0}) in world.lines
    assert len(world.asked) == 1  # one sweep, however many beats were missed
    world.answer()
    world.pass_time(1.0)
    assert world.events().count("service.gap") == 1


def test_alarms_go_off_once_at_their_time(world: World) -> None:
    rung: list[Any] = []
    world.ticker.handle(Armed(world.time + 0.5, "a", rung.append))
    world.pass_time(0.4)
    assert rung == []
    world.pass_time(0.2)
    world.pass_time(0.2)
    assert len(rung) == 1


def test_a_tmux_that_does_not_answer_ends_the_beat_all_the_same(world: World) -> None:
    world.ticker.handle(SweptPanes(0, SweepFailed(world.time, "no answer")))
    world.pass_time(1.0)
    assert len(world.asked) == 2
    assert "ticker.overrun" not in world.events()
