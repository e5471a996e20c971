"""What our actors have in common: failures told to the owner, posts that outlive an actor, and a table of the handlers
at work. A SupervisedActor has a thread of its own; all Workers share one (`actors.loop`).

pykka stops *all* actors of the process when a handler raises something like SystemExit; here that is one failure of one
actor, like any other. A message is told to a `Post`, not to an actor. The owner sets where the post leads; a message to
an actor that has ended is dropped.
"""

import contextlib
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar

import pykka

from actors.values.failure import ActorFailed
from actors.vital import VitalThread

M = TypeVar("M")


class HandlerEscaped(Exception):
    """A handler raised what is no `Exception`: SystemExit, KeyboardInterrupt."""


@dataclass(frozen=True, slots=True)
class Busy:
    """A handler at work: whose, on which type of message, since when (monotonic), and in which thread."""

    role: str
    worker: str | None
    handling: str
    since: float
    thread: int


_at_work: dict[int, Busy] = {}  # by thread; an entry goes when its handler returns or raises


def at_work() -> list[Busy]:
    """Return the handlers of all our actors that are at work now; for a watchdog, from any thread."""
    return list(_at_work.copy().values())


@contextlib.contextmanager
def working(role: str, handling: str, worker: str | None = None) -> Iterator[None]:
    """Let this thread count as at work inside: an actor's, or another one that a disk may keep."""
    thread = threading.get_ident()
    _at_work[thread] = Busy(role, worker, handling, time.monotonic(), thread)
    try:
        yield
    finally:
        del _at_work[thread]


class Post(Generic[M]):
    """Where to tell messages of type `M`; `ref` is set by the owner alone."""

    def __init__(self) -> None:
        self.ref: pykka.ActorRef[Any] | None = None

    def tell(self, message: M) -> None:
        ref = self.ref
        if ref is not None:
            with contextlib.suppress(pykka.ActorDeadError):
                ref.tell(message)


class Supervised(pykka.Actor):
    """An actor with an owner. `handle` gets every message; what it raises ends this actor and reaches the owner."""

    def __init__(self, owner: Post[Any], role: str, worker: str | None = None) -> None:
        super().__init__()
        self._owner = owner
        self.role = role
        self.worker_name = worker
        self._handling = ""
        self.actor_ref.tell(_BEGIN)  # first of all, and not in on_start: pykka calls no `on_failure` for that

    def begin(self) -> None:
        """The first thing that happens in the thread of the handlers."""

    def handle(self, message: Any) -> Any:
        raise NotImplementedError

    def tell_me(self, message: Any) -> None:
        """Tell this actor something, from anywhere; after its end it is dropped. This is what ports are handed."""
        with contextlib.suppress(pykka.ActorDeadError):
            self.actor_ref.tell(message)

    def on_receive(self, message: Any) -> Any:
        self._handling = type(message).__name__
        with working(self.role, self._handling, self.worker_name):
            try:
                return self._handle(message)
            except Exception:
                raise
            except BaseException as error:
                raise HandlerEscaped(f"a handler raised {error!r}") from error

    def _handle(self, message: Any) -> Any:
        if message is not _BEGIN:
            return self.handle(message)
        self.begin()
        return None

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback_: TracebackType | None,
    ) -> None:
        trace = "".join(traceback.format_exception(exception_type, exception_value, traceback_))
        self._owner.tell(ActorFailed(self.role, self.worker_name, self._handling, repr(exception_value), trace))
        with contextlib.suppress(BaseException):
            self.failed()

    def failed(self) -> None:
        """Called after the owner was told. What it raises goes no further."""


class SupervisedActor(Supervised, pykka.ThreadingActor):
    """One that may block: it has a thread of its own. Raises RuntimeError at `start` where none can be had."""

    def _start_actor_loop(self) -> None:
        VitalThread(f"actor-{self.role}", self._actor_loop).start()


class _Begin:
    """The first message of every actor."""


_BEGIN = _Begin()
