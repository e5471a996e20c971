"""What a step of the roster wants done in the world; the Supervisor actor carries it out, in order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from actors.life.adoption import Decision
from actors.values.bulletins import DefinitionOrder, ServiceNow
from actors.values.facts import Handle
from actors.values.records import Head, Record
from actors.values.requests import ShutDown


@dataclass(frozen=True, slots=True)
class Keep:
    """Write a worker's record (None: forget it). `durable`: with fsync, before the next effect."""

    name: str
    record: Record | None
    durable: bool


@dataclass(frozen=True, slots=True)
class KeepHead:
    """Write the head of the records file, with fsync."""

    head: Head


@dataclass(frozen=True, slots=True)
class Repair:
    """Write the whole records file from the roster, because an earlier write has failed."""


@dataclass(frozen=True, slots=True)
class LookAtRecords:
    """Check the records file; answered by `PartFailing`."""


@dataclass(frozen=True, slots=True)
class Define:
    """The start of a new worker."""

    cause: str = "defined"


@dataclass(frozen=True, slots=True)
class Redefine:
    """The start of a worker that was removed and is wanted again."""


@dataclass(frozen=True, slots=True)
class Spawn:
    """Make a Worker actor. `number` is the last order that it counts as carried out."""

    record: Record
    birth: Define | Redefine | Decision
    number: int


@dataclass(frozen=True, slots=True)
class Drop:
    """The worker is removed: its actor has ended."""

    name: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell a Worker actor."""

    name: str
    message: Any


@dataclass(frozen=True, slots=True)
class Say:
    """A line of the log, and an entry of the activity feed."""

    event: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Show:
    """Tell Metrics the order of definition, or the service's own state."""

    message: DefinitionOrder | ServiceNow


@dataclass(frozen=True, slots=True)
class FindServer:
    """Find the tmux server, or start one; answered by `Revived`."""


@dataclass(frozen=True, slots=True)
class AnswerLooks:
    """Answer the workers that asked for their panes while tmux did not answer."""


@dataclass(frozen=True, slots=True)
class WatchServer:
    """Watch this tmux server; its end is told by `ServerEnded`."""

    server: Handle


@dataclass(frozen=True, slots=True)
class LookFor:
    """Look for the pane of this worker; answered by `Found`. `drop_start`: a start that still waits is dropped."""

    name: str
    drop_start: bool


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Tell `Retry` after `RETRY` seconds."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Every worker has reported once: the service is ready."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The service begins to end."""

    order: ShutDown


@dataclass(frozen=True, slots=True)
class Done:
    """The service may end. `end_server`: the tmux server ends, too."""

    cause: str
    end_server: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the request."""

    value: Any


Effect = (
    Keep
    | KeepHead
    | Repair
    | LookAtRecords
    | Spawn
    | Drop
    | Tell
    | Say
    | Show
    | FindServer
    | AnswerLooks
    | WatchServer
    | LookFor
    | RetryLater
    | Opened
    | Closing
    | Done
    | Answer
)
