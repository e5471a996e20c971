"""The Supervisor's shell on fake ports: it carries out every effect, in order, and answers when the disk has it."""

from collections import deque
from typing import Any

import pytest
from kit.crowd import SERVER, spec
from kit.fake_ports import FakeClock, FakeJournal, FakeRecords, NotingPost
from kit.life import pane_of

from actors.base import Post
from actors.crowd.opening import Opening
from actors.crowd.workers import RETRY
from actors.errands import Look, LooksDue, Revive
from actors.life.state import State, Worker
from actors.ports import Survey
from actors.root import Factories, Outcome, Posts, SupervisorActor
from actors.values.bulletins import (
    Activity,
    ActorFailed,
    Armed,
    Changed,
    DefinitionOrder,
    Finished,
    HostSeen,
    Revived,
    ServerEnded,
    ServiceNow,
    TmuxAnswers,
)
from actors.values.facts import Handle, Ordered, Pane, PaneSeen, Verb, Woken
from actors.values.gates import Room
from actors.values.records import Head, Intent, Record, Records
from actors.values.requests import Accepted, Order, Run, ShutDown
from actors.values.snapshot import Config, Host

STOPPED = Intent.STOPPED


class WorkerRef:
    """One Worker actor: notes what it is told, and what was on the disk then."""

    def __init__(self, name: str, worker: Worker, records: FakeRecords) -> None:
        self.name, self.worker, self._records = name, worker, records
        self.told: list[Any] = []
        self.on_disk: list[Record | None] = []

    def tell(self, message: Any) -> None:
        self.told.append(message)
        self.on_disk.append(self._records.workers.get(self.name))


class World:
    """Everything around the Supervisor; `tell` lets it handle a message, and all that it tells itself."""

    def __init__(self, *names: str, intent: Intent = Intent.WANTED, lost: str | None = None) -> None:
        self.clock, self.journal, self.records = FakeClock(), FakeJournal(), FakeRecords()
        self.posts = Posts(
            supervisor=NotingPost(), terminal=NotingPost(), ticker=NotingPost(), metrics=NotingPost()
        )  # fmt: skip
        self.workers: list[WorkerRef] = []
        self.calls: list[Any] = []
        self.records.lost = lost
        opening = Opening(
            records=Records(Head(boot_id="b", servers=(SERVER,)), tuple(record(name, intent) for name in names)),
            survey=Survey(0.0, {}, (SERVER,)),
            boot_id="b",
            config=Config(path="f", digest=""),
            apply=None,
            room=Room(9),
        )
        self.root = SupervisorActor(
            opening, self._factories(), self.posts, self.clock, self.journal, self.records,
            self.calls.append, Post(),
        )  # fmt: skip
        self.box: deque[Any] = deque()
        self.root.tell_me = self.box.append  # type: ignore[method-assign]
        self.root.begin()
        self.tell()

    def _factories(self) -> Factories:
        made: Any = self.calls.append
        return Factories(
            terminal=lambda: made("terminal"),
            ticker=lambda: made("ticker"),
            metrics=lambda: made("metrics"),
            worker=self._worker,
            seed=lambda: "seed",
            watch_server=lambda _number, server: made(server),
            opened=lambda: made("opened"),
            closing=made,
        )

    def _worker(self, name: str, birth: Any) -> Any:
        worker, _ = birth(self.clock.now())
        self.workers.append(WorkerRef(name, worker, self.records))
        return self.workers[-1]

    def tell(self, *messages: Any) -> Any:
        """Return the answer to the last message."""
        answer = None
        for message in messages:
            answer = self.root.handle(message)
        while self.box:
            self.root.handle(self.box.popleft())
        return answer

    def says(self, name: str, state: State, order: int = 0, **facts: Any) -> None:
        self.tell(Changed(name, state, record(name, **facts), order, False))

    def rings(self) -> None:
        """The retry that is armed comes due."""
        armed = self.posts.ticker.last(Armed)
        assert armed.at == self.clock.now().mono + RETRY
        armed.tell(Woken())
        self.tell()

    def degraded(self) -> tuple[str, ...]:
        return self.posts.metrics.last(ServiceNow).degraded


def record(name: str, intent: Intent = Intent.WANTED, **facts: Any) -> Record:
    return Record(spec=spec(name), intent=intent, **facts)


def failure(role: str, worker: str | None = None) -> ActorFailed:
    return ActorFailed(role, worker, "Woken", "boom", "trace")


# ── the beginning ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_makes_the_singletons_first_and_an_actor_for_each_worker_on_record() -> None:
    world = World("a", "b")
    assert world.calls[:3] == ["terminal", "ticker", "metrics"]
    assert world.posts.supervisor.ref is world.root.actor_ref
    assert [(each.name, each.worker.state) for each in world.workers] == [("a", State.PENDING), ("b", State.PENDING)]
    assert world.posts.metrics.last(DefinitionOrder).names == ("a", "b")
    assert SERVER in world.calls  # it is watched
    assert world.records.head.clean is False


# ── orders ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_is_on_the_disk_before_a_worker_hears_of_it_with_one_wait_for_all() -> None:
    world = World("a", "b")
    waits = world.records.waits
    answer = world.tell(Order(Verb.STOP, ("a", "b")))
    assert answer == Accepted(1, ("a", "b"))
    assert world.records.waits == waits + 1
    for each in world.workers:
        assert each.told[-1] == Ordered(Verb.STOP, 1)
        assert each.on_disk[-1] == record(each.name, STOPPED)


def test_a_new_worker_counts_the_order_that_made_it_as_carried_out() -> None:
    world = World()
    assert world.tell(Run(spec("a"))) == Accepted(1, ("a",))
    (made,) = world.workers
    assert (made.worker.order, made.worker.seed) == (1, "seed")
    assert world.records.workers["a"].by_hand


