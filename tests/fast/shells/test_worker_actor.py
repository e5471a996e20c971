"""The Worker's shell on fake ports: it decides nothing, and it leaves out nothing of what was decided."""

from collections import deque
from dataclasses import replace
from typing import Any

import pytest
from kit.fake_ports import FakeClock, FakeDeaths, FakeJournal, FakeJudge, FakeProber, FakeProcesses, NotingPost
from kit.life import pane_of

from actors.errands import Look
from actors.life.adoption import define
from actors.life.state import State
from actors.loop import Loop
from actors.terminal import Discarding, InputLook, StartWanted, Typing
from actors.values.bulletins import Activity, Armed, Changed, Enrolled, Finished, Report, Withdrawn
from actors.values.facts import (
    Admitted,
    Handle,
    InputSeen,
    Ordered,
    PaneAbsent,
    PaneSeen,
    SpecChanged,
    Started,
    Tree,
    TreeSeen,
    Verb,
    Woken,
)
from actors.values.records import Intent
from actors.values.requests import GiveInput
from actors.values.rules import Act, LinesMatched, Match, Rule
from actors.values.spec import Backoff, Ready, WorkerSpec
from actors.values.typing import Sight, Untyped
from actors.worker import Dependencies, WorkerActor

SPEC = WorkerSpec(
    name="api", command=("serve",), cwd="/", backoff=Backoff(initial=1.0, jitter=0.0), stop=("TERM", 10.0, "KILL")
)


class World:
    """Everything around one Worker; `work` lets it handle what waits in its mailbox."""

    def __init__(self, spec: WorkerSpec = SPEC) -> None:
        self.clock = FakeClock()
        self.journal, self.deaths = FakeJournal(), FakeDeaths()
        self.processes, self.prober = FakeProcesses(), FakeProber()
        self.judge = FakeJudge()
        self.terminal, self.ticker, self.metrics, self.supervisor = (NotingPost() for _ in range(4))
        deps = Dependencies(
            clock=self.clock,
            journal=self.journal,
            processes=self.processes,
            prober=self.prober,
            judge=self.judge,
            deaths=self.deaths,
            terminal=self.terminal,
            ticker=self.ticker,
            metrics=self.metrics,
            supervisor=self.supervisor,
            log_path=lambda name: f"/logs/{name}.log",
            loop=object.__new__(Loop),  # the test gives it its turns
        )
        self.worker = WorkerActor("api", lambda now: define(spec, "s", now), deps)
        self.life = ""
        self.box: deque[Any] = deque()
        self.soon: deque[Any] = deque()
        self.worker.tell_me = self.box.append  # type: ignore[method-assign]
        self.worker.tell_me_soon = self.soon.append  # type: ignore[method-assign]
        self.worker.begin()

    def tell(self, *messages: Any) -> None:
        """Tell it these, after what waits already, and let it handle all that comes of them."""
        self.box.extend(messages)
        while self.box or self.soon:
            self.worker.handle((self.box or self.soon).popleft())

    def starts(self) -> Handle:
        """Let it in, and carry out the start that it orders."""
        self.tell(Admitted())
        (wanted,) = self.terminal.take(StartWanted)
        process, self.life = self.processes.start(), wanted.start.life
        wanted.tell(Started(wanted.start.life, "%1", process))
        self.tell()
        return process

    def pane(self, handle: Handle, **seen: Any) -> PaneSeen:
        """Return what a look shows now of the pane of the present life, whose first process has this handle."""
        self.clock.pass_time(0.001)  # what was seen before the answer to an order is no evidence
        facts = {"process": handle, "activity": 77, "digest": SPEC.digest}
        return PaneSeen(self.clock.now().mono, pane_of(self.life, handle.pid, **(facts | seen)))

    def ended(self, process: Handle, **seen: Any) -> None:
        """The process ends; tmux, which is asked, shows how."""
        self.processes.kill(process)
        self.tell()
        (look,) = self.terminal.take(Look)
        look.tell(self.pane(process, process=None, dead=True, **seen))
        self.tell()

    def is_known_to_have_ended(self, process: Handle) -> None:
        """The process ends with 3, and tmux says so; nothing else has its turn."""
        self.processes.kill(process)
        self.worker.handle(self.box.popleft())
        (look,) = self.terminal.take(Look)
        look.tell(self.pane(process, process=None, dead=True, status=3, dead_at=1.0))
        while self.box:
            self.worker.handle(self.box.popleft())

    def passes(self, seconds: float) -> None:
        """Let time pass, and ring the alarm that is armed last, if that is due."""
        self.clock.pass_time(seconds)
        armed = self.ticker.last(Armed)
        if armed.at <= self.clock.now().mono:
            armed.tell(Woken())
            self.tell()

    def state(self) -> str:
        return str(self.metrics.last(Report).row.state)


