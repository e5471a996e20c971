"""The Worker actor: carries facts to `life.step`, and its effects to the world. It decides nothing.

fact ──▶ step ──▶ Worker′, effects ──▶ Terminal, process port, prober
                     └──▶ Report to Metrics, Changed to the Supervisor, alarm at the Ticker
"""

import contextlib
from collections.abc import Callable
from typing import Any

from actors.base import Post
from actors.errands import Look
from actors.events.table import EVENTS
from actors.frozen import frozen
from actors.life.machine import due, step
from actors.life.readiness import settles_at
from actors.life.resuming import watched
from actors.life.state import Goal, Phase, State, Step, Worker
from actors.loop import Loop, LoopActor
from actors.ports import Clock, Deaths, Journal, Prober, Processes, RuleJudge
from actors.terminal import CallingOff, Discarding, InputLook, Notice, StartWanted, Typing
from actors.values import effects as do
from actors.values.bulletins import Activity, Armed, Changed, Enrolled, Finished, Report, Withdrawn
from actors.values.facts import (
    Fact,
    Handle,
    InputGiven,
    Instant,
    TreeSeen,
)
from actors.values.records import Intent, Record
from actors.values.requests import GiveInput
from actors.values.rules import LinesMatched
from actors.values.snapshot import row_of
from actors.values.typing import Untyped, Why

_SEEN_TO_LIVE = {State.STARTING, State.RUNNING, State.REMOVED}
Birth = Callable[[Instant], Step]


@frozen(kw_only=True)
class Dependencies:
    """The ports and posts of a Worker."""

    clock: Clock
    journal: Journal
    processes: Processes
    prober: Prober
    judge: RuleJudge
    deaths: Deaths
    terminal: Post[Any]
    ticker: Post[Any]
    metrics: Post[Any]
    supervisor: Post[Any]
    log_path: Callable[[str], str]
    loop: Loop


class _ReportDue:
    """What a Worker tells itself after an urgent order."""