def test_a_removed_worker_is_told_nothing_more() -> None:
    world = World("a", intent=STOPPED)
    world.tell(Order(Verb.REMOVE, ("a",)))
    world.tell(Finished("a"))
    told = len(world.workers[0].told)
    assert world.records.workers == {}
    world.tell(ServerEnded(SERVER))
    assert len(world.workers[0].told) == told


def test_one_that_is_stopped_while_it_says_its_last_word_does_not_run() -> None:
    world = World("a", intent=STOPPED)
    world.tell(Order(Verb.REMOVE, ("a",)), Order(Verb.STOP, ("a",)), Finished("a"))
    _, second = world.workers
    assert (second.worker.state, second.worker.order) == (State.STOPPED, 2)
    assert world.records.workers == {"a": record("a", STOPPED)}


# ── the records file ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_that_cannot_be_recorded_is_carried_out_and_says_so() -> None:
    world = World("a")
    world.records.full = True
    answer = world.tell(Order(Verb.STOP, ("a",)))
    assert answer.unrecorded == "records.jsonl: No space left on device"
    assert world.workers[0].told[-1] == Ordered(Verb.STOP, 1)
    assert world.degraded() == ("records: records.jsonl: No space left on device",)


def test_a_failed_file_is_written_whole_at_the_next_retry_that_can() -> None:
    world = World("a", "b")
    world.records.full = True
    world.tell(Order(Verb.STOP, ("a",)))
    world.rings()
    assert world.records.failing
    world.records.full = False
    world.rings()
    assert world.records.workers == {"a": record("a", STOPPED), "b": record("b")}
    assert (world.records.failing, world.degraded()) == (None, ())
    assert world.journal.events()[-2:] == ["service.degraded", "service.recovered"]


def test_a_failure_of_a_moment_is_repaired_before_the_answer() -> None:
    world = World("a")
    world.records.failing = "records.jsonl: Input/output error"
    assert world.tell(Order(Verb.STOP, ("a",))).unrecorded is None
    assert world.records.workers == {"a": record("a", STOPPED)}


def test_what_was_lost_at_the_start_is_shown() -> None:
    world = World(lost="line 3 is damaged")
    assert world.degraded() == ("records: line 3 is damaged",)
    world.records.lost = None  # a person has deleted the file that was kept
    world.tell(HostSeen(Host()))
    assert world.degraded() == ()


# ── actors that fail ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", ["terminal", "ticker", "metrics"])
def test_a_singleton_that_fails_ends_the_service(role: str) -> None:
    world = World("a")
    told = len(world.workers[0].told)
    world.tell(failure(role))
    assert world.calls[-1] == Outcome("actor-failed", end_server=False, error=f"the {role} actor failed: boom")
    assert world.journal.lines[-1][0] == "actor.failed"
    assert (len(world.workers), len(world.workers[0].told)) == (1, told)


def living_pane(name: str) -> Pane:
    return pane_of("l", 9, name=name, digest=spec(name).digest)


def test_a_worker_actor_that_fails_is_replaced_by_one_that_adopts_and_hears_what_was_missed() -> None:
    world = World("a")
    world.says("a", State.STARTING)
    world.tell(Order(Verb.STOP, ("a",)))
    first = world.workers[0]
    world.tell(failure("worker", "a"))
    look = world.posts.terminal.last(Look)
    assert (look.name, look.pane, look.drop_start) == ("a", None, True)
    look.tell(PaneSeen(1.0, living_pane("a")))
    told = len(first.told)
    world.tell()
    _, second = world.workers
    assert second.worker.life is not None
    assert second.told == [Ordered(Verb.STOP, 1)]
    assert (second.worker.order, len(first.told)) == (0, told)


def test_its_pane_is_looked_for_again_while_tmux_does_not_answer() -> None:
    world = World("a")
    world.tell(failure("worker", "a"))
    world.posts.terminal.messages.clear()
    world.rings()
    assert world.posts.terminal.last(Look).name == "a"


def test_the_traceback_is_logged_and_not_published() -> None:
    world = World("a")
    world.tell(failure("worker", "a"))
    event, facts = world.journal.lines[-1]
    assert (event, facts["traceback"]) == ("actor.failed", "trace")
    activity = world.posts.metrics.last(Activity)
    assert (activity.event, activity.ts) == ("actor.failed", world.clock.now().wall)
    assert activity.facts == {key: facts[key] for key in ("actor", "worker", "handling", "error")}


# ── tmux, the end ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_server_that_ends_is_started_again_and_watched() -> None:
    world = World("a")
    world.tell(ServerEnded(SERVER))
    assert world.posts.terminal.messages == [Revive()]
    assert world.posts.metrics.last(ServiceNow).tmux == "unreachable"
    new = Handle(8, 8)
    world.tell(Revived((new,)))
    assert world.calls[-1] == new
    assert (world.records.head.servers, world.posts.metrics.last(ServiceNow).tmux) == ((new,), "ok")


def test_who_asked_while_tmux_was_silent_is_answered_then() -> None:
    world = World("a")
    world.tell(TmuxAnswers("timed out"), TmuxAnswers(None))
    assert world.posts.terminal.messages == [Revive(), LooksDue()]


def test_the_service_is_told_when_it_closes_and_when_it_is_done() -> None:
    world = World("a", intent=STOPPED)
    world.says("a", State.STOPPED, intent=STOPPED)
    order = ShutDown(keep_workers=False, cause="SIGTERM")
    world.tell(order)
    assert world.calls[-2:] == [order, Outcome("SIGTERM", end_server=True)]
    assert (world.records.head.clean, world.records.head.servers) == (True, ())
