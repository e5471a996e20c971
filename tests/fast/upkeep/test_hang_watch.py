"""A handler that hangs is named, once, with its stack; so is one that goes on."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pykka
import pytest
from kit.support import DEADLINE, wait_until

from actors.base import Busy, Post, SupervisedActor, at_work
from supervisor.upkeep.hang_watch import HUNG_AFTER, HangWatch, stack_of


class Journal:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def log(self, event: str, facts: Any) -> None:
        self.lines.append((event, dict(facts)))


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def said() -> list[tuple[str, str | None]]:
    return []


@pytest.fixture
def watch(journal: Journal, said: list[tuple[str, str | None]]) -> HangWatch:
    """One that looks only when it is asked to."""
    watch = HangWatch(journal, lambda what, reason: said.append((what, reason)))
    watch.close()
    return watch


def busy(since: float) -> Busy:
    return Busy("ticker", None, "Rang", since, -1)


def test_a_handler_that_hangs_is_told_of_once_and_its_next_message_means_that_it_went_on(
    watch: HangWatch, said: list[tuple[str, str | None]]
) -> None:
    watch.look([busy(0.0)], HUNG_AFTER - 0.1)
    assert said == []  # it is only slow
    for after in (0, 5):
        watch.look([busy(0.0)], HUNG_AFTER + after)
        assert said == [("actor ticker", "hangs at Rang")]
    watch.look([busy(HUNG_AFTER + 5)], HUNG_AFTER + 6)
    assert said[1:] == [("actor ticker", None)]


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


def test_the_stack_shows_where_it_hangs(watch: HangWatch, journal: Journal, sleeper: pykka.ActorRef[Any]) -> None:
    go_on = threading.Event()
    sleeper.tell(go_on)
    wait_until(lambda: any(handler.role == "sleeper" and handler.handling == "Event" for handler in at_work()))
    watch.look(at_work(), time.monotonic() + HUNG_AFTER + 1)
    go_on.set()
    wait_until(lambda: not any(handler.role == "sleeper" for handler in at_work()))
    watch.look(at_work(), time.monotonic() + 60)
    told = [(event, facts["worker"]) for event, facts in journal.lines if facts["actor"] == "sleeper"]
    assert told == [("actor.hung", "w1"), ("actor.goes_on", "w1")]
    assert any("hangs_here" in facts.get("stack", "") for _, facts in journal.lines)
    assert stack_of(-1) == ""  # of a thread that has ended


def test_a_handler_that_raised_is_not_at_work_any_more() -> None:
    ref = Sleeper.start(Post(), "raiser")
    ref.tell(None)
    wait_until(lambda: not ref.is_alive())
    assert not any(handler.role == "raiser" for handler in at_work())
