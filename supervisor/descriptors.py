"""When file descriptors run out: a few are kept for what must go on, and it is said once until there are some again."""

import contextlib
import errno
import os
import resource
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

OUT_OF_DESCRIPTORS = {errno.EMFILE, errno.ENFILE}
LOOK = 0.5  # seconds between two looks while there is a shortage
ENOUGH = 2  # free ones that end a shortage: what one request and its client need at the least
T = TypeVar("T")


class Reserve:
    """So many descriptors kept for when there are no others."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._kept: list[int] = []
        self._refill()

    def use(self, act: Callable[[], T]) -> T:
        """Return what `act` returns, which is called again on the reserve when descriptors have run out."""
        try:
            return act()
        except OSError as problem:
            if problem.errno not in OUT_OF_DESCRIPTORS:
                raise
        with self.released():
            return act()

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """Let the reserve be used inside."""
        self.close()
        try:
            yield
        finally:
            self._refill()

    def close(self) -> None:
        while self._kept:
            os.close(self._kept.pop())

    def _refill(self) -> None:
        with contextlib.suppress(OSError):  # another thread was quicker: less in reserve
            while len(self._kept) < self._count:
                self._kept.append(_any_descriptor())


class Shortage:
    """Whether this process is out of descriptors. While it is, a thread looks whether that is over.

    `say(reason)` is told when it begins and at each look, and None at the end; from several threads.
    """

    def __init__(self, say: Callable[[str | None], None]) -> None:
        self._say = say
        self._known = False
        self._closed = threading.Event()

    def note(self, error: BaseException) -> None:
        """Take notice of an error, which may be of any kind."""
        if self._known or not isinstance(error, OSError) or error.errno not in OUT_OF_DESCRIPTORS:
            return
        self._known = True
        self._say(limit_reached(error))
        try:
            threading.Thread(target=self._await_the_end, name="shortage", daemon=True).start()
        except RuntimeError:  # no thread to be had either: the next error tries again
            self._known = False

    def close(self) -> None:
        self._closed.set()

    def _await_the_end(self) -> None:
        reason: str | None = ""
        while reason is not None and not self._closed.wait(LOOK):
            reason = _shortage()
            self._known = reason is not None
            self._say(reason)


def limit_reached(error: OSError) -> str:
    """Say in words which limit has been reached."""
    if error.errno == errno.EMFILE:
        return f"its limit of {resource.getrlimit(resource.RLIMIT_NOFILE)[0]:,} open files is reached"
    return error.strerror or str(error)


def _shortage() -> str | None:
    """Return why there are not `ENOUGH` descriptors to be had now; None when there are."""
    taken: list[int] = []
    try:
        while len(taken) < ENOUGH:
            taken.append(_any_descriptor())
    except OSError as error:
        return limit_reached(error)
    finally:
        for descriptor in taken:
            os.close(descriptor)
    return None


def _any_descriptor() -> int:
    return os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
