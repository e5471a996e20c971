"""The state of one worker, and the table of its transitions. Only `move` changes the state."""

from dataclasses import field, replace
from enum import StrEnum
from typing import Any, TypeVar

from actors.frozen import frozen
from actors.life.attention import Attention
from actors.life.budget import Budget
from actors.life.limits import LimitWatch
from actors.life.log_watch import LogWatch
from actors.life.screen import Screen
from actors.life.stall import StallWatch
from actors.life.tally import Tally, Verdict
from actors.life.typing_queue import TypingQueue
from actors.rules.engine import Book
from actors.servers import server_of
from actors.values.command_text import Session, TakeUp
from actors.values.effects import Effect, Emit
from actors.values.facts import Exit, Handle, Instant, Member, Purpose
from actors.values.gates import Gate
from actors.values.rules import Holding, LinesMatched
from actors.values.spec import StopStep, WorkerSpec


class State(StrEnum):
    """Where a worker is in its life. `UNBORN` is never shown: the log says null."""

    UNBORN = "unborn"
    PENDING = "pending"
    STARTING = "starting"
    RUNNING = "running"
    BACKOFF = "backoff"
    STOPPING = "stopping"
    STOPPED = "stopped"
    COMPLETED = "completed"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    REMOVED = "removed"


S = State
HOLDS = frozenset({S.PENDING, S.STARTING, S.RUNNING, S.BACKOFF})
"""The states in which a worker may be held."""
_ENDS = {S.QUARANTINED, S.REMOVED}

TRANSITIONS: dict[State, frozenset[State]] = {
    S.UNBORN: frozenset({S.PENDING, S.STARTING, S.RUNNING, S.STOPPED, S.COMPLETED, S.FAILED, S.QUARANTINED}),
    S.PENDING: frozenset({S.STARTING, S.STOPPED, S.COMPLETED, S.FAILED} | _ENDS),
    S.STARTING: frozenset({S.RUNNING, S.BACKOFF, S.FAILED, S.COMPLETED, S.STOPPING, S.PENDING} | _ENDS),
    S.RUNNING: frozenset({S.BACKOFF, S.FAILED, S.COMPLETED, S.STOPPING, S.PENDING} | _ENDS),
    S.BACKOFF: frozenset({S.STARTING, S.STOPPED, S.COMPLETED, S.PENDING} | _ENDS),
    S.STOPPING: frozenset({S.STOPPED, S.COMPLETED, S.STARTING, S.PENDING} | _ENDS),
    S.STOPPED: frozenset({S.PENDING, S.COMPLETED} | _ENDS),
    S.COMPLETED: frozenset({S.PENDING} | _ENDS),
    S.FAILED: frozenset({S.PENDING, S.COMPLETED} | _ENDS),
    S.QUARANTINED: frozenset({S.REMOVED, S.PENDING}),
    S.REMOVED: frozenset(),
}


class IllegalTransition(Exception):
    """A step tried a transition that the table does not have. This is a bug; the worker is unchanged."""


class Phase(StrEnum):
    """How much is known about a life's process."""

    ORDERED = "ordered"  # its start is in flight
    UNKNOWN = "unknown"  # its start was not answered in time
    ALIVE = "alive"
    ENDED = "ended"  # the kernel says so; tmux has not told the exit status yet


class Goal(StrEnum):
    """What a stopping worker becomes when its tree is gone."""

    STOP = "stop"
    COMPLETE = "complete"
    RESTART = "restart"
    REPLACE = "replace"
    REMOVE = "remove"
    DOWN = "down"


@frozen(kw_only=True)
class Life:
    """One process of the worker, from the order to start it until its exit is judged."""

    id: str
    phase: Phase
    since: Instant  # of the order to start, then of the process
    take_up: TakeUp | None = None  # how it was to take up the session before
    answered: float  # monotonic; a sweep taken before tells nothing about this life
    process: Handle | None = None
    server: int | None = None  # the number of the tmux server that it began in; None: not known
    seen: bool = False  # by a sweep
    misses: int = 0  # consecutive sweeps without its pane
    exit: Exit | None = None  # told by tmux; judged when it is known what the first process has left
    left: tuple[Member, ...] | None = None  # what the last look found after the end of `process`
    gone: bool = False  # `process` has left nothing: no other look is needed
    looking: bool = False  # a look is under way
    look_at: float | None = None  # when to look again, or to wait no more for a look
    looks: int = 0  # at those who may be stragglers
    behind: bool = False  # the first process has ended, and `process` is the eldest of what it left
    ended: Instant | None = None  # when the kernel or a look at the dead pane told that it ended
    asks: int = 0  # questions for its exit status since it ended
    answers: int = 0  # answers to them without a status
    ask_at: float | None = None
    ready_by: float | None = None
    overdue: bool = False  # `ready_by` has passed: the next try decides
    untried: float | None = None  # since when no try could be made; this time does not count
    delay_over: float | None = None
    probed: bool = False  # the readiness probe has succeeded, or there is none
    settled: bool = False  # its first moment is over: see `readiness.SETTLE`
    probing: Purpose | None = None  # the purpose of the present probe
    tally: Tally = field(default_factory=Tally)  # of the present probe's tries
    last_tree: tuple[Handle, ...] = ()
    beside: bool = False  # a check that the file had before ran commands beside its tree
    stall: StallWatch = field(default_factory=StallWatch)
    limits: LimitWatch = field(default_factory=LimitWatch)
    attention: Attention = field(default_factory=Attention)


