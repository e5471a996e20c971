"""What the actors need of the world, as Protocols; `supervisor/` has the adapters, tests have theirs.

Every port answers by telling a fact to the function it was given (`tell`), from a thread of its own; none blocks its
caller but `TerminalPort`, which only the Terminal actor calls and whose every call is bounded in time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from actors.values.death import Death
from actors.values.effects import EndTree, Probe, Type, Watch
from actors.values.effects import Start as StartOrder
from actors.values.facts import (
    Fact,
    Handle,
    Instant,
    Pane,
    Started,
    StartRefused,
    StartUnknown,
    Tree,
    Typed,
    TypeHeld,
    TypeRefused,
    TypeUnknown,
)
from actors.values.feed import Entry
from actors.values.records import Head, Record
from actors.values.snapshot import Host, Snapshot
from actors.values.spec import WorkerSpec

Tell = Callable[[Fact], None]


@dataclass(frozen=True, slots=True)
class NamedStart:
    """One start of a chunk."""

    name: str
    order: StartOrder


@dataclass(frozen=True, slots=True)
class PaneQuestion:
    """A pane that is asked for: by its id, or (None) by the mark of the worker `name`.

    `nudge`: make tmux reap first, it may have missed a SIGCHLD.
    """

    name: str
    pane: str | None
    nudge: bool = False


StartAnswer = Started | StartRefused | StartUnknown
TypeAnswer = Typed | TypeHeld | TypeRefused | TypeUnknown


class TerminalPort(Protocol):
    """The only writer to tmux. Every call returns within its deadline or raises `TerminalUnreachable`."""

    def start(self, starts: list[NamedStart]) -> list[StartAnswer]:
        """Carry out a chunk of starts, each refused or carried out alone; one answer for each, in order."""

    def look(self, questions: Sequence[PaneQuestion]) -> tuple[float, list[Pane | None]]:
        """Return when it was taken and, in the order of the questions, each pane; None when it does not exist."""

    def close(self, pane: str) -> None:
        """Destroy the session of the pane if the pane is dead and bears our mark."""

    def type(self, order: Type) -> TypeAnswer:
        """Type into the pane, if it is alive and still the life's; nothing of a refused order is typed."""

    def arm_log(self, pane: str, life: str, spec: WorkerSpec) -> None:
        """Open the pane's log pipe again, in a new segment."""

    def discard(self, name: str) -> None:
        """Delete the log of a worker that was removed."""

    def revive(self) -> Handle:
        """Return the tmux server's process, started anew if there is none; a lost socket is bound again."""


@dataclass(frozen=True, slots=True)
class PaneSweep:
    """One list-panes of everything. `changed`: those whose screen was captured, because it may have changed."""

    taken: float
    panes: Mapping[str, Pane]  # by worker name; ours only
    screens: Mapping[str, bytes]  # by worker name
    tmux_processes: int
    took_s: float


@dataclass(frozen=True, slots=True)
class SweepFailed:
    """tmux did not answer a sweep."""

    taken: float
    reason: str


@dataclass(frozen=True, slots=True)
class TreeSweep:
    """One look at the process table. `trees` by worker name; None where the first process is not in it."""

    taken: float
    trees: Mapping[str, Tree | None]
    host: Host
    took_s: float
    log_bytes: Mapping[str, int] = field(default_factory=dict)


class Sweeper(Protocol):
    """Reads all panes, or all processes, in a thread of its own. One sweep of a kind at a time."""

    def sweep_panes(self, answer: Callable[[PaneSweep | SweepFailed], None]) -> None: ...

    def sweep_trees(
        self, roots: Mapping[str, Handle], keep: Mapping[str, int], answer: Callable[[TreeSweep], None]
    ) -> None:
        """`keep`: how many log segments each worker keeps; the sweep drops the older ones."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a beginning service finds: all panes with a mark of ours, by name, and the tmux server's process."""

    taken: float
    panes: Mapping[str, tuple[Pane, ...]]
    server: Handle


class Processes(Protocol):
    """Signals trees and tells of their end. Tables are keyed by life and cleared by `forget`."""

    def watch(self, watch: Watch, tell: Tell) -> None:
        """Tell `ProcessEnded(life)` within a millisecond of the end; at once when it is gone already."""

    def end(self, name: str, order: EndTree, tell: Tell) -> None:
        """Send the signal to the whole tree, tell `TreeLeft` with what it went to, and `TreeGone` when none is left.

        Before that it tells `TreeEscaped` of whoever had left the tree unseen, and ends them, too.
        """

    def forget(self, life: str) -> None:
        """Stop watching the life's first process. An ending goes on until its tree is gone."""


class Prober(Protocol):
    """Runs probes in a bounded pool: a hung one costs only itself."""

    def probe(self, probe: Probe, tell: Tell) -> None:
        """Try again and again; tell `ProbeSucceeded` or `ProbeFailed` of each try. One probe a life: the last."""

    def show(self, life: str, screen: bytes) -> None:
        """Note what the life's pane shows now."""

    def forget(self, life: str) -> None:
        """Give up the probe of this life."""


class Clock(Protocol):
    """Both clocks, and one wake-up."""

    def now(self) -> Instant: ...

    def wake_at(self, mono: float, wake: Callable[[], None]) -> None:
        """Call `wake` at `mono`, from another thread; a later call replaces an earlier one."""


class Publisher(Protocol):
    """Where pictures and activity go: the Gateway. Neither call blocks."""

    def publish(self, snapshot: Snapshot, screens: Mapping[str, bytes]) -> None: ...

    def activity(self, newest: tuple[Entry, ...]) -> None:
        """`newest` is the whole feed, newest first; the first entry is the new one."""


class Heartbeat(Protocol):
    """The status file. The call does not block."""

    def beat(self, snapshot: Snapshot) -> None: ...


class Watchdog(Protocol):
    """Whoever ends the service when its beats no longer end: systemd. The call neither blocks nor raises."""

    def beat_ended(self, snapshot: Snapshot) -> None:
        """A capture beat has gone the whole way: swept (or refused by tmux), told to workers, taken by Metrics."""


class RecordsFile(Protocol):
    """The one records file; only the Supervisor writes it. A failed write raises nothing: see `failing`.

    After a failed write nothing is written until `repair` has written the whole file.
    """

    def keep_all(self, changes: Mapping[str, Record | None], *, durable: bool) -> None:
        """Append the records of these workers (None: forget it). `durable`: they are on disk when this returns."""

    def keep_head(self, head: Head) -> None: ...

    @property
    def failing(self) -> str | None:
        """Why the last write failed; None when the file is whole."""

    @property
    def lost(self) -> str | None:
        """What was found damaged, in words; None when nothing was, or the matter is settled."""

    def repair(self, records: Iterable[Record], head: Head) -> None:
        """Write the whole file anew: after a failure, or to compact it."""


class Journal(Protocol):
    """The service's log: one line an event. Thread-safe, never raises."""

    def log(self, event: str, facts: Mapping[str, Any]) -> None: ...


class Deaths(Protocol):
    """Keeps death records. Neither call blocks or raises."""

    def keep(self, death: Death) -> None:
        """Keep it, with the last words that the log has of that life."""

    def forget(self, worker: str) -> None:
        """Drop the records of a worker that was removed."""
