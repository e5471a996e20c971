"""The real clocks, and the one wake-up that the Ticker asks for."""

import threading
import time
from collections.abc import Callable

from actors.values.facts import Instant
from actors.vital import VitalThread


class SystemClock:
    """`actors.ports.Clock`: a thread that sleeps until the moment it was last given."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._at: float | None = None
        self._wake: Callable[[], None] = lambda: None
        VitalThread("clock", self._run).start()

    def now(self) -> Instant:
        return Instant(time.monotonic(), time.time())

    def wake_at(self, mono: float, wake: Callable[[], None]) -> None:
        with self._changed:
            sooner = self._at is None or mono < self._at
            self._at, self._wake = mono, wake
            if sooner:  # else the thread finds out when it wakes at the earlier moment
                self._changed.notify()

    def _run(self) -> None:
        while True:
            self._wait_for_the_moment()()

    def _wait_for_the_moment(self) -> Callable[[], None]:
        with self._changed:
            while True:
                left = None if self._at is None else self._at - time.monotonic()
                if left is not None and left <= 0:
                    self._at = None
                    return self._wake
                self._changed.wait(left)
