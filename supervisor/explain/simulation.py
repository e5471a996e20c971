"""What policy does about given crashes, on a virtual clock: the worker's own `step`, in a world that always answers.

    spec, crashes ──simulate──▶ Happened, Happened, … ──▶ Outcome
                        │ step(worker, fact, now) ──▶ effects
                        └◀── facts: each start succeeds, each probe says yes, each tree ends at once

Nothing runs and nothing waits. Pauses have no jitter, so that the same file always gives the same lines. What a worker
depends on is taken as ready.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from actors.frozen import frozen
from actors.life.adoption import define
from actors.life.budget import rule_for
from actors.life.machine import due, step
from actors.life.state import State, Worker
from actors.values.effects import Effect, Emit, EndTree, Probe, SeekTree, Start
from actors.values.facts import (
    Admitted,
    Exit,
    Fact,
    Handle,
    Instant,
    Pane,
    PaneSeen,
    ProbeSucceeded,
    Purpose,
    Started,
    TreeFound,
    TreeGone,
    Woken,
)
from actors.values.spec import WorkerSpec
from supervisor.explain.arithmetic import gives_up
from supervisor.explain.policy import is_ever_restarted

MOST_STEPS = 5_000  # some 0.3 s: a back-off without a pause would never get to the end of the time
FORGIVEN = "healthy"  # the cause of a line that is no change of state

S = State
_PANE, _PROCESS = "%0", Handle(1, 1)
_INSTANT = 0.001  # the shortest life, in seconds
_RESTS = (S.COMPLETED, S.FAILED, S.STOPPED, S.QUARANTINED)


@frozen
class Crash:
    """Lives that end `after` seconds: the next `times` lives, or all that follow when it is None."""

    after: float
    times: int | None = None
    code: int | None = 1
    signal: int | None = None

    @property
    def exit(self) -> Exit:
        return Exit(self.code, self.signal, 0.0)


@frozen
class Happened:
    """One line: at `at` seconds the worker came from one state to the next. `pause`: until its next start."""

    at: float
    before: str | None
    after: str
    cause: str
    reason: str
    pause: float | None = None
    attempt: int = 0


@frozen
class Outcome:
    """How it stands `at` seconds, when the worker came to rest or the time was over. `lives` were begun.

    `endless`: the policy never gives up on such crashes. `gives_up_at`: the seconds after which it would, where that is
    later. `cut`: the lives are so short that the simulation ended before the time was over.
    """

    state: str
    reason: str
    at: float
    lives: int
    restarts: int
    endless: bool = False
    gives_up_at: float | None = None
    cut: bool = False


@dataclass(slots=True)
class Story:
    """One worker and its world; the owner of both while it is told."""

    worker: Worker
    crashes: list[Crash]
    now: float = 0.0
    lines: list[Happened] = field(default_factory=list)
    dies_at: float | None = None
    dies_of: Crash | None = None

    def instant(self) -> Instant:
        return Instant(self.now, self.now)

    def take(self, after: Worker, effects: Sequence[Effect]) -> None:
        """Keep the step, note its changes of state, and tell the worker at once what its effects lead to."""
        if after.budget.attempt < self.worker.budget.attempt and after.state is self.worker.state:
            self.lines.append(Happened(self.now, after.state, after.state, FORGIVEN, "earlier crashes are forgiven"))
        self.worker = after
        for effect in effects:
            if isinstance(effect, Emit) and effect.transition:
                self.note(effect)
        for fact in self.answers(effects):
            self.tell(fact)

    def tell(self, fact: Fact) -> None:
        self.take(*step(self.worker, fact, self.instant()))

    def note(self, line: Emit) -> None:
        before, after = line.transition or (None, "")
        pause = line.facts.get("delay_s")
        facts = (str(line.facts["cause"]), str(line.facts.get("reason", "")), pause, self.worker.budget.attempt)
        self.lines.append(Happened(self.now, before, str(after), *facts))

    def answers(self, effects: Sequence[Effect]) -> Iterator[Fact]:
        for effect in effects:
            match effect:
                case Start(life=life):
                    self.begin()
                    yield Started(life, _PANE, _PROCESS)
                case Probe(life=life, purpose=Purpose.READY):
                    yield ProbeSucceeded(life, Purpose.READY)
                case EndTree(life=life):
                    yield TreeGone(life)
                case SeekTree(life=life):
                    yield TreeFound(life, ())
        if self.worker.state is S.PENDING and not self.worker.rests:
            yield Admitted()

    def begin(self) -> None:
        """A life begins: the first crash that is left says when and how it ends."""
        self.dies_of = self.crashes[0] if self.crashes else None
        self.dies_at = None if self.dies_of is None else self.now + self.dies_of.after
        if self.dies_of is not None and self.dies_of.times is not None:
            left = self.dies_of.times - 1
            self.crashes[0:1] = [replace(self.dies_of, times=left)] if left else []

    def die(self) -> None:
        life, crash = self.worker.life, self.dies_of
        self.dies_at = None
        if life is None or crash is None:
            return
        self.now = max(self.now, life.answered + _INSTANT)  # a sweep counts only when it is newer than the start
        dead = Pane(
            id=_PANE,
            pid=_PROCESS.pid,
            process=None,
            dead=True,
            status=crash.code,
            signal=crash.signal,
            dead_at=None,
            activity=0,
            columns=80,
            rows=25,
            piped=True,
            attached=False,
            name=self.worker.name,
            life=life.id,
        )
        self.tell(PaneSeen(self.now, dead))


def simulate(spec: WorkerSpec, crashes: Sequence[Crash], until: float) -> tuple[list[Happened], Outcome]:
    """Return what happens to the worker from its first start until `until` seconds, and how it stands then."""
    steady = replace(spec, backoff=replace(spec.backoff, jitter=0.0))
    unborn = Worker(spec=steady, seed="", state=S.UNBORN, since=Instant(0.0, 0.0))
    story = Story(unborn, [crash for crash in crashes if crash.times != 0])
    story.take(*define(steady, "", Instant(0.0, 0.0)))
    for _ in range(MOST_STEPS):
        times = [at for at in (due(story.worker), story.dies_at) if at is not None]
        if not times or (ahead := max(story.now, min(times))) > until:
            return story.lines, _outcome(story, until)
        dies = story.dies_at is not None and story.dies_at <= ahead
        story.now = ahead
        story.die() if dies else story.tell(Woken())
    return story.lines, replace(_outcome(story, story.now), cut=True)


def _outcome(story: Story, until: float) -> Outcome:
    w = story.worker
    came = next((line.at for line in reversed(story.lines) if line.before != line.after), 0.0)
    rests = w.state in _RESTS
    found = Outcome(w.state, w.reason, came if rests else until, w.lives, w.budget.restarts)
    crash = story.dies_of
    if rests or crash is None or crash.times is not None or not is_ever_restarted(w.spec):
        return found
    if w.spec.retry is not None or (w.spec.max_restarts < 0 and w.spec.max_restarts_in is None):
        return replace(found, endless=True)
    if rule_for(w.spec, crash.exit):  # its pauses are others than those that are reckoned with
        return found
    spent = gives_up(w.spec, crash.after)
    return replace(found, endless=spent is None, gives_up_at=spent.after if spent else None)