class WorkerActor(LoopActor):
    """Owns everything about one worker: state, counters, screen. They start and end with this actor.

    Nothing that it calls blocks: each port has a queue and a thread of its own.
    """

    def __init__(self, name: str, birth: Birth, deps: Dependencies) -> None:
        super().__init__(deps.loop, deps.supervisor, "worker", name)
        self._name = name
        self._birth = birth
        self._deps = deps
        self._worker: Worker | None = None
        self._unreported: list[tuple[Worker | None, Worker, list[Activity]]] = []
        self._report_due = False
        self._said: Changed | None = None
        self._armed: float | None = None
        self._log_bytes: int | None = None
        self._typists: dict[int, Callable[[Untyped | None], None]] = {}
        self._inputs = 0

    def begin(self) -> None:
        worker, effects = self._birth(self._deps.clock.now())
        del self._birth  # with the record and the panes that it was made from
        self._enrol(worker)
        self._become(worker, effects)

    def handle(self, message: Any) -> None:
        assert self._worker is not None
        if isinstance(message, _ReportDue):
            self._report_all()
            return
        if self._worker.state is State.REMOVED:
            return  # what still waits in the mailbox of a removed worker is dropped
        if isinstance(message, GiveInput):
            message = self._given(message)
        if isinstance(message, TreeSeen):
            self._log_bytes = message.log_bytes
        self._take(self._worker, message)
        if isinstance(message, LinesMatched):
            self._deps.judge.heard(self._name)
        if isinstance(message, TreeSeen) and not self.actor_stopped.is_set():
            self._report(beat=message.beat)

    def _given(self, wanted: GiveInput) -> InputGiven:
        self._inputs += 1
        self._typists[self._inputs] = wanted.answered
        given = wanted
        return InputGiven(self._inputs, given.content, given.keys, given.until, given.manner, given.force)

    def failed(self) -> None:
        with contextlib.suppress(BaseException):
            self._report_all()  # what was done before it failed
        for answered in self._typists.values():
            with contextlib.suppress(BaseException):  # the sender's code: the next sender gets its answer all the same
                said = f"the actor of {self._name} has failed; the input may have been typed"
                answered(Untyped(Why.NOT_MET, said))

    def _take(self, before: Worker, fact: Fact) -> None:
        after, effects = step(before, fact, self._deps.clock.now())
        self._become(after, effects)

    def _become(self, after: Worker, effects: tuple[do.Effect, ...]) -> None:
        """Log what happened, then act, then report: after urgent orders a little later, as a report wakes threads."""
        before, self._worker = self._worker, after
        told = [self._logged(effect) for effect in effects if isinstance(effect, do.Emit)]
        for effect in effects:
            self._carry_out(effect)
        self._unreported.append((before, after, told))
        finishes = any(isinstance(effect, do.Finish) for effect in effects)
        if _is_urgent(after, effects) and not self._report_due:
            self._report_due = True
            self.tell_me_soon(_ReportDue())
        if finishes or not self._report_due:
            self._report_all()
        if finishes:
            self._finish()

    def _report_all(self) -> None:
        """Report each step since the last report, and the worker as it is now."""
        steps, self._unreported = self._unreported, []
        self._report_due = False
        for _, _, told in steps:
            for activity in told:
                self._deps.metrics.tell(activity)
        changes = [(before, after) for before, after, _ in steps if after is not before and after != before]
        if changes:
            self._report()  # first: a worker that starts because of a change is never shown before it
        for before, after in changes:
            self._tell_of_change(before, after)

    def _tell_of_change(self, before: Worker | None, after: Worker) -> None:
        record = record_of(after)
        news = Changed(after.name, after.state, record, after.order, after.rests, settles_at(after) is not None)
        if news != self._said:
            self._said = news
            self._deps.supervisor.tell(news)
        if before is None or _process(before) != _process(after) or before.spec.log != after.spec.log:
            self._enrol(after)
        self._judge_by(before, after)
        self._arm(after)

    def _judge_by(self, before: Worker | None, after: Worker) -> None:
        """Say by which rules its output is judged, and show its screen to those that look at it."""
        old, new = before.life if before else None, after.life
        begins = new is not None and new.phase is Phase.ORDERED and (old is None or old.id != new.id)
        rules, rules_before = watched(after.spec), watched(before.spec) if before else ()
        others = before is None or rules != rules_before
        if (rules or rules_before) and (others or begins):
            life = new.id if begins and new else None
            self._deps.judge.follow(self._name, rules, life, self.tell_me)
        screen = after.screen
        if rules and new and screen and (others or before is None or screen is not before.screen):
            self._deps.judge.show(self._name, new.id, screen.content)

    def _arm(self, worker: Worker) -> None:
        at = due(worker)
        if at is not None and at != self._armed:
            self._deps.ticker.tell(Armed(at, self._name, self.tell_me))
        self._armed = at

    def _enrol(self, worker: Worker) -> None:
        keep = worker.spec.log.keep
        self._deps.ticker.tell(Enrolled(self._name, self.tell_me_later, _process(worker), keep))

    def _report(self, beat: int | None = None) -> None:
        worker = self._worker
        if worker is None or worker.state is State.REMOVED:
            return
        path, now = self._deps.log_path(self._name), self._deps.clock.now()
        row = row_of(worker, log_path=path, log_bytes=self._log_bytes, reported_at=now.wall)
        screen = worker.screen.content if worker.screen else None
        self._deps.metrics.tell(Report(row, screen, beat))

    def _logged(self, effect: do.Emit) -> Activity:
        facts = dict(effect.facts)
        if effect.transition:
            facts["from"], facts["to"] = effect.transition
        self._deps.journal.log(effect.event, facts)
        self._show_attached(effect.event, facts)
        return Activity(self._deps.clock.now().wall, effect.event, facts)

    def _show_attached(self, event: str, facts: dict[str, Any]) -> None:
        """Say to those who are attached what ends, and what comes next; the start line takes it away again."""
        worker = self._worker
        if worker and worker.attached and worker.pane and facts.get("to", State.RUNNING) not in _SEEN_TO_LIVE:
            said = EVENTS[event].told(facts, worker.spec.max_restarts)
            self._deps.terminal.tell(Notice(worker.pane, f"{self._name}: {said}"))

    def _carry_out(self, effect: do.Effect) -> None:
        deps, tell = self._deps, self.tell_me
        match effect:
            case do.Start():
                deps.terminal.tell(StartWanted(effect, tell))
            case do.CallOff(life):
                deps.terminal.tell(CallingOff(life))
            case do.AskPane(pane, nudge, close):
                deps.terminal.tell(Look(self._name, pane, nudge, tell, close=close))
            case do.ArmLog():
                deps.terminal.tell(effect)
            case do.Type():
                deps.terminal.tell(Typing(effect, tell))
            case do.LookAtInput():
                deps.terminal.tell(InputLook(effect, tell))
            case do.Acknowledge(number, problem):
                if answered := self._typists.pop(number, None):
                    answered(problem)
            case do.Watch():
                deps.processes.watch(effect, tell)
            case do.Signal():
                deps.processes.send_signal(self._name, effect)
            case do.SeekTree():
                deps.processes.seek(self._name, effect, tell)
            case do.EndTree():
                deps.processes.end(self._name, effect, tell)
            case do.Probe():
                deps.prober.probe(effect, tell)
            case do.ShowScreen(life, screen):
                deps.prober.show(life, screen)
            case do.EndProbe(life):
                deps.prober.forget(life)
            case do.Forget(life):
                deps.processes.forget(life)
                deps.prober.forget(life)
            case do.KeepDeath(death):
                deps.deaths.keep(death)
            case do.RunCommand():
                deps.judge.run(effect, tell)
            case do.Emit() | do.Finish():
                pass  # `_become` does them

    def _finish(self) -> None:
        for post in (self._deps.ticker, self._deps.metrics):
            post.tell(Withdrawn(self._name))
        self._deps.terminal.tell(Discarding(self._name))
        self._deps.deaths.forget(self._name)
        if self._worker and watched(self._worker.spec):
            self._deps.judge.forget(self._name)
        self._deps.supervisor.tell(Finished(self._name))
        self.stop()


