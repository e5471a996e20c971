"""What actors tell each other about a worker or the service, beside the facts of its life. All are frozen."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors.life.state import State
from actors.ports import PaneSweep, SweepFailed, TreeSweep
from actors.values.facts import Fact, Handle
from actors.values.records import Origin, Record
from actors.values.snapshot import Config, Host, Row

Tell = Callable[[Any], None]

# ── to the Ticker ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A worker takes part in the beats. `process`: the root of its tree, None while it has none."""

    name: str
    tell: Callable[[Fact], None]
    process: Handle | None
    keep: int


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The worker of this name has ended: clear it."""

    name: str


@dataclass(frozen=True, slots=True)
class Armed:
    """Tell `Woken` at `at` (monotonic). One alarm a key: a later one replaces it."""

    at: float
    key: str
    tell: Tell


@dataclass(frozen=True, slots=True)
class Rang:
    """The clock's wake-up."""


@dataclass(frozen=True, slots=True)
class SweptPanes:
    """The answer of a pane sweep that was asked for at this beat."""

    beat: int
    sweep: PaneSweep | SweepFailed


@dataclass(frozen=True, slots=True)
class SweptTrees:
    """The answer of a process sweep that was asked for at this beat."""

    beat: int
    sweep: TreeSweep


# ── to Metrics ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Report:
    """A worker's row now, its whole screen, and the health beat that it answers (None: something changed)."""

    row: Row
    screen: bytes | None
    beat: int | None


@dataclass(frozen=True, slots=True)
class Activity:
    """Something happened, for the feed. `ts` is Unix time."""

    ts: float
    event: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class HealthTold:
    """A health beat went out to these workers: publish when all have reported, or the deadline passes."""

    beat: int
    names: frozenset[str]
    host: Host


@dataclass(frozen=True, slots=True)
class CaptureTold:
    """A capture beat is over, whether tmux answered or not; what the workers make of it comes as their reports."""

    beat: int
    took_ms: float
    overruns: int


@dataclass(frozen=True, slots=True)
class DefinitionOrder:
    """The names of all workers, in the order of their definition."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostSeen:
    """How the machine is, by the process sweep of a health beat. To the Supervisor, for the memory gate."""

    host: Host


@dataclass(frozen=True, slots=True)
class ServiceNow:
    """The service's own state changed."""

    tmux: str
    degraded: tuple[str, ...]
    config: Config


@dataclass(frozen=True, slots=True)
class KeptBy:
    """Who starts the service again when it fails, from now on; None: nobody does."""

    who: str | None


# ── to the Supervisor ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Changed:
    """A worker's state, the number of the last order that it carried out, and what is to be remembered of it.

    `rests`: it is pending and not to be admitted yet.
    """

    name: str
    state: State
    record: Record
    order: int = 0
    rests: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """A removed worker's last word: forget it."""

    name: str


@dataclass(frozen=True, slots=True)
class TmuxAnswers:
    """A sweep was answered again, or for the first time was not (`reason`)."""

    reason: str | None


@dataclass(frozen=True, slots=True)
class ServerEnded:
    """The kernel says that the tmux server's process has ended."""

    server: Handle


@dataclass(frozen=True, slots=True)
class Revived:
    """There is a tmux server; or there is none, and why."""

    server: Handle | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PartFailing:
    """A part of the service fails (`reason`): a file can't be written, a handler hangs; or it is well again (None)."""

    what: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class ConfigOnDisk:
    """Whether the file on disk differs from what was applied, and what it is known by; `gone`: it is not there."""

    changed: bool
    origin: Origin | None = None
    gone: str | None = None


# ── to Workers ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class InputWanted:
    """Type this; `answered` is called once, from the Worker's thread, with None or with why it was not typed.

    What is not ordered by `until` (monotonic) is not typed any more.
    """

    content: bytes
    keys: tuple[str, ...]
    answered: Callable[[str | None], None]
    until: float = math.inf
