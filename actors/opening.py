"""What the Supervisor begins with: the posts it fills, how it makes each actor, what there is; and how it ends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pykka

from actors.admission import Room
from actors.base import Post
from actors.messages import Handle
from actors.ports import Survey
from actors.records import Records
from actors.requests import Apply, ShutDown
from actors.snapshot import Config
from actors.worker import Birth


@dataclass(frozen=True, slots=True, kw_only=True)
class Posts:
    """Where the singletons are told things; the Supervisor keeps them pointing at living actors."""

    supervisor: Post[Any]
    terminal: Post[Any]
    ticker: Post[Any]
    metrics: Post[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nursery:
    """How each actor is made and started, and who is told of the whole; the service's wiring fills it in."""

    terminal: Callable[[], pykka.ActorRef[Any]]
    ticker: Callable[[], pykka.ActorRef[Any]]
    metrics: Callable[[], pykka.ActorRef[Any]]
    worker: Callable[[str, Birth], pykka.ActorRef[Any]]
    seed: Callable[[], str]
    watch_server: Callable[[Handle], None]
    opened: Callable[[], None]
    closing: Callable[[ShutDown], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the service begins with. `apply`: the file, at a clean start; else the records alone rule.

    `told`: as in `adoption.World`.
    """

    records: Records
    survey: Survey
    boot_id: str
    config: Config
    apply: Apply | None
    room: Room
    told: Mapping[str, float | None] = field(default_factory=dict)
    number: int = 0  # of the last order; a Supervisor before this one may have given some
    closing: ShutDown | None = None  # it was told to, and a failure of the Supervisor came in between


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why the Supervisor is done: `end_server` when nothing of ours is to be left, `error` when it gave up."""

    cause: str
    end_server: bool
    error: str | None = None
