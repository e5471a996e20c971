"""What actors tell each other about a worker or the service, besides the facts of a life."""

from collections.abc import Callable
from typing import Any

from actors.frozen import frozen
from actors.life.state import State
from actors.ports import PaneSweep, SweepFailed, TreeSweep
from actors.values.facts import Fact, Handle
from actors.values.records import Origin, Record
from actors.values.snapshot import Config, Host, Row

Tell = Callable[[Any], None]

# ── to the Ticker ─────────────────────────────────────────────────────────────────────────────────────────────────


@frozen
class Enrolled:
    """The worker takes part in the beats. `process`: the root of its tree, if any. `keep`: its log segments."""

    name: str
    tell: Callable[[Fact], None]
    process: Handle | None
    keep: int


@frozen
class Opened:
    """Each worker has said how it is, once: the service is ready. Told after their reports."""


@frozen
class Withdrawn:
    """The worker of this name is removed: clear it from the table."""

    name: str


@frozen
class Armed:
    """Tell `Woken` at `at` (monotonic). A key has one alarm: a later one replaces it."""

    at: float
    key: str
    tell: Tell


@frozen
class Disarmed:
    """The alarm of this key is not needed any more."""

    key: str


@frozen
class Rang:
    """The clock's wake-up."""


@frozen
class SweptPanes:
    """The answer to the pane sweep of this beat."""

    beat: int
    sweep: PaneSweep | SweepFailed


@frozen
class SweptTrees:
    """The answer to the process sweep of this beat."""

    beat: int
    sweep: TreeSweep


# ── to Metrics ────────────────────────────────────────────────────────────────────────────────────────────────────


@frozen
class Report:
    """A worker's row, its whole screen, and the health beat that it answers (None: something changed)."""

    row: Row
    screen: bytes | None
    beat: int | None


@frozen
class Activity:
    """An event for the feed. `ts` is Unix time."""

    ts: float
    event: str
    facts: dict[str, Any]


@frozen
class HealthTold:
    """A health beat went out to these workers: publish when all have reported, or the deadline passes.

    It began at `began` (monotonic); the sweep took `swept_s` of it.
    """

    beat: int
    names: frozenset[str]
    host: Host
    began: float
    swept_s: float


@frozen
class CaptureTold:
    """A capture beat is over, whether tmux answered or not. The workers' reports follow.

    It took `took_s` seconds, the sweep `swept_s` of them.
    """

    beat: int
    took_s: float
    swept_s: float
    overruns: int


@frozen
class DefinitionOrder:
    """The names of all workers, in the order of their definition."""

    names: tuple[str, ...]


@frozen
class HostSeen:
    """The machine at a health beat. The Supervisor needs it for the gates of memory and processes."""

    host: Host


@frozen
class ServiceNow:
    """The service's own state changed."""

    tmux: str
    degraded: tuple[str, ...]
    config: Config


@frozen
class KeptBy:
    """Who starts the service again when it fails, from now on; None: nobody does."""

    who: str | None


# ── to the Supervisor ─────────────────────────────────────────────────────────────────────────────────────────────


@frozen
class Changed:
    """A worker's state, its record, and the number of the last order that it carried out.

    The Worker does not know `record.by_hand`; the Supervisor keeps it. `rests`: see `life.state.Worker.rests`.
    `settling`: it runs, and may only seem ready (`life.readiness.settles_at`).
    """

    name: str
    state: State
    record: Record
    order: int = 0
    rests: bool = False
    settling: bool = False


@frozen
class ActorFailed:
    """An actor ended by an exception: its role and worker, the type of the message that it handled, the traceback."""

    role: str
    worker: str | None
    handling: str
    error: str
    trace: str

    def facts(self) -> dict[str, str | None]:
        """Return the facts for the log."""
        who = {"actor": self.role, "worker": self.worker, "handling": self.handling}
        return who | {"error": self.error, "traceback": self.trace}


@frozen
class Finished:
    """The worker is removed, and its actor has ended."""

    name: str


@frozen
class TmuxAnswers:
    """tmux answers sweeps again, or has stopped to (`reason`)."""

    reason: str | None


@frozen
class ServerEnded:
    """The kernel says that the process of this tmux server has ended."""

    server: Handle


@frozen
class Revived:
    """The tmux servers by their numbers; None: it can't be had, and `reason` says why."""

    servers: tuple[Handle | None, ...]
    reason: str = ""


@frozen
class PartFailing:
    """A part of the service fails (`reason`), or works again (None)."""

    what: str
    reason: str | None


@frozen
class ConfigOnDisk:
    """Whether the file on disk differs from the applied one, and its identity. `gone`: why there is no file."""

    changed: bool
    origin: Origin | None = None
    gone: str | None = None
