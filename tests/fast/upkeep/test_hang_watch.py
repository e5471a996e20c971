"""A handler that hangs is named, once, with its stack; so is one that goes on."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pykka
import pytest
from kit.support import DEADLINE, wait_until

from actors.base import Busy, Post, SupervisedActor, at_work
from supervisor.upkeep.hang_watch import HUNG_AFTER, HangWatch, judge, stack_of


def busy(since: float, handling: str = "Rang", thread: int = 1) -> Busy:
    return Busy("ticker", None, handling, since, thread)


def test_a_handler_is_told_of_once_a_hang() -> None:
    first = judge(frozenset(), [busy(0.0)], HUNG_AFTER)
    assert first.hung == (busy(0.0),)
    assert judge(first.told, [busy(0.0)], HUNG_AFTER + 5).hung == ()


def test_a_handler_that_is_only_slow_is_not() -> None:
    assert judge(frozenset(), [busy(0.0)], HUNG_AFTER - 0.1).hung == ()


def test_the_next_message_of_the_same_actor_means_that_it_went_on() -> None:
    told = judge(frozenset(), [busy(0.0)], HUNG_AFTER).told
    again = judge(told, [busy(HUNG_AFTER + 1)], HUNG_AFTER + 2)
    assert (again.told, again.hung, again.gone_on) == (frozenset(), (), (busy(0.0),))


class Sleeper(SupervisedActor):
    def handle(self, message: Any) -> None:
        hangs_here(message)


def hangs_here(until: threading.Event) -> None:
    until.wait(DEADLINE)


@pytest.fixture
def sleeper() -> Iterator[pykka.ActorRef[Any]]:
    ref = Sleeper.start(Post(), "sleeper", "w1")
    yield ref
    ref.stop()


class Journal:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def log(self, event: str, facts: Any) -> None:
        self.lines.append((event, dict(facts)))


def test_the_stack_shows_where_it_hangs(sleeper: pykka.ActorRef[Any], place: Path) -> None:
    go_on, journal, said = threading.Event(), Journal(), []
    sleeper.tell(go_on)
    wait_until(lambda: any(handler.role == "sleeper" and handler.handling == "Event" for handler in at_work()))
    watch = HangWatch(journal, lambda what, reason: said.append((what, reason)))
    watch.close()
    watch.look(at_work(), time.monotonic() + HUNG_AFTER + 1)
    go_on.set()
    wait_until(lambda: not any(handler.role == "sleeper" for handler in at_work()))
    watch.look(at_work(), time.monotonic() + 60)
    events = [(event, facts["worker"]) for event, facts in journal.lines if facts["actor"] == "sleeper"]
    assert events == [("actor.hung", "w1"), ("actor.goes_on", "w1")]
    assert "hangs_here" in journal.lines[0][1]["stack"]
    assert [(what, bool(reason)) for what, reason in said if "sleeper" in what] == [
        ("actor sleeper w1", True),
        ("actor sleeper w1", False),
    ]


def test_a_handler_that_raised_is_not_at_work_any_more() -> None:
    ref = Sleeper.start(Post(), "raiser")
    ref.tell(None)
    wait_until(lambda: not ref.is_alive())
    assert not any(handler.role == "raiser" for handler in at_work())


def test_the_stack_of_a_thread_that_has_ended_is_empty() -> None:
    assert stack_of(-1) == ""
