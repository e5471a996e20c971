"""What the actors need from the world, as Protocols; `supervisor/` has the adapters, tests have fakes.

A port answers by telling a fact to the function `tell`, from a thread of its own. Only `TerminalPort` blocks its
caller: the Terminal actor alone calls it, and every call is bounded in time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol

from actors.frozen import frozen
from actors.values.effects import EndTree, LookAtInput, Probe, RunCommand, SeekTree, Signal, Start, Type, Watch
from actors.values.facts import (
    Fact,
    Handle,
    InputSeen,
    Instant,
    LogSeen,
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
from actors.values.records import Death, Head, Record
from actors.values.rules import Rule
from actors.values.snapshot import Entry, Host, Snapshot
from actors.values.spec import WorkerSpec

Tell = Callable[[Fact], None]


@frozen
class PaneQuestion:
    """A question for a pane: by its id, or (None) by the mark of the worker `name`.

    `nudge`: make tmux reap first, because it may have missed a SIGCHLD.
    """

    name: str
    pane: str | None
    nudge: bool = False


StartAnswer = Started | StartRefused | StartUnknown
LookAnswer = InputSeen | TypeHeld | TypeRefused
TypeAnswer = Typed | TypeHeld | TypeRefused | TypeUnknown


class TerminalPort(Protocol):
    """The only writer to tmux. Every call returns within its deadline or raises `TerminalUnreachable`."""

    def start(self, starts: list[Start]) -> list[StartAnswer]:
        """Carry out a chunk of starts, each independently of the others. Return one answer per start, in order."""

    def look(self, questions: Sequence[PaneQuestion]) -> tuple[float, list[Pane | None]]:
        """Return when the look was taken, and each pane in the order of the questions; None: it does not exist."""

    def close(self, panes: Sequence[str]) -> None:
        """Destroy the session of each of these panes that is dead and bears our mark."""

    def look_at_input(self, orders: list[LookAtInput]) -> list[LookAnswer]:
        """Look at the places where these lives' input is shown. Return one answer per order, in order."""

    def type(self, order: Type) -> TypeAnswer:
        """Type into the pane, if it is alive and still belongs to the life. A refused order types nothing."""

    def arm_log(self, pane: str, life: str, spec: WorkerSpec, *, anew: bool = False) -> None:
        """Open the pane's log pipe in a new segment if it is closed; `anew`: also in place of one that is open."""

    def notice(self, pane: str, text: str) -> None:
        """Show a line to those who are attached to the pane, until its next life begins."""

    def discard(self, name: str) -> None:
        """Delete the log of a worker that was removed."""

    def revive(self, least: int) -> tuple[tuple[Handle | None, ...], str]:
        """Return the tmux servers by their numbers, `least` or more. Start what is missing; bind lost sockets again.

        None: it can't be had, and the sentence says why.
        """


@frozen
class SecretsRead:
    """The variables that a start gets beside those of its spec, or why there are none. No text shows a value.

    `open`: those of its secret files that others may read, where that was not told before.
    """

    life: str
    variables: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    problem: str | None = None
    open: tuple[str, ...] = ()


class Secrets(Protocol):
    """Reads secrets, each start's in a thread of its own. No call blocks or raises."""

    def read(self, start: Start, tell: Callable[[SecretsRead], None]) -> None:
        """Read the secret files of this start, and run its env_command; then tell, from any thread."""

    def call_off(self, life: str) -> None:
        """Nobody waits for these secrets any more: kill the command that still runs. Telling does no harm."""


@frozen
class PaneSweep:
    """One list-panes of everything. `screens`: those that were captured, because they may have changed."""

    taken: float
    panes: Mapping[str, Pane]  # by worker name; ours only
    screens: Mapping[str, bytes]  # by worker name


@frozen
class SweepFailed:
    """tmux did not answer a sweep."""

    taken: float
    reason: str


@frozen
class TreeSweep:
    """One look at the process table. `trees` by worker name; None: the table does not have the first process.

    `logs` as last known; `logs_are_new`: this beat has looked at them.
    """

    taken: float
    trees: Mapping[str, Tree | None]
    host: Host
    logs: Mapping[str, LogSeen] = field(default_factory=dict)
    logs_are_new: bool = False


class Sweeper(Protocol):
    """Reads all panes, or all processes, in a thread of its own. One sweep of a kind at a time."""

    def sweep_panes(self, answer: Callable[[PaneSweep | SweepFailed], None]) -> None: ...

    def sweep_trees(
        self, roots: Mapping[str, Handle], keep: Mapping[str, int], answer: Callable[[TreeSweep], None]
    ) -> None:
        """`keep`: the number of log segments that each worker keeps; the sweep drops older ones."""


