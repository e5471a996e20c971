"""What a step of the roster wants done in the world, in order. The root actor carries it out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from actors.life.adoption import Decision
from actors.values.facts import Handle
from actors.values.records import Head, Record
from actors.values.requests import ShutDown


@dataclass(frozen=True, slots=True)
class Keep:
    """Put a worker's record into the records file (None: forget it); `durable`: with fsync, before what follows."""

    name: str
    record: Record | None
    durable: bool


@dataclass(frozen=True, slots=True)
class KeepHead:
    """Put the head into the records file, with fsync."""

    head: Head


@dataclass(frozen=True, slots=True)
class Repair:
    """Write the records file whole, as the roster is: an earlier write has failed."""


@dataclass(frozen=True, slots=True)
class LookAtRecords:
    """Tell `PartFailing` how the records file is."""


@dataclass(frozen=True, slots=True)
class Define:
    """The birth of a worker that is new."""

    cause: str = "defined"


@dataclass(frozen=True, slots=True)
class Redefine:
    """The birth of a worker of which nothing was left, and that is wanted again."""


@dataclass(frozen=True, slots=True)
class Spawn:
    """Make a Worker actor. `number` is that of the last order that it knows of."""

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
class ShowOrder:
    """Tell Metrics all names, in the order of definition."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShowService:
    """Tell Metrics of the service's own state."""


@dataclass(frozen=True, slots=True)
class FindServer:
    """See to it that there is a tmux server; answered by `Revived`."""


@dataclass(frozen=True, slots=True)
class AnswerLooks:
    """tmux answers again: answer those who have asked for their panes meanwhile."""


@dataclass(frozen=True, slots=True)
class WatchServer:
    """Tell `ServerEnded` when this tmux server ends."""

    server: Handle


@dataclass(frozen=True, slots=True)
class LookFor:
    """Look for the pane of a worker whose actor has failed; answered by `Found`."""

    name: str


@dataclass(frozen=True, slots=True)
class LookAtUnknown:
    """Look at a pane of whose worker nothing is known; answered by `UnknownSeen`."""

    name: str


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Tell `Retry` in a second."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Every worker has said for the first time how it is."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The service begins to end."""

    order: ShutDown


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do; `end_server`: nothing of ours is to be left in tmux."""

    cause: str
    end_server: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What the asker gets."""

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
    | ShowOrder
    | ShowService
    | FindServer
    | AnswerLooks
    | WatchServer
    | LookFor
    | LookAtUnknown
    | RetryLater
    | Opened
    | Closing
    | Done
    | Answer
)
