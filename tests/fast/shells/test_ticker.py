"""The one clock: beats that never pile up, and each incident told once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest
from kit.life import pane_of

from actors.base import Post
from actors.loop import Loop
from actors.ports import PaneSweep, SweepFailed, TreeSweep
from actors.ticker import ON_TIME_AFTER, TickerActor
from actors.values.bulletins import (
    Armed,
    Disarmed,
    Enrolled,
    HealthTold,
    Rang,
    SweptPanes,
    SweptTrees,
    TmuxAnswers,
    Withdrawn,
)
from actors.values.facts import Handle, Instant, LogSeen, Pane, PaneAbsent, PaneSeen, Tree, TreeSeen
from actors.values.snapshot import Host


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
            Mock(spec=Loop),
            self,
            self,
            self,
            capture_interval=1.0,
            health_interval=1000.0,
            metrics=post,
            supervisor=post,
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

    def log(self, event: str, facts: Any) -> None:
        self.lines.append((event, dict(facts)))

    def answer(self, beat: int = 0) -> None:
        """The sweep that is under way comes to its end."""
        self.asked.clear()
        self.ticker.handle(SweptPanes(beat, PaneSweep(self.time, {}, {})))

    def pass_time(self, seconds: float) -> None:
        self.time += seconds
        self.ticker.handle(Rang())

    def events(self) -> list[str]:
        return [event for event, _ in self.lines]


@pytest.fixture
def world() -> World:
    return World()


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


def test_a_tmux_that_does_not_answer_ends_the_beat_all_the_same(world: World) -> None:
    world.ticker.handle(SweptPanes(0, SweepFailed(world.time, "no answer")))
    world.pass_time(1.0)
    assert len(world.asked) == 2
    assert "ticker.overrun" not in world.events()


TREE = Tree(1000, None, (Handle(7, 7),))
PANE = pane_of("l1", 7, activity=77, name="a", digest=None)


def enrol(world: World, name: str) -> list[Any]:
    """Enrol a worker; return what it is told."""
    told: list[Any] = []
    world.ticker.handle(Enrolled(name, told.append, Handle(7, 7), 3))
    return told


def swept(world: World, panes: dict[str, Pane], screens: dict[str, bytes] | None = None) -> None:
    world.time += 1.0
    world.ticker.handle(SweptPanes(0, PaneSweep(world.time, panes, screens or {})))


def test_a_capture_beat_tells_those_alone_whose_pane_or_screen_changed_or_vanished(world: World) -> None:
    a, b = enrol(world, "a"), enrol(world, "b")
    swept(world, {"a": PANE, "b": PANE})  # the first one after a health beat tells all
    assert [PaneSeen(world.time, PANE)] == a == b
    a.clear()
    b.clear()
    swept(world, {"a": PANE, "b": PANE})
    assert (a, b) == ([], [])
    swept(world, {"a": PANE, "b": replace(PANE, activity=78)}, {"a": b"new"})
    assert (a, b) == ([PaneSeen(world.time, PANE, b"new")], [PaneSeen(world.time, replace(PANE, activity=78))])
    a.clear()
    b.clear()
    swept(world, {"a": PANE})
    assert (a, b) == ([], [PaneAbsent(world.time)])
    b.clear()
    swept(world, {"a": PANE})
    assert b == []


def test_a_health_beat_tells_each_one_its_tree_and_one_that_came_after_it_began_only_its_turn(world: World) -> None:
    world.answer()
    a, late = enrol(world, "a"), enrol(world, "late")
    world.ticker.handle(SweptTrees(4, TreeSweep(world.time, {"a": TREE}, Host(), {"a": LogSeen(9)}, logs_are_new=True)))
    world.ticker.handle(SweptTrees(5, TreeSweep(world.time, {"a": TREE}, Host(), {"a": LogSeen(9)})))
    assert a == [TreeSeen(world.time, 4, TREE, 9, LogSeen(9)), TreeSeen(world.time, 5, TREE, 9, None)]
    assert late[0] == TreeSeen(float("-inf"), 4, None, None)
    assert [message for message in world.told if isinstance(message, HealthTold)][-1].names == {"a", "late"}


@pytest.mark.parametrize("trees_first", [False, True])
def test_at_a_health_beat_a_pane_without_news_is_told_together_with_the_tree(
    world: World, *, trees_first: bool
) -> None:
    a, b = enrol(world, "a"), enrol(world, "b")
    swept(world, {"a": PANE, "b": PANE})
    a.clear()
    b.clear()
    world.pass_time(1000.0)
    trees = SweptTrees(1, TreeSweep(world.time, {"a": TREE, "b": TREE}, Host(), {}))
    if trees_first:
        world.ticker.handle(trees)
        assert a == []
    swept(world, {"a": PANE, "b": replace(PANE, activity=78)})
    if not trees_first:
        assert a == []
        world.ticker.handle(trees)
    assert a == [TreeSeen(trees.sweep.taken, 1, TREE, pane=PaneSeen(world.time, PANE))]
    assert b == [PaneSeen(world.time, replace(PANE, activity=78)), TreeSeen(trees.sweep.taken, 1, TREE)]


def test_a_health_beat_goes_on_without_a_tmux_that_answers(world: World) -> None:
    a = enrol(world, "a")
    swept(world, {"a": PANE})
    a.clear()
    world.pass_time(1000.0)
    world.ticker.handle(SweptTrees(1, TreeSweep(world.time, {"a": TREE}, Host(), {})))
    world.ticker.handle(SweptPanes(1, SweepFailed(world.time, "no answer")))
    assert a == [TreeSeen(world.time, 1, TREE)]


def test_an_alarm_that_is_not_needed_any_more_does_not_ring(world: World) -> None:
    rung: list[Any] = []
    world.ticker.handle(Armed(world.time + 0.5, "metrics", rung.append))
    world.ticker.handle(Disarmed("metrics"))
    world.pass_time(1.0)
    assert rung == []


def test_one_that_has_withdrawn_is_told_of_no_beat_and_its_alarm_rings_no_more(world: World) -> None:
    gone = enrol(world, "a")
    world.ticker.handle(Armed(world.time + 0.5, "a", gone.append))
    world.ticker.handle(Withdrawn("a"))
    swept(world, {"a": PANE})
    world.pass_time(1.0)
    assert gone == []


def test_a_tmux_that_falls_silent_and_comes_back_is_told_once_each(world: World) -> None:
    world.told.clear()
    for sweep in (SweepFailed(1.0, "hung"), SweepFailed(2.0, "hung"), PaneSweep(3.0, {}, {})) * 2:
        world.ticker.handle(SweptPanes(0, sweep))
    answers = [message.reason for message in world.told if isinstance(message, TmuxAnswers)]
    assert answers == ["hung", None, "hung", None]
