"""What the edge asks of the Supervisor, and its answers. The edge alone asks, always with a timeout.

Gateway ──ask──▶ Supervisor ──(on disk first)──▶ Workers        answers carry the order's number:
a row whose `order` is at least that number speaks of the time after the order.
"""

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from actors.life.state import State
from actors.values.facts import Verb
from actors.values.families import Family
from actors.values.gates import Gate
from actors.values.records import Intent
from actors.values.spec import Condition, WorkerSpec


class RequestRefused(Exception):
    """The request can't be carried out; nothing was changed. `code` is one word of the wire's error codes.

    Codes: usage, unknown-worker, config, conflict, not-permitted, shutting-down.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Order:
    """One verb for these workers, all of which must exist. Answered by `Accepted`.

    `choose`, if given, says which in place of `names`, from the specs of all workers in their order and the names of
    those that live though no record and no file knows them; it may raise RequestRefused.
    """

    verb: Verb
    names: tuple[str, ...]
    force: bool = False
    choose: Callable[[Iterable[WorkerSpec], Collection[str]], tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Apply:
    """Make the workers be as these specs say, in their order. Answered by `Accepted`.

    `next_start`: the keys of `[supervisor]` in the file that nobody can apply; the log tells of them.
    """

    specs: tuple[WorkerSpec, ...]
    config_digest: str
    force: bool = False
    families: tuple[Family, ...] = ()
    next_start: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scale:
    """Have `count` replicas of this family: new ones start, those with the highest numbers are stopped and forgotten.

    Answered by `Accepted`, with the changes; refused where the file says something new about those that stay.
    """

    family: Family
    count: int
    force: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Define and start a worker that is in no file. Answered by `Accepted`; refused where the name is taken."""

    spec: WorkerSpec


@dataclass(frozen=True, slots=True)
class Plan:
    """What `Apply` with these specs would do; nothing is changed. Answered by `Planned`."""

    specs: tuple[WorkerSpec, ...]
    families: tuple[Family, ...] = ()


@dataclass(frozen=True, slots=True)
class GiveInput:
    """Type this into a worker's terminal. Answered by `Accepted` when it is on its way to the worker.

    `answered` is called once, from another thread: with None when it is typed, else with why it is not. What is not
    ordered by `until` (monotonic) is not typed any more.
    """

    name: str
    content: bytes
    keys: tuple[str, ...]
    answered: Callable[[str | None], None]
    until: float = math.inf


@dataclass(frozen=True, slots=True)
class ConfigBroken:
    """The file on disk can't be applied; everything stays as it is, and the picture says so."""

    error: str


@dataclass(frozen=True, slots=True)
class ShutDown:
    """End the service: stop the workers in reverse dependency order, or keep them. Answered when it has begun."""

    keep_workers: bool
    cause: str = "person"


class Action(StrEnum):
    """What applying a file does with one worker."""

    CREATE = "create"  # it is new: started when its gates are open
    START = "start"  # it rests, and begins a life
    REPLACE = "replace"  # it lives, and needs a new process
    ADOPT = "adopt"  # no service runs: it lives and goes on
    POLICY = "policy"  # the living one goes on under new rules
    STOP = "stop"  # it is not in the file: stopped and forgotten
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Change:
    """What apply does with one worker; `keys` are those in which the file differs, `note` says what else to know."""

    name: str
    action: Action
    keys: tuple[str, ...] = ()
    note: str = ""


def plain_changes(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Return changes as the wire has them."""
    return [{"name": c.name, "action": c.action.value, "keys": list(c.keys), "note": c.note} for c in changes]


@dataclass(frozen=True, slots=True)
class Planned:
    """The changes, and why apply would refuse them without `force` (None: it would not)."""

    changes: tuple[Change, ...]
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The order's number, the workers it went to, and for apply the changes.

    `unrecorded`: which file could not be written, and why: the order is carried out, and a service that is killed
    before that is mended forgets it. None when all that it left to remember is on disk.
    """

    number: int
    names: tuple[str, ...]
    changes: tuple[Change, ...] = field(default=())
    unrecorded: str | None = None


@dataclass(frozen=True, slots=True)
class Dependency:
    """What a worker waits for in another one, and how that one is: `state` is None when it does not exist."""

    name: str
    on: Condition
    met: bool
    state: State | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Inspect:
    """Say what holds for one worker beyond its row. Changes nothing. Answered by `Inspection`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A worker as the Supervisor sees it.

    `gate`: what keeps it from starting while it is pending. `blockers`: its first unmet dependency, that
    one's own, and so on to the one behind it all; empty unless it is pending. `closing`: the service is ending.
    """

    spec: WorkerSpec
    intent: Intent
    gate: Gate | None
    dependencies: tuple[Dependency, ...]
    blockers: tuple[Dependency, ...]
    closing: bool
