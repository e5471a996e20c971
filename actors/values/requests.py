"""Requests to the Supervisor, and its answers. Only the edge asks, always with a timeout.

    Gateway ──ask──▶ Supervisor ──(on disk first)──▶ Workers

An answer has the order's number. A row with at least this `order` shows the worker after the order.
"""

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import field
from enum import StrEnum
from typing import Any

from actors.frozen import frozen
from actors.life.state import State
from actors.values.attention import AttentionSaid, SessionSaid
from actors.values.facts import Verb
from actors.values.gates import Gate
from actors.values.records import Intent
from actors.values.spec import Condition, Family, WorkerSpec
from actors.values.typing import Manner, Untyped

UPGRADE = "upgrade"  # the cause of an end after which another version goes on


class RequestRefused(Exception):
    """The request cannot be carried out, and nothing was changed. `code` is one of the wire's error codes.

    Codes: usage, unknown-worker, config, conflict, not-permitted, shutting-down.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@frozen
class Order:
    """One verb for these workers, which must all exist. Answered by `Accepted`.

    `kill`: those that end are killed, whatever their stop plan says. `now`: see `facts.Ordered`. `choose`, if given,
    returns the names, from the specs of all workers and the names of unknown living panes. It may raise RequestRefused.
    """

    verb: Verb
    names: tuple[str, ...]
    force: bool = False
    kill: bool = False
    now: bool = False
    choose: Callable[[Iterable[WorkerSpec], Collection[str]], tuple[str, ...]] | None = None


@frozen
class Apply:
    """Bring the workers to these specs, in this order. Answered by `Accepted`.

    `next_start`: changed keys of `[supervisor]` that apply at the next start of the service; they are logged.
    """

    specs: tuple[WorkerSpec, ...]
    config_digest: str
    force: bool = False
    families: tuple[Family, ...] = ()
    next_start: tuple[str, ...] = ()


@frozen
class Scale:
    """Set the number of replicas: new ones start, or those with the highest numbers are stopped and forgotten.

    Answered by `Accepted`, with the changes. Refused when the file has changed for a replica that stays.
    """

    family: Family
    count: int
    force: bool = False


@frozen
class Run:
    """Define and start a worker that is not in the file. Answered by `Accepted`; refused when the name is taken."""

    spec: WorkerSpec


@frozen
class Plan:
    """Tell what `Apply` with these specs would do; nothing changes. Answered by `Planned`."""

    specs: tuple[WorkerSpec, ...]
    families: tuple[Family, ...] = ()


SENT = (
    *("HUP", "INT", "QUIT", "USR1", "USR2", "TERM", "KILL"),
    *("ABRT", "ALRM", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "WINCH"),
)
"""The signals that a person may send to a worker."""


@frozen
class SendSignal:
    """Send a signal to these workers, which must all live. Answered by `Accepted`. `choose` as of `Order`."""

    signal: str
    whole: bool
    names: tuple[str, ...]
    choose: Callable[[Iterable[WorkerSpec], Collection[str]], tuple[str, ...]] | None = None


@frozen
class Release:
    """End the holds of these workers; with `cancel` nothing is done then. `choose` as of `Order`.

    Answered by `Accepted` with those that were held; refused where none was.
    """

    names: tuple[str, ...]
    cancel: bool = False
    choose: Callable[[Iterable[WorkerSpec], Collection[str]], tuple[str, ...]] | None = None


@frozen
class GiveInput:
    """Type into a worker's terminal. Answered by `Accepted` when the input is on its way to the worker.

    `answered` is called once, in the Worker's thread: None when it is typed, else why not. The other fields are those
    of `InputGiven`.
    """

    name: str
    content: bytes
    keys: tuple[str, ...]
    answered: Callable[[Untyped | None], None]
    until: float = math.inf
    manner: Manner = Manner.EXACT
    force: bool = False


@frozen
class Attend:
    """Hand a worker what a source says of its attention, or of its session.

    Answered by `Accepted`; without a name if there is no worker.

    Whoever only observes tells this and waits for no answer.
    """

    name: str
    said: AttentionSaid | SessionSaid


@frozen
class ConfigBroken:
    """The file on disk cannot be applied. Nothing changes; `config.error` shows why."""

    error: str


@frozen
class ShutDown:
    """End the service: stop the workers in reverse dependency order, or keep them. Answered when this has started.

    `kill`: their trees are killed, whatever their stop plans say. `now`: those that are stopping already go on with the
    next step of their plan.
    """

    keep_workers: bool
    cause: str = "person"
    kill: bool = False
    now: bool = False


class Action(StrEnum):
    """What applying a file does with one worker."""

    CREATE = "create"  # a new worker: it starts when its gates are open
    START = "start"  # a worker at rest starts
    REPLACE = "replace"  # a living worker gets a new process
    ADOPT = "adopt"  # no service runs, and the living worker is adopted
    POLICY = "policy"  # a living worker gets new policy
    STOP = "stop"  # a worker that is not in the file is stopped and forgotten
    NONE = "none"


@frozen
class Change:
    """What apply does with one worker. `keys`: where the file differs. `note`: more, for people."""

    name: str
    action: Action
    keys: tuple[str, ...] = ()
    note: str = ""


def plain_changes(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Return the changes for the wire."""
    return [{"name": c.name, "action": c.action.value, "keys": list(c.keys), "note": c.note} for c in changes]


@frozen
class Planned:
    """The changes, and why apply refuses them without `force` (None: it does not)."""

    changes: tuple[Change, ...]
    refusal: str | None


@frozen
class Accepted:
    """The order's number, its workers, and for apply the changes.

    `unrecorded`: which file could not be written, and why. The order is carried out all the same, but a service that is
    killed before the file is repaired forgets it. None: everything is on disk.
    """

    number: int
    names: tuple[str, ...]
    changes: tuple[Change, ...] = field(default=())
    unrecorded: str | None = None


@frozen
class Dependency:
    """A dependency and the present state of the other worker; None: there is no such worker."""

    name: str
    on: Condition
    met: bool
    state: State | None
    reason: str = ""


@frozen
class Inspect:
    """Tell what is known about one worker beyond its row; nothing changes. Answered by `Inspection`."""

    name: str


@frozen(kw_only=True)
class Inspection:
    """A worker as the Supervisor sees it.

    `gate`: what holds it while it is pending. `blockers`: its first unmet dependency, that worker's own, and so on to
    the last; empty unless the worker is pending. `closing`: the service is ending.
    """

    spec: WorkerSpec
    intent: Intent
    gate: Gate | None
    dependencies: tuple[Dependency, ...]
    blockers: tuple[Dependency, ...]
    closing: bool
