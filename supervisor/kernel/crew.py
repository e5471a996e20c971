"""Threads that stand by: all are started at once, so work never waits for a thread that can't be had any more.

    submit ──▶ queue ──▶ the first thread that is free ──▶ Future

The executor of concurrent.futures starts its threads when they are needed. Where that fails it raises, and another
thread carries out all the same what was refused; and at its end Python waits for a thread of it that hangs.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from actors.vital import VitalThread

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

MOST_AT_ONCE = 4


class Crew(Executor):
    """`size` threads; a crew of one does things one after the other. Raises RuntimeError where there are no threads."""

    def __init__(self, size: int, name: str) -> None:
        self._work: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._size = size
        self._closed = False
        for number in range(size):
            VitalThread(f"{name}-{number}", self._run).start()

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Raises RuntimeError after the end."""
        if self._closed:
            raise RuntimeError("it has ended: nothing is begun any more")
        future: Future[T] = Future()
        self._work.put((future, lambda: function(*args, **kwargs)))
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = True) -> None:
        """Cancel what waits, and let the threads end. What they are at is not waited for."""
        self._closed = True
        for _ in range(self._size):
            self._work.put(None)

    def _run(self) -> None:
        while (waiting := self._work.get()) is not None:
            future, work = waiting
            if self._closed:
                future.cancel()
            else:
                _settle(future, work)


def at_once(act: Callable[[S], T], each: Sequence[S]) -> list[T]:
    """Return what `act` returns of each: side by side, or in turn where there are no threads. Raises what it raises."""
    try:
        crew = Crew(min(MOST_AT_ONCE, len(each)), "at-once") if len(each) > 1 else None
    except RuntimeError:
        crew = None
    if crew is None:
        return [act(one) for one in each]
    try:
        return list(crew.map(act, each))
    finally:
        crew.shutdown()


def _settle(future: "Future[Any]", work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
