"""What a Worker's step wants done in the world; the Worker actor carries it out, in order."""

import math
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from actors.frozen import frozen
from actors.values.command_text import TakeUp
from actors.values.facts import Handle, Purpose
from actors.values.records import Death
from actors.values.spec import Check, WorkerSpec
from actors.values.typing import Rows, Untyped


@frozen
class Start:
    """Start `spec` as `life`: in the dead pane `pane`, or in a new tmux session when it is None.

    `secrets`: what its secret files and its env_command have given. The Terminal puts them in; no text shows them.
    `take_up`: by this command instead of its own, where the session is known and the program there.
    """

    life: str
    spec: WorkerSpec
    pane: str | None
    secrets: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    take_up: TakeUp | None = None

    @property
    def name(self) -> str:
        """The worker's."""
        return self.spec.name


@frozen
class CallOff:
    """Refuse the start of the life if it still waits for its secrets. The answer is StartRefused then, or its own."""

    life: str


@frozen
class AskPane:
    """Ask tmux for the pane; None: find it by the worker's name.

    `nudge`: make tmux reap first, because it may have missed a SIGCHLD. `close`: destroy the pane's session first, if
    the pane is still ours and dead.
    """

    pane: str | None
    nudge: bool = False
    close: bool = False


@frozen
class ArmLog:
    """The pane's log pipe is closed: open it again. `anew`: it is open, and writes where nobody can read."""

    life: str
    pane: str
    spec: WorkerSpec
    anew: bool = False


@frozen
class LookAtInput:
    """Look at the place where the life's input is shown. The answer is InputSeen, TypeHeld or TypeRefused.

    `since`: Unix time from which on a person counts who has been there.
    """

    life: str
    piece: int
    pane: str
    since: float
    rows: Rows = Rows.DRAWN


@frozen
class Type:
    """Type bytes or keys into the life's pane; nothing at all only asks whether `if_taken` holds.

    `if_taken`: only when the program has read all earlier input. `paste`: as one paste where the program asks for that.
    `touched`: only if a person's last key is still that of this Unix time. `cursor`: only if it is still there.
    `stands`: only if these rows are on the screen.
    The answer names `piece`, so a late answer is not taken for another piece. After `until` (monotonic) the piece is
    held.
    """

    life: str
    piece: int
    pane: str
    content: bytes
    keys: tuple[str, ...]
    if_taken: bool
    until: float = math.inf
    paste: bool = False
    touched: int | None = None
    cursor: tuple[int, int] | None = None
    stands: tuple[str, ...] = ()


@frozen
class Acknowledge:
    """Answer the sender of input `number`; `problem` None: it is typed, and a prompt is submitted."""

    number: int
    problem: Untyped | None


@frozen
class Watch:
    """Tell the Worker at once when this process ends.

    `terminal`: the device number of its terminal where that is known. It tells what a process has left that has ended
    before anybody could look at it.
    """

    life: str
    process: Handle
    terminal: int = 0


@frozen
class SeekTree:
    """The life's first process has ended: look who is left of its tree, and answer with TreeFound.

    If the look may have missed a process, a second answer follows. Nothing is signalled. The looks count for an EndTree
    that follows; an EndTree before the first look makes it void.
    """

    life: str
    process: Handle | None
    last: tuple[Handle, ...]
    beside: bool = False
    server: int | None = None


@frozen
class Signal:
    """Send a signal to the main process of the life, or to the `whole` tree. The life goes on; nothing is answered.

    `process`, `last` and `server` as of `EndTree`.
    """

    life: str
    process: Handle | None
    last: tuple[Handle, ...]
    signal: str
    whole: bool = False
    server: int | None = None


@frozen
class EndTree:
    """Send `signal` to the main process of the life's tree, then to what it leaves, and tell when no process is left.

    `whole`: send it to every process of the tree at once.
    `process` is the first one, `last` the tree as last seen: they help to find what mark and ancestry don't show.
    `beside`: commands of its probes have run beside the tree, as children of a service, and may have left processes.
    `server`: the number of the tmux server that the life began in; None: not known.
    """

    life: str
    process: Handle | None
    last: tuple[Handle, ...]
    signal: str
    whole: bool = False
    beside: bool = False
    server: int | None = None


@frozen
class Probe:
    """Probe the life by the check of `spec`, until `EndProbe` or `Forget`. It replaces an earlier probe of the life.

    `screen` is what the pane shows; None when that may be of an earlier life. `process`: the life's own.
    """

    life: str
    purpose: Purpose
    spec: WorkerSpec
    pane: str | None = None
    screen: bytes | None = None
    process: Handle | None = None

    @property
    def check(self) -> Check:
        return self.spec.ready if self.purpose is Purpose.READY else self.spec.live


@frozen
class ShowScreen:
    """The screen changed, and a probe reads it."""

    life: str
    screen: bytes


@frozen
class EndProbe:
    """Stop probing the life."""

    life: str


@frozen
class Forget:
    """The life has ended: clear it from every table."""

    life: str


@frozen
class Emit:
    """One line of the log and one entry of the feed. `transition`: the state changed from → to."""

    event: str
    facts: Mapping[str, Any]
    transition: tuple[str | None, str] | None = None


@frozen
class KeepDeath:
    """Keep a record of this death; its last words are read from the log."""

    death: Death


@frozen
class RunCommand:
    """Run a command of a rule beside the worker `name`, in `cwd`; it gets `facts`, and is killed after `timeout`."""

    name: str
    rule: str
    argv: tuple[str, ...]
    cwd: str
    facts: Mapping[str, Any]
    timeout: float


@frozen
class Finish:
    """The worker is removed: end the actor."""


Effect = (
    Start
    | CallOff
    | AskPane
    | ArmLog
    | LookAtInput
    | Type
    | Acknowledge
    | Watch
    | Signal
    | EndTree
    | SeekTree
    | Probe
    | ShowScreen
    | EndProbe
    | Forget
    | KeepDeath
    | RunCommand
    | Emit
    | Finish
)