@pytest.fixture
def world() -> World:
    return World()


def test_at_its_birth_it_takes_part_in_the_beats_and_tells_all_that_it_is_there(world: World) -> None:
    enrolled = world.ticker.last(Enrolled)
    assert (enrolled.name, enrolled.process, enrolled.keep) == ("api", None, SPEC.log.keep)
    assert world.state() == "pending"
    changed = world.supervisor.last(Changed)
    assert (changed.state, changed.record.intent) == (State.PENDING, Intent.WANTED)
    assert world.journal.events() == ["worker.pending"]
    assert world.metrics.last(Activity).event == "worker.pending"


def test_what_has_happened_is_written_before_anything_is_done_about_it(world: World) -> None:
    order: list[str] = []
    world.journal.log = lambda event, facts: order.append(event)  # type: ignore[method-assign]
    world.terminal.tell = lambda message: order.append(type(message).__name__)  # type: ignore[method-assign]
    world.tell(Admitted())
    assert order == ["worker.starting", "StartWanted"]


def test_a_report_comes_before_the_supervisor_is_told(world: World) -> None:
    order: list[str] = []
    world.metrics.tell = lambda message: order.append(type(message).__name__)  # type: ignore[method-assign]
    world.supervisor.tell = lambda message: order.append(type(message).__name__)  # type: ignore[method-assign]
    world.tell(Admitted())
    assert order.index("Report") < order.index("Changed")


def test_who_waits_for_its_next_life_is_helped_before_that_is_reported(world: World) -> None:
    process = world.starts()
    world.metrics.messages.clear()
    world.is_known_to_have_ended(process)
    assert world.metrics.messages == []
    world.worker.handle(world.soon.popleft())
    assert [message.row.state for message in world.metrics.take(Report)] == ["backoff"]


def test_what_was_done_before_an_actor_fails_is_reported(world: World) -> None:
    process = world.starts()
    world.is_known_to_have_ended(process)
    assert world.supervisor.last(Changed).state is State.RUNNING
    world.worker.failed()
    assert world.supervisor.last(Changed).state is State.BACKOFF


def test_a_life_is_watched_and_its_process_is_swept_from_then_on(world: World) -> None:
    process = world.starts()
    assert world.state() == "running"
    assert world.ticker.last(Enrolled).process == process
    record = world.supervisor.last(Changed).record
    assert (record.process, record.ready) == (process, True)


def test_an_end_is_asked_about_judged_kept_and_followed_by_a_pause(world: World) -> None:
    process = world.starts()
    world.ended(process, status=3, dead_at=1.0)
    assert world.state() == "backoff"
    (death,) = world.deaths.kept
    assert (death.worker, death.exit_code) == ("api", 3)
    world.passes(0.9)
    assert world.terminal.take(StartWanted) == []
    world.passes(0.2)
    assert len(world.terminal.take(StartWanted)) == 1


def test_a_stop_takes_its_steps_at_their_time_and_no_alarm_is_armed_twice(world: World) -> None:
    process = world.starts()
    world.processes.deaf.add(process)
    world.tell(Ordered(Verb.STOP, 7))
    assert [signal for _, signal in world.processes.signals] == ["TERM"]
    assert world.supervisor.last(Changed).record.intent is Intent.STOPPED  # before it has ended
    armed = len([message for message in world.ticker.messages if isinstance(message, Armed)])
    world.tell(TreeSeen(world.clock.now().mono, 1, Tree(1000, None, (process,))))
    assert len([message for message in world.ticker.messages if isinstance(message, Armed)]) == armed
    world.passes(10.0)
    assert [signal for _, signal in world.processes.signals] == ["TERM", "KILL"]
    for look in world.terminal.take(Look):
        look.tell(world.pane(process, process=None, dead=True, signal=9))
    world.tell()
    assert (world.state(), world.supervisor.last(Changed).order) == ("stopped", 7)