@frozen(kw_only=True)
class Ending:
    """The end of a life in progress: the steps of the stop plan still to come, and when."""

    life: str
    process: Handle | None
    last: tuple[Handle, ...]
    beside: bool = False  # see EndTree
    server: int | None = None  # see EndTree
    steps: tuple[StopStep, ...]
    due: float | None = None
    signalled: bool = False  # False while keys or text only ask it to end: nothing watches its tree yet
    forced: bool = False  # SIGKILL was needed
    left: tuple[int, ...] = ()  # the pids that the last signal went to
    gone: bool = False  # nothing is left, but the exit is not judged yet


@frozen(kw_only=True)
class Worker:
    """Everything about one worker. `seed` is unique to this actor: it makes lives unique and jitter repeatable."""

    spec: WorkerSpec
    seed: str
    state: State
    since: Instant
    reason: str = ""
    gate: Gate | None = None  # what holds it while it is pending, as last told
    life: Life | None = None
    lives: int = 0
    pane: str | None = None
    pane_since: float = 0.0  # monotonic; a sweep taken before tells nothing about `pane`
    budget: Budget = field(default_factory=Budget)
    next_start: Instant | None = None  # in back-off, or pending after starts that were refused
    refused: int = 0  # starts in a row that tmux refused
    goal: Goal | None = None
    by_rule: str = ""  # the rule that gave the present goal; "": a person or the file did
    with_service: bool = False  # it was stopped together with the service, and is still wanted
    next_spec: WorkerSpec | None = None
    ending: Ending | None = None
    admitted: bool = False  # the start waits only for the end of the old tree
    cleanup_at: float | None = None
    exit: Exit | None = None
    exits: tuple[tuple[str, int], ...] = ()  # how many lives have ended by each cause, for this actor
    judged: str | None = None  # the life that `exit` is of
    order: int = 0  # number of the last order that was carried out
    typing: TypingQueue = field(default_factory=TypingQueue)
    rules: Book = field(default_factory=Book)
    early: tuple[LinesMatched, ...] = ()  # printed by a life whose start tmux has not answered yet
    silence_asked: float | None = None  # monotonic; when the pane was asked for, to judge a silence
    session: Session | None = None
    hold: Holding | None = None
    hold_over: float | None = None  # monotonic; when to look whether it is over
    screen: Screen | None = None
    log: LogWatch = field(default_factory=LogWatch)
    last_output: int | None = None
    attached: bool = False
    rss_bytes: int | None = None
    cpu_percent: float | None = None
    processes: int | None = None

    @property
    def server(self) -> int | None:
        """The number of the tmux server that its life began in, else that its pane stands in; None: not known."""
        if self.life and self.life.server is not None:
            return self.life.server
        return None if self.pane is None else server_of(self.pane)

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def is_empty(self) -> bool:
        """Whether no life is left, and none is being ended."""
        return self.life is None and self.ending is None

    @property
    def is_held(self) -> bool:
        """Whether a rule holds it: it lives, or waits for its next start, and is left alone until a time."""
        return self.hold is not None and not self.hold.over and self.state in HOLDS

    @property
    def rests(self) -> bool:
        """Whether the worker is pending and waits for a time, so it is not admitted yet."""
        return self.state is S.PENDING and self.next_start is not None

    @property
    def is_unready(self) -> bool:
        """Whether the worker runs and its liveness probe has failed."""
        probed = self.life is not None and self.life.probing is Purpose.LIVE
        return self.state is S.RUNNING and probed and self.life.tally.verdict is Verdict.NO  # type: ignore[union-attr]


Step = tuple[Worker, tuple[Effect, ...]]
V = TypeVar("V", Worker, Life)


def renewed(value: V, **fields: Any) -> V:
    """Return the value with these fields; the value itself where they are as they were, as at most beats."""
    news = any(getattr(value, name) != field for name, field in fields.items())
    return replace(value, **fields) if news else value


def move(w: Worker, to: State, now: Instant, event: str, cause: str, **facts: Any) -> Step:
    """Return the worker in its new state, and the one log line about it; `reason` stays in the worker's row."""
    if to not in TRANSITIONS[w.state]:
        raise IllegalTransition(f"worker {w.name}: {w.state} → {to} ({event})")
    reason = str(facts.get("reason", ""))
    life = facts.pop("life", w.life.id if w.life else None)
    line = {"worker": w.name, "life": life, "cause": cause, **facts}
    before = None if w.state is S.UNBORN else w.state
    emitted = Emit(event, line, transition=(before, to))
    return replace(w, state=to, since=now, reason=reason, gate=None, with_service=False), (emitted,)
