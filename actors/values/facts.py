"""What a Worker is told: facts about its process, its pane and its tree, orders, and answers to its effects.

    Ticker ──PaneSeen, TreeSeen──▶ Worker ──Start, AskPane, … (effects)──▶ Terminal ──Started, …──▶ Worker
                                     ▲
    Supervisor ──Admitted, Ordered───┴──ProcessEnded── ExitWatcher

An `Instant` has both clocks: monotonic for decisions, wall for people, both in seconds. A fact about a process names
the *life* it is about. An observation says when it was `taken` (monotonic).
"""

import math
import os
from enum import StrEnum

from actors.frozen import frozen
from actors.values.attention import AttentionSaid, SessionSaid
from actors.values.gates import Gate
from actors.values.rules import Asked, CommandEnded, LinesMatched, LinesSkipped, Released, ScreenMatched
from actors.values.spec import WorkerSpec
from actors.values.typing import Manner, Sight

NO_SENDER = 0  # the number of an input that the service types by itself: nobody waits for an answer
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@frozen
class Instant:
    """One moment on both clocks, in seconds: `mono` never goes back, `wall` is the Unix time."""

    mono: float
    wall: float


class Verb(StrEnum):
    """What a person can order. `DOWN` ends the worker and keeps its intent: it is still wanted."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    COMPLETE = "complete"
    REMOVE = "remove"
    DOWN = "down"


class Refusal(StrEnum):
    """Why a start was not carried out. In every case the start left no process.

    The first two are final until a person acts, because each was looked up: a missing file, an existing session. After
    any other refusal the Worker gives the start again.
    """

    IMPOSSIBLE = "impossible"  # the program, a right or the folder is missing: trying again won't fix it
    NAME_TAKEN = "name-taken"  # a session of that name exists
    PANE_GONE = "pane-gone"  # someone closed the dead pane to start in
    NO_PROCESS = "no-process"  # the kernel gives tmux no process now
    NO_SECRETS = "no-secrets"  # its secret files or its env_command gave nothing usable; the reason says which
    UNREACHABLE = "unreachable"  # tmux did not answer or could not do it now; the order was not sent, or has expired


@frozen
class Exit:
    """How a life ended, as tmux read it from the kernel. Both None: unknown, because the pane was destroyed."""

    code: int | None
    signal: int | None
    at: float  # Unix time


@frozen
class Handle:
    """One process: its pid, and its start time (clock ticks since boot), which tells it from a later one."""

    pid: int
    ticks: int

    def started(self, now: Instant) -> Instant:
        """Return when the process started; Linux counts its monotonic clock from boot, too."""
        mono = min(self.ticks / TICKS_PER_SECOND, now.mono)
        return Instant(mono, now.wall - (now.mono - mono))


@frozen(kw_only=True)
class Pane:
    """One pane, as a line of list-panes shows it. `name`, `life`, `digest` come from our mark on the pane."""

    id: str
    pid: int
    process: Handle | None  # None when it ended before its start time could be read
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
        """The exit; None until tmux knows it, which may be a moment after the pane is dead."""
        known = self.dead and (self.status is not None or self.signal is not None)
        return Exit(None if self.signal else self.status, self.signal, self.dead_at or 0.0) if known else None


@frozen
class Tree:
    """A worker's processes: resident bytes, CPU in percent of one core (None in the first sweep), handles."""

    rss_bytes: int
    cpu_percent: float | None
    handles: tuple[Handle, ...]


@frozen
class Admitted:
    """Every gate is open: the worker starts."""


@frozen
class Held:
    """The gate that holds a pending worker."""

    gate: Gate


@frozen
class Ordered:
    """A person's order. `number` grows with each order; the worker confirms it with `Changed`.

    `kill`: its tree is killed, whatever the stop plan says. `now`: a worker that is stopping already, for whatever
    reason, goes on with the next step of its plan.
    """

    verb: Verb
    number: int = 0
    kill: bool = False
    now: bool = False


@frozen
class SignalOrdered:
    """A person sends a signal to the main process, or to the `whole` tree; the worker goes on."""

    signal: str
    whole: bool = False


@frozen
class SpecChanged:
    """The file was applied, and it changes this worker."""

    spec: WorkerSpec
    number: int = 0


@frozen
class InputGiven:
    """Input for the worker's terminal: bytes, or keys by tmux's names; `manner` says how it is typed.

    The Worker answers by `Acknowledge` with the same number, in the order of the inputs. After `until` (monotonic) the
    input is no longer typed. `force`: also where a person types, or has left a draft.
    """

    number: int
    content: bytes = b""
    keys: tuple[str, ...] = ()
    until: float = math.inf
    manner: Manner = Manner.EXACT
    force: bool = False
    asked: Asked | None = None  # typed only while this prompt stands
    waited: bool = False  # for a person, and that was told
    when_ready: bool = False  # it was given to a worker that did not run

    @property
    def is_automatic(self) -> bool:
        """Whether a stop plan, a ladder or a rule types it."""
        return self.number == NO_SENDER

    @property
    def enters(self) -> bool:
        """Whether Enter follows as a key of its own: a program may take what comes in one burst for a paste."""
        return self.manner.enters or self.keys != self.first_keys

    @property
    def first_keys(self) -> tuple[str, ...]:
        """The keys, without the Enter that follows as a key of its own."""
        return self.keys[:-1] if len(self.keys) > 1 and self.keys[-1] == "Enter" else self.keys


