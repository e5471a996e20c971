"""What the Supervisor is given: the posts that it fills, and how it makes each actor; and how it ends."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pykka

from actors.base import Post
from actors.values.facts import Handle
from actors.values.requests import ShutDown
from actors.worker import Birth


@dataclass(frozen=True, slots=True, kw_only=True)
class Posts:
    """Where the singletons are told things; the Supervisor keeps them pointing at living actors."""

    supervisor: Post[Any]
    terminal: Post[Any]
    ticker: Post[Any]
    metrics: Post[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Factories:
    """How each actor is made and started, and who is told of the whole; the service's wiring fills it in."""

    terminal: Callable[[], pykka.ActorRef[Any]]
    ticker: Callable[[], pykka.ActorRef[Any]]
    metrics: Callable[[], pykka.ActorRef[Any]]
    worker: Callable[[str, Birth], pykka.ActorRef[Any]]
    seed: Callable[[], str]
    watch_server: Callable[[Handle], None]
    opened: Callable[[], None]
    closing: Callable[[ShutDown], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why the Supervisor is done: `end_server` when nothing of ours is to be left, `error` when it gave up."""

    cause: str
    end_server: bool
    error: str | None = None