def test_each_health_beat_is_answered_with_a_report_even_when_nothing_changed(world: World) -> None:
    process = world.starts()
    world.metrics.messages.clear()
    seen = Tree(1000, 1.0, (process,))
    for beat in (4, 5):
        world.clock.pass_time(1.0)
        world.tell(TreeSeen(world.clock.now().mono, beat, seen, 123))
        reports = world.metrics.take(Report)
        assert [report.beat for report in reports if report.beat is not None] == [beat]
        assert (reports[-1].row.rss_bytes, reports[-1].row.log_bytes) == (1000, 123)


def test_a_capture_beat_that_changed_nothing_is_answered_with_silence(world: World) -> None:
    process = world.starts()
    world.tell(world.pane(process))
    world.metrics.messages.clear()
    world.supervisor.messages.clear()
    world.tell(world.pane(process))
    assert (world.metrics.messages, world.supervisor.messages) == ([], [])


def test_typed_input_is_answered_once_and_where_the_actor_fails_too(world: World) -> None:
    world.starts()
    told: list[Untyped | None] = []
    world.tell(GiveInput("api", b"hello", (), told.append))
    (look,) = world.terminal.take(InputLook)
    look.tell(InputSeen(look.order.life, look.order.piece, Sight()))
    world.tell()
    (typing,) = world.terminal.take(Typing)
    assert typing.order.content == b"hello"
    assert told == []
    world.worker.failed()
    assert [untyped.text for untyped in told if untyped] == [
        "the actor of api has failed; the input may have been typed"
    ]


def test_a_probe_is_asked_for_and_forgotten_with_its_life() -> None:
    world = World(replace(SPEC, ready=Ready(tcp="127.0.0.1:80"), restart=SPEC.restart))
    process = world.starts()
    life = world.life
    assert list(world.prober.probes) == [life]
    assert world.state() == "starting"
    world.ended(process, status=1)
    assert world.prober.probes == {}


RULE = Rule(match="x", do=(Act(run=("tell",)),))


def test_the_output_of_a_worker_with_rules_is_judged_from_its_life_s_beginning_and_so_is_its_screen() -> None:
    world = World(replace(SPEC, rules=(RULE,)))
    assert world.judge.followed["api"][:2] == ((RULE,), None)
    process = world.starts()
    assert world.judge.followed["api"][:2] == ((RULE,), world.life)
    world.tell(replace(world.pane(process), screen=b"shown"))
    assert world.judge.screens == {"api": b"shown"}
    world.tell(SpecChanged(SPEC))
    assert world.judge.followed["api"][:2] == ((), None)


def test_matches_are_heard_when_they_are_dealt_with_and_a_command_is_run() -> None:
    world = World(replace(SPEC, rules=(RULE,)))
    world.starts()
    world.judge.unheard = 1
    world.tell(LinesMatched(world.life, ((RULE, Match("x")),)))
    assert world.judge.unheard == 0
    assert [order.argv for order in world.judge.ran] == [("tell",)]


def test_a_worker_without_rules_is_not_judged(world: World) -> None:
    world.tell(replace(world.pane(world.starts()), screen=b"shown"))
    assert (world.judge.followed, world.judge.screens) == ({}, {})


def test_a_removed_worker_clears_the_tables_of_all_and_says_no_more(world: World) -> None:
    process = world.starts()
    world.tell(Ordered(Verb.REMOVE, 1))
    for look in world.terminal.take(Look):
        look.tell(world.pane(process, process=None, dead=True, signal=15))
    world.tell()
    closed = world.terminal.last(Look)
    assert (closed.pane, closed.close) == ("%1", True)
    world.clock.pass_time(1.0)
    world.tell(PaneAbsent(world.clock.now().mono))
    for post in (world.ticker, world.metrics):
        assert isinstance(post.messages[-1], Withdrawn)
    assert isinstance(world.supervisor.messages[-1], Finished)
    assert world.terminal.last(Discarding) == Discarding("api")
    assert world.deaths.kept == []
    said = [len(post.messages) for post in (world.ticker, world.metrics, world.supervisor)]
    world.tell(TreeSeen(world.clock.now().mono, 9, None))
    assert [len(post.messages) for post in (world.ticker, world.metrics, world.supervisor)] == said
