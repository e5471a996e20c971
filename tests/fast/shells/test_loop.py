"""Workers are actors without a thread: one loop gives each of them its turn, and one that fails ends alone."""

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pykka
import pytest
from kit.support import DEADLINE, wait_until

from actors import vital
from actors.base import Post, at_work
from actors.loop import Loop, LoopActor
from actors.values.bulletins import ActorFailed

ESCAPING = [RuntimeError, SystemExit, KeyboardInterrupt]


class Owner(Post[Any]):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[Any] = []

    def tell(self, message: Any) -> None:
        self.told.append(message)


@dataclass
class Soon:
    """What an actor tells itself soon."""

    what: str


class Notes(LoopActor):
    """Writes down what it is told; raises what it is told to raise; waits for an event that it is told."""

    def __init__(self, loop: Loop, owner: Post[Any], notes: list[Any], name: str = "w") -> None:
        super().__init__(loop, owner, "worker", name)
        self.notes = notes

    def begin(self) -> None:
        self.notes.append("begin")

    def handle(self, message: Any) -> Any:
        if isinstance(message, threading.Event):
            message.wait(DEADLINE)
        elif isinstance(message, Soon):
            self.tell_me_soon(message.what)
        elif isinstance(message, type):
            raise message("on purpose")
        self.notes.append(message)
        return message

    def failed(self) -> None:
        raise SystemExit("a stranger's fault")


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop("test-loop")
    yield loop
    for ref in pykka.ActorRegistry.get_by_class(Notes):
        ref.stop(timeout=DEADLINE)
    loop.close()
    loop.thread.join(DEADLINE)


def held_up(ref: "pykka.ActorRef[Notes]") -> threading.Event:
    """Return when the actor, and so the loop, is at a message that lasts until the event is set."""
    held = threading.Event()
    ref.tell(held)
    wait_until(lambda: any(handler.handling == "Event" for handler in at_work()))
    return held


def test_a_thousand_actors_take_one_thread(loop: Loop) -> None:
    before, notes = set(threading.enumerate()), []
    refs = [Notes.start(loop, Owner(), notes) for _ in range(1000)]
    assert [ref.ask(n, timeout=DEADLINE) for n, ref in enumerate(refs)] == list(range(1000))
    assert set(threading.enumerate()) <= before  # another test's thread may end meanwhile


def test_an_actor_begins_before_its_first_message_and_keeps_their_order(loop: Loop) -> None:
    notes: list[Any] = []
    ref = Notes.start(loop, Owner(), notes)
    for number in range(50):
        ref.tell(number)
    assert ref.ask("last", timeout=DEADLINE) == "last"
    assert notes == ["begin", *range(50), "last"]


def test_an_actor_with_much_mail_starves_no_other(loop: Loop) -> None:
    notes: list[Any] = []
    busy, other = Notes.start(loop, Owner(), notes), Notes.start(loop, Owner(), notes)
    held = held_up(busy)
    for number in range(1000):
        busy.tell(number)
    future = other.ask("me", block=False)
    held.set()
    future.get(timeout=DEADLINE)
    assert len(notes[: notes.index("me")]) < 20


def test_what_can_wait_is_taken_after_the_news_of_all_others_but_in_the_order_of_its_own_mailbox(loop: Loop) -> None:
    notes: list[Any] = []
    holder = Notes.start(loop, Owner(), [])
    refs = [Notes.start(loop, Owner(), notes, f"w{number}") for number in range(5)]
    wait_until(lambda: len(notes) == 5)
    held = held_up(holder)
    actors = [ref._actor_weakref() for ref in refs]
    for number, actor in enumerate(actors):
        actor.tell_me_later(f"beat {number}")
    refs[4].tell("news 4")
    refs[2].tell("news 2")
    actors[0].tell_me_later("another beat")
    held.set()
    wait_until(lambda: len(notes) == 5 + 8)
    told = [note for note in notes if note != "begin"]
    assert sorted(told[:4]) == ["beat 2", "beat 4", "news 2", "news 4"]
    assert told.index("beat 4") < told.index("news 4")
    assert told[4:] == ["beat 0", "beat 1", "beat 3", "another beat"]


def test_what_can_wait_is_taken_though_news_does_not_end(loop: Loop) -> None:
    notes: list[Any] = []
    busy, other = Notes.start(loop, Owner(), notes), Notes.start(loop, Owner(), notes)
    held = held_up(busy)
    for number in range(1000):
        busy.tell(number)
    other._actor_weakref().tell_me_later("beat")
    held.set()
    wait_until(lambda: "beat" in notes)
    busy.ask("end", timeout=DEADLINE)
    assert notes.index("beat") < 100


