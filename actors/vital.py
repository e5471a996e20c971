"""Threads that live as long as the service. What escapes one of them is told: no thread dies in silence.

    VitalThread ──what escapes its work──▶ the one who listens: the service, which ends with 70 and lets workers run

Whoever keeps the service starts it again, and adoption does the rest. There is one listener a process, because it is
the process that ends.
"""

import sys
import threading
import traceback
from collections.abc import Callable

Escaped = Callable[[str, BaseException], None]


def _print(name: str, error: BaseException) -> None:
    """What is done while no service listens."""
    print(f"the thread {name} has died:", *traceback.format_exception(error), sep="\n", file=sys.stderr)


_listener: Escaped = _print


def listen(escaped: Escaped | None) -> None:
    """Tell `escaped(thread, error)` from now on, in the thread that dies; None: print it."""
    global _listener
    _listener = escaped or _print


class VitalThread(threading.Thread):
    """A daemon thread that the service cannot do without. Raises RuntimeError at `start` where none can be had."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # SystemExit, too: threading would pass over it
            _listener(self.name, error)
