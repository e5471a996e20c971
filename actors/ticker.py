"""The Ticker: the only clock. It has two beats and one heap of alarms. It never blocks, and the Sweeper reads for it.

    clock ──Rang──▶ Ticker ──▶ Sweeper (one sweep per beat)
                      ▲            │ SweptPanes, SweptTrees
                      └────────────┘──▶ to each worker its slice

At a capture beat the Ticker tells the workers whose pane changed, died or vanished. At a health beat it tells all, in
one message each: their tree, and their pane if that is as it was.
"""

from collections.abc import Callable, Mapping
from typing import Any, assert_never

from actors.base import Post
from actors.beats import Alarms, Beats
from actors.loop import Loop, LoopActor
from actors.ports import Clock, Journal, PaneSweep, Sweeper, SweepFailed
from actors.values.bulletins import (
    Activity,
    Armed,
    CaptureTold,
    Disarmed,
    Enrolled,
    HealthTold,
    HostSeen,
    Rang,
    SweptPanes,
    SweptTrees,
    TmuxAnswers,
    Withdrawn,
)
from actors.values.facts import Pane, PaneAbsent, PaneSeen, TreeSeen, Woken

TickerMessage = Enrolled | Withdrawn | Armed | Disarmed | Rang | SweptPanes | SweptTrees
SWEEP_LOST = 30.0  # seconds after which a sweep without an answer is given up
GAP = 3  # capture intervals without the clock: the service was stopped, or starved
GAP_LEAST = 2.0  # seconds
ON_TIME_AFTER = 60.0  # seconds without an overrun that end an incident of them