@frozen
class Survey:
    """What a starting service finds: all panes with our mark, by name, and the tmux servers by their numbers.

    None: that one can't be had.
    """

    taken: float
    panes: Mapping[str, tuple[Pane, ...]]
    servers: tuple[Handle | None, ...]


class Processes(Protocol):
    """Signals trees and tells their end. Tables are keyed by life and cleared by `forget`."""

    def watch(self, watch: Watch, tell: Tell) -> None:
        """Tell `ProcessEnded(life)` within a millisecond of the end; at once when the process has ended before."""

    def send_signal(self, name: str, order: Signal) -> None:
        """Send the signal once. A tree that is being ended does not get it. Nothing is answered."""

    def seek(self, name: str, order: SeekTree, tell: Tell) -> None:
        """Take the looks that `end` needs before it tells `TreeGone`, and tell `TreeFound`."""

    def end(self, name: str, order: EndTree, tell: Tell) -> None:
        """Send the signal to the whole tree. Tell `TreeLeft` with its receivers, and `TreeGone` when none is left.

        Processes that had left the tree unnoticed are ended, too; `TreeEscaped` tells them before `TreeGone`.
        """

    def forget(self, life: str) -> None:
        """Stop watching the life's first process. An `end` continues until the tree is gone."""


class Prober(Protocol):
    """Runs probes in a bounded pool; a probe that hangs delays no other."""

    def probe(self, probe: Probe, tell: Tell) -> None:
        """Try repeatedly; tell `ProbeSucceeded` or `ProbeFailed` for each try. A life has one probe: the last one."""

    def show(self, life: str, screen: bytes) -> None:
        """Take what the life's pane shows now."""

    def forget(self, life: str) -> None:
        """Stop the probe of this life."""


class RuleJudge(Protocol):
    """Matches what workers print and show with the patterns of their rules, and runs commands. No call blocks."""

    def follow(self, name: str, rules: tuple[Rule, ...], life: str | None, tell: Tell) -> None:
        """Judge by these rules from now on: tell `LinesMatched`, `ScreenMatched`, `LinesSkipped`.

        `life`: it begins now, and is judged from its beginning; None: from where the service before stopped, or now.
        """

    def show(self, name: str, life: str, screen: bytes) -> None:
        """Take what the worker's pane shows now."""

    def heard(self, name: str) -> None:
        """The worker has dealt with one `LinesMatched`."""

    def forget(self, name: str) -> None:
        """Judge this worker no more."""

    def run(self, order: RunCommand, tell: Tell) -> None:
        """Run a command of a rule; tell `CommandEnded`."""


class Clock(Protocol):
    """Both clocks, and one wake-up."""

    def now(self) -> Instant: ...

    def wake_at(self, mono: float, wake: Callable[[], None]) -> None:
        """Call `wake` at `mono`, from another thread; a later call replaces an earlier one."""


class Publisher(Protocol):
    """Where pictures and activity go: the Gateway. No call blocks."""

    def publish(self, snapshot: Snapshot, screens: Mapping[str, bytes]) -> None: ...

    def activity(self, newest: tuple[Entry, ...]) -> None:
        """`newest`: the whole feed, newest first."""


class Heartbeat(Protocol):
    """The status file. The call does not block."""

    def beat(self, snapshot: Snapshot) -> None: ...


class Watchdog(Protocol):
    """systemd, which hears of readiness, and ends the service when its beats stop. No call blocks or raises."""

    def opened(self) -> None:
        """The service is ready, and has a picture."""

    def beat_ended(self, snapshot: Snapshot) -> None:
        """A capture beat is complete: swept (or tmux did not answer), told to workers, taken by Metrics."""


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
        """What was found damaged, in words; None when nothing was, or a person has settled it."""

    def repair(self, records: Iterable[Record], head: Head) -> None:
        """Write the whole file again, after a failure."""


class Journal(Protocol):
    """The service's log: one line per event. Thread-safe, never raises."""

    def log(self, event: str, facts: Mapping[str, Any]) -> None: ...


class Deaths(Protocol):
    """Keeps death records. No call blocks or raises."""

    def keep(self, death: Death) -> None:
        """Keep the record, with the last lines that the life logged."""

    def forget(self, worker: str) -> None:
        """Drop the records of a worker that was removed."""
