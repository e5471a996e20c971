"""The values that actors tell each other: facts in the past, orders in the imperative. All are frozen.

    Ticker ──Slice, Beat──▶ Worker ──Start, AskPane, …──▶ Terminal ──Started, …──▶ Worker
    Worker ──Report──▶ Metrics      Worker ──Changed──▶ Supervisor      ExitWatcher ──ProcessEnded──▶ Worker

Times: an `Instant` carries the monotonic clock (for decisions) and the wall clock (for people), both in seconds.
Everything about a process names the *life* it speaks of; every observation says when it was `taken`.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from actors.values.death import Death
from actors.values.gates import Gate
from actors.values.spec import Check, WorkerSpec

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on both clocks, in seconds: `mono` never goes back, `wall` is the Unix time."""

    mono: float
    wall: float


class Verb(StrEnum):
    """What a person can order of a worker. `DOWN` ends it without changing what was wanted of it."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    COMPLETE = "complete"
    REMOVE = "remove"
    DOWN = "down"


class Refusal(StrEnum):
    """Why a start was not carried out; in every case no process of it exists.

    The first two are final till a person acts. They are said of what was looked up: a file that is not there, a session
    that is. After the others the start is given again, and so is any start of which nothing is known.
    """

    IMPOSSIBLE = "impossible"  # the program, a right or the folder is missing: trying again won't mend it
    NAME_TAKEN = "name-taken"  # a session of that name exists
    PANE_GONE = "pane-gone"  # the dead pane to start in was closed by somebody
    NO_PROCESS = "no-process"  # the kernel gives tmux no process now
    UNREACHABLE = "unreachable"  # tmux does not answer or could not do it now; the order was not sent, or has expired


@dataclass(frozen=True, slots=True)
class Exit:
    """How a life ended, as tmux read it from the kernel. Both None: nobody was told (the pane was destroyed)."""

    code: int | None
    signal: int | None
    at: float  # Unix time


@dataclass(frozen=True, slots=True)
class Handle:
    """A process that cannot be mistaken: its pid and the kernel's start time of it (clock ticks since boot)."""

    pid: int
    ticks: int

    def started(self, now: Instant) -> Instant:
        """Return when it began; Linux counts its monotonic clock from boot, too."""
        mono = min(self.ticks / TICKS_PER_SECOND, now.mono)
        return Instant(mono, now.wall - (now.mono - mono))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pane:
    """One pane as a list-panes line shows it. `name`, `life`, `digest` come from our own mark on the pane.

    `process` is None when the process was gone before its start time could be read.
    """

    id: str
    pid: int
    process: Handle | None
    dead: bool
    status: int | None
    signal: int | None
    dead_at: float | None
    activity: int  # Unix time of the last output byte, whole seconds
    columns: int
    rows: int
    piped: bool
    attached: bool
    name: str | None = None
    life: str | None = None
    digest: str | None = None

    @property
    def exit(self) -> Exit | None:
        """The exit, once tmux knows it; it can be a moment late."""
        if not self.dead or (self.status is None and self.signal is None):
            return None
        return Exit(None if self.signal else self.status, self.signal, self.dead_at or 0.0)


@dataclass(frozen=True, slots=True)
class Tree:
    """What a worker's processes use: resident bytes, CPU in percent of one core (None at first), their handles."""

    rss_bytes: int
    cpu_percent: float | None
    handles: tuple[Handle, ...]


# ── facts a Worker is told ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Admitted:
    """Every gate is open: start."""


@dataclass(frozen=True, slots=True)
class Held:
    """The gate that holds a pending worker."""

    gate: Gate


@dataclass(frozen=True, slots=True)
class Ordered:
    """A person's order. `number` grows with each order and comes back in the worker's row."""

    verb: Verb
    number: int = 0
    cause: str = "person"


@dataclass(frozen=True, slots=True)
class SpecChanged:
    """The file was applied and says something new about this worker."""

    spec: WorkerSpec
    number: int = 0


@dataclass(frozen=True, slots=True)
class InputGiven:
    """Something to type into the worker's terminal: these very bytes, or these keys by tmux's names.

    Answered by `Acknowledge` with the same number, in the order in which it was given; what is not ordered by `until`
    (monotonic) is not typed any more.
    """

    number: int
    content: bytes = b""
    keys: tuple[str, ...] = ()
    until: float = math.inf


@dataclass(frozen=True, slots=True)
class Typed:
    """tmux has taken this piece of what is typed into the life's pane."""

    life: str
    piece: int


@dataclass(frozen=True, slots=True)
class TypeHeld:
    """Nothing of this piece was typed yet: the program has not read what was typed before.

    `unasked`: or tmux could not be asked.
    """

    life: str
    piece: int
    unasked: bool = False


@dataclass(frozen=True, slots=True)
class TypeRefused:
    """Nothing of this piece was typed, and why: the pane is dead, or is another life's by now."""

    life: str
    piece: int
    reason: str


@dataclass(frozen=True, slots=True)
class TypeUnknown:
    """tmux has not answered in time: whether this piece was typed cannot be known, so it is not repeated."""

    life: str
    piece: int


@dataclass(frozen=True, slots=True)
class Started:
    """A start was carried out: the pane and the process it made."""

    life: str
    pane: str
    process: Handle


@dataclass(frozen=True, slots=True)
class StartRefused:
    """A start was not carried out."""

    life: str
    refusal: Refusal
    reason: str


@dataclass(frozen=True, slots=True)
class StartUnknown:
    """No answer in time. The order expires inside tmux at `until` (monotonic): only a later sweep can tell."""

    life: str
    until: float


@dataclass(frozen=True, slots=True)
class ProcessEnded:
    """The kernel says that the life's first process has ended: a question for tmux, never a verdict."""

    life: str


