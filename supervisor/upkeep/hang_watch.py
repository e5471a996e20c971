"""Which handler hangs, and where: a thread looks at the handlers that are at work, while none is each 10 s.

at_work() ──▶ hung: one line with its stack │ goes on: one line
"""

import sys
import threading
import time
import traceback
from collections.abc import Callable, Collection

from actors.base import Busy, at_work
from actors.ports import Journal
from actors.vital import VitalThread

HUNG_AFTER = 10.0  # seconds; the longest of a healthy handler is the Terminal's, a few deadlines of 2 s
PERIOD = 2.5  # seconds, least between two looks


class HangWatch:
    """`say(what, reason)` is told what is degraded by it, and with None that it is well again."""

    def __init__(self, journal: Journal, say: Callable[[str, str | None], None]) -> None:
        self._journal = journal
        self._say = say
        self._told: frozenset[Busy] = frozenset()
        self._closed = threading.Event()
        VitalThread("hang-watch", self._run).start()

    def close(self) -> None:
        self._closed.set()

    def _run(self) -> None:
        pause = PERIOD
        while not self._closed.wait(pause):
            pause = self.look(at_work(), time.monotonic())

    def look(self, busy: Collection[Busy], now: float) -> float:
        """Tell, once each, of those that have been at one message for `HUNG_AFTER` seconds, and that they go on.

        Return the seconds until the next look: before that nobody of those at work can hang.
        """
        hanging = frozenset(handler for handler in busy if now - handler.since >= HUNG_AFTER)
        for handler in sorted(hanging - self._told, key=lambda handler: handler.since):
            self._journal.log("actor.hung", _facts(handler, now) | {"stack": stack_of(handler.thread)})
            self._say(_named(handler), f"hangs at {handler.handling}")
        for handler in self._told - hanging:
            self._journal.log("actor.goes_on", _facts(handler, now))
            self._say(_named(handler), None)
        self._told = hanging
        return max(PERIOD, HUNG_AFTER - max((now - handler.since for handler in busy), default=0.0))


def stack_of(thread: int) -> str:
    """Return where a thread is now; empty when it has ended."""
    frame = sys._current_frames().get(thread)
    return "".join(traceback.format_stack(frame)) if frame else ""


def _facts(handler: Busy, now: float) -> dict[str, str | float | None]:
    seconds = round(now - handler.since, 1)
    return {"actor": handler.role, "worker": handler.worker, "handling": handler.handling, "seconds": seconds}


def _named(handler: Busy) -> str:
    return f"actor {handler.role}" + (f" {handler.worker}" if handler.worker else "")