class TickerActor(LoopActor):
    """Owns the beats, the alarms, and the panes of the last sweep, to see what changed."""

    def __init__(
        self,
        loop: Loop,
        clock: Clock,
        sweeper: Sweeper,
        journal: Journal,
        *,
        capture_interval: float,
        health_interval: float,
        metrics: Post[Any],
        supervisor: Post[Any],
    ) -> None:
        super().__init__(loop, supervisor, "ticker")
        self._clock = clock
        self._sweeper = sweeper
        self._journal = journal
        self._metrics = metrics
        self._supervisor = supervisor
        start = clock.now().mono
        self._capture = Beats(start, capture_interval)
        self._health = Beats(start, health_interval)
        self._alarms = Alarms()
        self._waiting: dict[str, Callable[[Any], None]] = {}
        self._enrolled: dict[str, Enrolled] = {}
        self._panes: Mapping[str, Pane] = {}
        self._sweeping_panes: float | None = None
        self._sweeping_trees: float | None = None
        self._tell_all = True
        self._unsaid: dict[str, PaneSeen | PaneAbsent] = {}  # what is no news waits for the trees of its beat
        self._early: SweptTrees | None = None  # they wait for the panes of their beat
        self._answering: bool | None = None
        self._rung = start
        self._overruns = 0
        self._overrun_at: float | None = None  # the last overrun of the present incident

    def begin(self) -> None:
        self._sweep_panes(0)
        self._arm_clock()

    def handle(self, message: TickerMessage) -> None:
        match message:
            case Rang():
                self._ring()
            case Armed(at, key, tell):
                self._waiting[key] = tell
                self._alarms.arm(key, at)
                self._arm_clock()
            case Disarmed(key):
                self._disarm(key)
                self._arm_clock()
            case Enrolled(name):
                self._enrolled[name] = message
            case Withdrawn(name):
                self._enrolled.pop(name, None)
                self._disarm(name)
            case SweptPanes(beat, sweep):
                self._panes_swept(beat, sweep)
            case SweptTrees():
                self._trees_swept(message)
            case _:
                assert_never(message)

    def _disarm(self, key: str) -> None:
        self._waiting.pop(key, None)
        self._alarms.drop(key)

    def _arm_clock(self) -> None:
        times = [self._capture.next_at, self._health.next_at]
        alarm = self._alarms.next_at()
        self._clock.wake_at(min(times if alarm is None else [*times, alarm]), self._rang)

    def _rang(self) -> None:
        self.tell_me(Rang())

    def _ring(self) -> None:
        now = self._clock.now().mono
        self._tell_of_gap(now)
        for key in self._alarms.due(now):
            self._waiting.pop(key)(Woken())
        self._beat_health(now)
        self._beat_capture(now)
        self._tell_of_being_on_time(now)
        self._arm_clock()  # only now: a slow tick delays the next, it never stacks

    def _tell_of_gap(self, now: float) -> None:
        """Log a time in which the service did not run: exits in it are judged late."""
        silent, self._rung = now - self._rung, now
        if silent > max(GAP * self._capture.interval, GAP_LEAST):
            self._say("service.gap", {"seconds": round(silent, 1)})

    def _beat_capture(self, now: float) -> None:
        beats = self._capture.passed(now)
        if beats is self._capture:
            return
        late = beats.missed - self._capture.missed
        self._capture = beats
        if _under_way(self._sweeping_panes, now):
            late += 1
        else:
            self._sweep_panes(beats.number)
        if late:
            self._overrun("capture", late, now)

    def _beat_health(self, now: float) -> None:
        beats = self._health.passed(now)
        if beats is self._health:
            return
        self._health = beats
        self._tell_all = True
        if _under_way(self._sweeping_trees, now):
            self._overrun("health", 1, now)
            return
        self._sweeping_trees = now
        roots = {name: e.process for name, e in self._enrolled.items() if e.process}
        keep = {name: e.keep for name, e in self._enrolled.items()}
        tell, number = self.tell_me, beats.number
        self._sweeper.sweep_trees(roots, keep, lambda sweep: tell(SweptTrees(number, sweep)))

    def _sweep_panes(self, beat: int) -> None:
        self._sweeping_panes = self._clock.now().mono
        tell = self.tell_me
        self._sweeper.sweep_panes(lambda sweep: tell(SweptPanes(beat, sweep)))

    def _overrun(self, beat: str, count: int, now: float) -> None:
        self._overruns += count
        if self._overrun_at is None:
            facts = {"beat": beat, "skipped": count, "overruns": self._overruns}
            self._say("ticker.overrun", facts)
        self._overrun_at = now

    def _tell_of_being_on_time(self, now: float) -> None:
        if self._overrun_at is not None and now - self._overrun_at >= ON_TIME_AFTER:
            self._overrun_at = None
            self._say("ticker.on_time", {"overruns": self._overruns})

    def _say(self, event: str, facts: dict[str, Any]) -> None:
        self._journal.log(event, facts)
        self._metrics.tell(Activity(self._clock.now().wall, event, facts))

    def _panes_swept(self, beat: int, sweep: PaneSweep | SweepFailed) -> None:
        began, self._sweeping_panes = self._sweeping_panes, None
        began = sweep.taken if began is None else began
        swept = self._clock.now().mono - began
        if isinstance(sweep, SweepFailed):
            self._say_tmux_answers(False, sweep.reason)
        else:
            self._say_tmux_answers(True, None)
            self._tell_slices(sweep)
        took = self._clock.now().mono - began
        self._metrics.tell(CaptureTold(beat, took, swept, self._overruns))
        early, self._early = self._early, None
        if early:
            self._trees_swept(early)

    def _say_tmux_answers(self, answers: bool, reason: str | None) -> None:
        if answers is not self._answering:
            self._answering = answers
            self._supervisor.tell(TmuxAnswers(reason))

    def _tell_slices(self, sweep: PaneSweep) -> None:
        before, self._panes = self._panes, sweep.panes
        tell_all, self._tell_all = self._tell_all, False
        for name, enrolled in self._enrolled.items():
            pane, old = sweep.panes.get(name), before.get(name)
            is_news = pane != old or name in sweep.screens
            if is_news or tell_all:
                seen = PaneSeen(sweep.taken, pane, sweep.screens.get(name)) if pane else PaneAbsent(sweep.taken)
                if is_news or self._sweeping_trees is None:
                    enrolled.tell(seen)
                else:
                    self._unsaid[name] = seen

    def _trees_swept(self, answer: SweptTrees) -> None:
        if self._tell_all and self._sweeping_panes is not None:
            self._early = answer
            return
        unsaid, self._unsaid = self._unsaid, {}
        began, self._sweeping_trees = self._sweeping_trees, None
        sweep = answer.sweep
        began = sweep.taken if began is None else began
        swept = self._clock.now().mono - began
        for name, enrolled in self._enrolled.items():
            # a worker that started after the sweep began gets no slice, only the beat
            known = name in sweep.trees
            taken = sweep.taken if known else float("-inf")
            log = sweep.logs.get(name)
            kept, new = (log.bytes, log if sweep.logs_are_new else None) if log else (None, None)
            enrolled.tell(TreeSeen(taken, answer.beat, sweep.trees.get(name), kept, new, unsaid.get(name)))
        self._metrics.tell(HealthTold(answer.beat, frozenset(self._enrolled), sweep.host, began, swept))
        self._supervisor.tell(HostSeen(sweep.host))


def _under_way(since: float | None, now: float) -> bool:
    return since is not None and now - since < SWEEP_LOST