def test_what_comes_soon_delays_no_news(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.loop.PAUSE", 1000.0)
    ref = Notes.start(loop, Owner(), notes := [])
    held = held_up(ref)
    ref.tell(Soon("report"))
    Notes.start(loop, Owner(), notes)._actor_weakref().tell_me_later("beat")
    held.set()
    assert ref.ask("news", timeout=DEADLINE) == "news"
    assert "report" not in notes
    assert "beat" not in notes  # nor does what can wait


def test_what_comes_soon_comes_in_its_order_though_news_does_not_end(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.loop.PAUSE", 0.001)
    ref = Notes.start(loop, Owner(), notes := [])
    ref.tell(Soon("report 1"))
    ref.tell(Soon("report 2"))
    news = itertools.count()
    wait_until(lambda: ref.ask(next(news), timeout=DEADLINE) is not None and "report 2" in notes)
    assert notes.index("report 1") < notes.index("report 2")


def test_what_can_wait_is_taken_though_there_is_always_something_to_come_soon(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.loop.PAUSE", 0.02)
    ref = Notes.start(loop, Owner(), notes := [])
    other = Notes.start(loop, Owner(), notes)
    ref.ask(Soon("report"), timeout=DEADLINE)
    other._actor_weakref().tell_me_later("beat")
    wait_until(lambda: ref.ask(Soon("report"), timeout=DEADLINE) and "beat" in notes)


@pytest.mark.parametrize("error", ESCAPING)
def test_a_failure_reaches_the_owner_and_ends_that_actor_alone(loop: Loop, error: type[BaseException]) -> None:
    owner, notes = Owner(), []
    one, other = Notes.start(loop, owner, notes, "one"), Notes.start(loop, Owner(), notes)
    one.tell(error)
    wait_until(lambda: owner.told)
    (failure,) = owner.told
    assert isinstance(failure, ActorFailed)
    assert (failure.worker, failure.handling) == ("one", "type")
    assert "on purpose" in failure.trace
    wait_until(lambda: not one.is_alive())
    assert other.ask("still here", timeout=DEADLINE) == "still here"
    assert [ref.actor_urn for ref in pykka.ActorRegistry.get_by_class(Notes)] == [other.actor_urn]


def test_an_ask_is_answered_or_raises_and_a_raise_ends_nobody(loop: Loop) -> None:
    ref = Notes.start(loop, Owner(), [])
    with pytest.raises(RuntimeError, match="on purpose"):
        ref.ask(RuntimeError, timeout=DEADLINE)
    assert ref.ask("well", timeout=DEADLINE) == "well"


def test_a_stop_comes_after_what_was_told_before_and_the_rest_is_answered_as_dead(loop: Loop) -> None:
    notes: list[Any] = []
    held, ref = threading.Event(), Notes.start(loop, Owner(), notes)
    ref.tell(held)
    ref.tell("before")
    stopped = ref.stop(block=False)
    late = ref.ask("after", block=False)
    held.set()
    assert stopped.get(timeout=DEADLINE) is True
    with pytest.raises(pykka.ActorDeadError):
        late.get(timeout=DEADLINE)
    assert notes == ["begin", held, "before"]
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("dead")


def test_an_ask_that_races_a_stop_is_never_left_waiting(loop: Loop) -> None:
    for _ in range(300):
        ref = Notes.start(loop, Owner(), [])
        asking: list[Any] = []
        thread = threading.Thread(target=lambda ref=ref, asking=asking: asking.append(ref.ask("x", block=False)))
        thread.start()
        ref.stop(block=False)
        thread.join()
        try:
            asking[0].get(timeout=DEADLINE)
        except pykka.ActorDeadError:
            continue


def test_messages_from_many_threads_come_each_once(loop: Loop) -> None:
    notes: list[Any] = []
    refs = [Notes.start(loop, Owner(), notes) for _ in range(20)]

    def tell(sender: int) -> None:
        for number, ref in itertools.product(range(200), refs):
            ref.tell((sender, number, ref.actor_urn))

    threads = [threading.Thread(target=tell, args=(sender,)) for sender in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ref in refs:
        ref.ask("end", timeout=DEADLINE)
    told = [note for note in notes if isinstance(note, tuple)]
    assert len(told) == len(set(told)) == 4 * 200 * 20


def test_the_handler_at_work_is_named_by_its_worker(loop: Loop) -> None:
    held, ref = threading.Event(), Notes.start(loop, Owner(), [], "w7")
    ref.tell(held)
    wait_until(lambda: [handler.worker for handler in at_work() if handler.handling == "Event"] == ["w7"])
    held.set()
    ref.ask("done", timeout=DEADLINE)
    assert not [handler for handler in at_work() if handler.worker == "w7"]


def test_what_escapes_a_vital_thread_is_told(loop: Loop) -> None:
    told: list[tuple[str, str]] = []
    vital.listen(lambda name, error: told.append((name, repr(error))))
    try:
        loop.join_line(lambda: [][0])
        wait_until(lambda: told)
    finally:
        vital.listen(None)
    assert told == [("test-loop", "IndexError('list index out of range')")]


def test_stop_all_ends_those_of_a_loop_too(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pykka.ActorRegistry, "_actor_refs", [])  # not what others left without a thread
    refs = [Notes.start(loop, Owner(), []) for _ in range(10)]
    assert all(pykka.ActorRegistry.stop_all(timeout=DEADLINE))
    assert not any(ref.is_alive() for ref in refs)
