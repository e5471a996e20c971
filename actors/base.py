"""What our actors have in common: failures told to the owner, posts that outlive an actor, a table of busy handlers.

A SupervisedActor has a thread of its own; all Workers share one (`actors.loop`). pykka stops *all* actors of the
process when a handler raises SystemExit or KeyboardInterrupt; here it is the failure of one actor, like any other.
Messages are told to a `Post`, not to an actor. The owner sets where the post leads. A message to an actor that has
ended is dropped.
"""

import contextlib
import threading
import time
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Generic, TypeVar

import pykka

from actors.frozen import frozen
from actors.values.bulletins import ActorFailed
from actors.vital import VitalThread

M = TypeVar("M")


class HandlerEscaped(Exception):
    """A handler raised SystemExit, KeyboardInterrupt or another exception that is no `Exception`."""


@frozen
class Busy:
    """A handler at work: its actor, the type of its message, since when (monotonic), and its thread."""

    role: str
    worker: str | None
    handling: str
    since: float
    thread: int


_at_work: dict[int, Busy] = {}  # by thread; an entry goes when its handler returns or raises


def at_work() -> list[Busy]:
    """Return all handlers that are at work now. Any thread may call it; the watchdog does."""
    return list(_at_work.copy().values())


@contextlib.contextmanager
def working(role: str, handling: str, worker: str | None = None) -> Iterator[None]:
    """List this thread as at work inside the `with`. It need not be an actor's: a disk may block other threads, too."""
    thread = threading.get_ident()
    _at_work[thread] = Busy(role, worker, handling, time.monotonic(), thread)
    try:
        yield
    finally:
        del _at_work[thread]


class Post(Generic[M]):
    """Where to tell messages of type `M`; only the owner sets `ref`."""

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
        self.actor_ref.tell(_BEGIN)  # not in on_start: pykka does not call `on_failure` for that

    def begin(self) -> None:
        """Called before the first message, in the thread of the handlers."""

    def handle(self, message: Any) -> Any:
        raise NotImplementedError

    def tell_me(self, message: Any) -> None:
        """Tell this actor something, from any thread; after its end it is dropped. Ports get this method."""
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
        with contextlib.suppress(BaseException):
            self.failed()
        trace = "".join(traceback.format_exception(exception_type, exception_value, traceback_))
        self._owner.tell(ActorFailed(self.role, self.worker_name, self._handling, repr(exception_value), trace))

    def failed(self) -> None:
        """Called before the owner is told of a failure. What it raises is dropped."""


class SupervisedActor(Supervised, pykka.ThreadingActor):
    """An actor that may block: it has a thread of its own. `start` raises RuntimeError when none can be started."""

    def _start_actor_loop(self) -> None:
        VitalThread(f"actor-{self.role}", self._actor_loop).start()


class _Begin:
    """The first message of every actor."""


_BEGIN = _Begin()