@frozen
class InputSeen:
    """A look at the place where the life's input is shown, for this piece of the input."""

    life: str
    piece: int
    sight: Sight


@frozen
class Typed:
    """tmux has typed this piece of the input into the life's pane."""

    life: str
    piece: int


@frozen
class TypeHeld:
    """The piece was not typed yet, because the program has not read the input before it.

    `unasked`: because tmux could not be asked. `moved`: because the cursor or a person's keys are not as last seen.
    """

    life: str
    piece: int
    unasked: bool = False
    moved: bool = False


@frozen
class TypeRefused:
    """The piece was not typed, and why: the pane is dead, or belongs to another life."""

    life: str
    piece: int
    reason: str


@frozen
class TypeUnknown:
    """tmux did not answer in time. The piece may have been typed, so it is not repeated."""

    life: str
    piece: int


@frozen
class Started:
    """A start was carried out: its pane, its process, and the device number of its terminal (0: not known)."""

    life: str
    pane: str
    process: Handle
    terminal: int = 0
    session: str | None = None  # the id of the session that it has taken up, "" without one; None: by its own command


@frozen
class StartRefused:
    """A start was not carried out."""

    life: str
    refusal: Refusal
    reason: str


@frozen
class StartUnknown:
    """tmux did not answer a start in time. It expires inside tmux at `until` (monotonic); a later sweep tells."""

    life: str
    until: float


@frozen
class ProcessEnded:
    """The life's first process has ended, says the kernel. The Worker asks tmux for the exit; this is no verdict."""

    life: str


@frozen
class PaneSeen:
    """A worker's pane in one answer of tmux. `screen` is None when it was not captured."""

    taken: float
    pane: Pane
    screen: bytes | None = None


@frozen
class PaneAbsent:
    """tmux answered, and it has no pane of the worker."""

    taken: float


@frozen
class LogSeen:
    """A worker's log as its folder shows it: all its bytes, and the newest file. Without a `file` there is none.

    `is_hollow`: its first byte is NUL, as where it was truncated under a writer that goes on at its old offset.
    `holes`: how many files are missing between the oldest and the newest, and `hole` the newest of them. `past`: what
    the service before this one saw last, at the first look of a service.
    """

    bytes: int
    file: str | None = None
    number: int = -1
    inode: int = 0
    size: int = 0
    written_at: float | None = None  # Unix time
    is_hollow: bool = False
    holes: int = 0
    hole: str | None = None
    past: "LogSeen | None" = None


@frozen
class TreeSeen:
    """A worker's slice of one process sweep; `tree` is None when the first process is not in the table.

    `log`: as this beat found it; None when it could not look. `log_bytes`: as last known. `pane`: if that has no news.
    """

    taken: float
    beat: int
    tree: Tree | None
    log_bytes: int | None = None
    log: LogSeen | None = None
    pane: PaneSeen | PaneAbsent | None = None


@frozen
class TreeGone:
    """No process of the life is left. The process table was read after the last one ended."""

    life: str


@frozen
class TreeLeft:
    """A signal went to these processes of the life; they still live."""

    life: str
    pids: tuple[int, ...]


@frozen
class Member:
    """One process of a tree, by the name that it has in `ps`."""

    process: Handle
    name: str


@frozen
class TreeFound:
    """What lives of a life whose first process has ended, the eldest first. `sure`: nothing, and no look is missing."""

    life: str
    left: tuple[Member, ...]
    sure: bool = False


class Purpose(StrEnum):
    """What a life is probed for."""

    READY = "ready"
    LIVE = "live"


@frozen
class TreeEscaped:
    """These processes had left the life's tree unnoticed. They are ended with it, and TreeGone waits for them."""

    life: str
    pids: tuple[int, ...]


@frozen
class ProbeSucceeded:
    """One try of the life's probe has succeeded."""

    life: str
    purpose: Purpose = Purpose.READY


@frozen
class ProbeFailed:
    """One try of the life's probe has failed; `reason` is a sentence without secrets."""

    life: str
    reason: str
    purpose: Purpose = Purpose.READY


@frozen
class ProbeUnknown:
    """No try could be made since the last one or the start (`since`, monotonic): tmux or the service was stopped."""

    life: str
    since: float
    purpose: Purpose = Purpose.READY


@frozen
class ServerDied:
    """The tmux server with this number has ended, and every pane in it: one incident, and no crash of a worker."""

    server: int = 0


@frozen
class Woken:
    """An alarm or a beat: the worker checks its own deadlines."""


Fact = (
    Admitted
    | Held
    | Ordered
    | SignalOrdered
    | SpecChanged
    | InputGiven
    | InputSeen
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
    | TreeFound
    | ProbeSucceeded
    | ProbeFailed
    | ProbeUnknown
    | ServerDied
    | AttentionSaid
    | SessionSaid
    | LinesMatched
    | ScreenMatched
    | LinesSkipped
    | CommandEnded
    | Released
    | Woken
)
