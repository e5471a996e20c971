"""When file descriptors run out: a few are kept for what must go on."""

import contextlib
import errno
import os
import resource
from collections.abc import Callable, Iterator
from typing import TypeVar

OUT_OF_DESCRIPTORS = {errno.EMFILE, errno.ENFILE}
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
                self._kept.append(any_descriptor())


def limit_reached(error: OSError) -> str:
    """Say in words which limit has been reached."""
    if error.errno == errno.EMFILE:
        return f"its limit of {resource.getrlimit(resource.RLIMIT_NOFILE)[0]:,} open files is reached"
    return error.strerror or str(error)


def any_descriptor() -> int:
    return os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
