"""What a step of the roster wants done in the world; the Supervisor actor carries it out, in order."""

from collections.abc import Mapping
from typing import Any

from actors.frozen import frozen
from actors.life.adoption import Decision
from actors.values.bulletins import DefinitionOrder, ServiceNow
from actors.values.facts import Handle
from actors.values.records import Head, Record
from actors.values.requests import ShutDown


@frozen
class Keep:
    """Write a worker's record (None: forget it). `durable`: with fsync, before the next effect."""

    name: str
    record: Record | None
    durable: bool


@frozen
class KeepHead:
    """Write the head of the records file, with fsync."""

    head: Head


@frozen
class Repair:
    """Write the whole records file from the roster, because an earlier write has failed."""


@frozen
class LookAtRecords:
    """Check the records file; answered by `PartFailing`."""


@frozen
class Define:
    """The start of a new worker."""

    cause: str = "defined"


@frozen
class Redefine:
    """The start of a worker that was removed and is wanted again."""


@frozen
class Spawn:
    """Make a Worker actor. `number` is the last order that it counts as carried out."""

    record: Record
    birth: Define | Redefine | Decision
    number: int


@frozen
class Drop:
    """The worker is removed: its actor has ended."""

    name: str


@frozen
class Tell:
    """Tell a Worker actor."""

    name: str
    message: Any


@frozen
class Say:
    """A line of the log, and an entry of the activity feed."""

    event: str
    facts: Mapping[str, Any]


@frozen
class Show:
    """Tell Metrics the order of definition, or the service's own state."""

    message: DefinitionOrder | ServiceNow


@frozen
class FindServers:
    """Find the tmux servers, `least` or more, and start those that are missing; answered by `Revived`."""

    least: int


@frozen
class AnswerLooks:
    """Answer the workers that asked for their panes while tmux did not answer."""


@frozen
class WatchServer:
    """Watch the tmux server with this number; `ServerEnded` tells of its end."""

    number: int
    server: Handle


@frozen
class LookFor:
    """Look for the pane of this worker; answered by `Found`. `drop_start`: a start that still waits is dropped."""

    name: str
    drop_start: bool


@frozen
class RetryLater:
    """Tell `Retry` after `RETRY` seconds."""


@frozen
class Opened:
    """Every worker has reported once: the service is ready."""


@frozen
class Closing:
    """The service begins to end."""

    order: ShutDown


@frozen
class Done:
    """The service may end. `end_server`: the tmux server ends, too."""

    cause: str
    end_server: bool


@frozen
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
    | FindServers
    | AnswerLooks
    | WatchServer
    | LookFor
    | RetryLater
    | Opened
    | Closing
    | Done
    | Answer
)