@dataclass(frozen=True, slots=True)
class PaneSeen:
    """A worker's pane in one answer of tmux. `screen` is None where it was not captured."""

    taken: float
    pane: Pane
    screen: bytes | None = None


@dataclass(frozen=True, slots=True)
class PaneAbsent:
    """tmux answered, and the worker's pane is not there."""

    taken: float


@dataclass(frozen=True, slots=True)
class TreeSeen:
    """A worker's slice of one process sweep; `tree` is None when its first process is not in the table."""

    taken: float
    beat: int
    tree: Tree | None
    log_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class TreeGone:
    """No process of the life is left: checked in the process table after the last one ended."""

    life: str


@dataclass(frozen=True, slots=True)
class TreeLeft:
    """A signal went to these processes of the life, which still live."""

    life: str
    pids: tuple[int, ...]


class Purpose(StrEnum):
    """What a life is probed for."""

    READY = "ready"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class TreeEscaped:
    """These processes had left the life's tree unseen; they are ended with it now, TreeGone waits for them."""

    life: str
    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ProbeSucceeded:
    """One try of the life's probe has succeeded."""

    life: str
    purpose: Purpose = Purpose.READY


@dataclass(frozen=True, slots=True)
class ProbeFailed:
    """One try of the life's probe has failed, and why, in words without any secret."""

    life: str
    reason: str
    purpose: Purpose = Purpose.READY


@dataclass(frozen=True, slots=True)
class ProbeUnknown:
    """A try could not be made: tmux, through which all output passes, did not answer, or the service was stopped.

    `since` (monotonic): the end of the last try that counts, or the beginning of the probe.
    """

    life: str
    since: float
    purpose: Purpose = Purpose.READY


@dataclass(frozen=True, slots=True)
class ServerDied:
    """The tmux server is gone, and every pane with it: one incident, nobody's crash."""


@dataclass(frozen=True, slots=True)
class Woken:
    """An alarm or a beat: look at your own deadlines."""


Fact = (
    Admitted
    | Held
    | Ordered
    | SpecChanged
    | InputGiven
    | Typed
    | TypeHeld
    | TypeRefused
    | TypeUnknown
    | Started
    | StartRefused
    | StartUnknown
    | ProcessEnded
    | PaneSeen
    | PaneAbsent
    | TreeSeen
    | TreeGone
    | TreeLeft
    | TreeEscaped
    | ProbeSucceeded
    | ProbeFailed
    | ProbeUnknown
    | ServerDied
    | Woken
)


# ── effects of a Worker's step ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Start:
    """Start `spec` as `life`: in the dead pane `pane`, or in a new session when it is None."""

    life: str
    spec: WorkerSpec
    pane: str | None


@dataclass(frozen=True, slots=True)
class AskPane:
    """Ask tmux how the pane is; None: find it by the worker's name.

    `nudge`: make tmux reap first, it may have missed a SIGCHLD.
    """

    pane: str | None
    nudge: bool = False


@dataclass(frozen=True, slots=True)
class ClosePane:
    """Destroy the pane's session, if the pane is still ours and dead."""

    pane: str


@dataclass(frozen=True, slots=True)
class ArmLog:
    """The pane's log pipe is closed: open it again."""

    life: str
    pane: str
    spec: WorkerSpec


@dataclass(frozen=True, slots=True)
class Type:
    """Type these bytes or keys into the life's pane; `if_taken`: only when the program has read all typed before.

    `piece` comes back in the answer: a late one speaks of no other piece. After `until` (monotonic) it is held.
    """

    life: str
    piece: int
    pane: str
    content: bytes
    keys: tuple[str, ...]
    if_taken: bool
    until: float = math.inf


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Tell whoever gave input `number` how it went; `problem` None: it is typed."""

    number: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class Watch:
    """Tell me at once when this process ends."""

    life: str
    process: Handle


@dataclass(frozen=True, slots=True)
class EndTree:
    """Send `signal` to every process of the life's tree; say when nothing is left of it.

    `process` is its first one, `last` the tree as last seen: hints for what mark and ancestry don't show.
    """

    life: str
    process: Handle | None
    last: tuple[Handle, ...]
    signal: str


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask the life by the check of `spec` for this purpose, from now until `EndProbe` or `Forget`, in place of others.

    `screen` is what its pane shows, as far as that is known to be of this life.
    """

    life: str
    purpose: Purpose
    spec: WorkerSpec
    pane: str | None = None
    screen: bytes | None = None

    @property
    def check(self) -> Check:
        return self.spec.ready if self.purpose is Purpose.READY else self.spec.live


@dataclass(frozen=True, slots=True)
class ShowScreen:
    """The pane of a life whose screen is probed shows something new."""

    life: str
    screen: bytes


@dataclass(frozen=True, slots=True)
class EndProbe:
    """Ask the life no more."""

    life: str


@dataclass(frozen=True, slots=True)
class Forget:
    """The life has ended: clear it from every table."""

    life: str


@dataclass(frozen=True, slots=True)
class Emit:
    """One line of the log and one entry of the feed. `transition`: the state changed from → to."""

    event: str
    level: str
    facts: Mapping[str, Any]
    transition: tuple[str | None, str] | None = None


@dataclass(frozen=True, slots=True)
class KeepDeath:
    """Keep a record of this death; its last words are read from the log."""

    death: Death


@dataclass(frozen=True, slots=True)
class Finish:
    """The worker is removed: end the actor."""


Effect = (
    Start
    | AskPane
    | ClosePane
    | ArmLog
    | Type
    | Acknowledge
    | Watch
    | EndTree
    | Probe
    | ShowScreen
    | EndProbe
    | Forget
    | KeepDeath
    | Emit
    | Finish
)