def _is_urgent(worker: Worker, effects: tuple[do.Effect, ...]) -> bool:
    """Whether a worker that has died, and is to live again, waits for these orders."""
    orders = (isinstance(effect, do.AskPane) or (isinstance(effect, do.Start) and effect.pane) for effect in effects)
    return worker.goal is None and any(orders)


def _process(worker: Worker) -> Handle | None:
    life = worker.life
    return life.process if life and life.phase is Phase.ALIVE else None


_INTENTS = {
    State.STOPPED: Intent.STOPPED,
    State.COMPLETED: Intent.COMPLETED,
    State.FAILED: Intent.FAILED,
    State.REMOVED: Intent.REMOVED,
}
_GOAL_INTENTS = {Goal.STOP: Intent.STOPPED, Goal.COMPLETE: Intent.COMPLETED, Goal.REMOVE: Intent.REMOVED}


def record_of(worker: Worker) -> Record:
    """Return the record of a worker. One that `down` stopped is still wanted."""
    intent = _INTENTS.get(worker.state, Intent.WANTED)
    if worker.with_service:
        intent = Intent.WANTED
    if worker.goal in _GOAL_INTENTS:
        intent = _GOAL_INTENTS[worker.goal]
    life, process, server = _unended(worker)
    return Record(
        spec=worker.next_spec or worker.spec,
        intent=intent,
        ready=worker.state is State.RUNNING,
        life=life,
        process=process,
        server=server or 0,
        exit=worker.exit,
        judged=worker.judged,
        reason=worker.reason,
        hold=worker.hold,
        session=worker.session,
    )


def _unended(worker: Worker) -> tuple[str | None, Handle | None, int | None]:
    """Return the life, its process and its tmux server, of which something may still live."""
    if worker.life:
        return worker.life.id, worker.life.process, worker.life.server
    ending = worker.ending
    return (ending.life, ending.process, ending.server) if ending else (None, None, None)
