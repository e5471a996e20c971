"""Threads that the service cannot do without. An exception that escapes one of them ends the service.

    VitalThread ──exception──▶ listener: the service, which exits with 70 and lets the workers run

Its keeper starts the service again, and adoption does the rest. There is one listener per process, because the process
ends.
"""

import sys
import threading
import traceback
from collections.abc import Callable

Escaped = Callable[[str, BaseException], None]


def _print(name: str, error: BaseException) -> None:
    """The listener while no service runs."""
    print(f"the thread {name} has died:", *traceback.format_exception(error), sep="\n", file=sys.stderr)


_listener: Escaped = _print


def listen(escaped: Escaped | None) -> None:
    """Call `escaped(thread, error)` from now on, in the thread that ends; None: print the error."""
    global _listener
    _listener = escaped or _print


class VitalThread(threading.Thread):
    """A daemon thread that the service cannot do without. `start` raises RuntimeError when none can be started."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # threading would ignore SystemExit
            _listener(self.name, error)
