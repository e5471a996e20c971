"""Signals, heard by a thread of their own.

    kernel ──▶ C handler ──one byte──▶ socket ──▶ the thread "signals" ──▶ tell(number)

Python runs its own handlers between two steps of the main thread. A signal that comes just before that thread goes to
sleep would wait until that thread wakes up for something else, perhaps forever.
"""

import signal
import socket
from collections.abc import Callable, Collection
from types import FrameType

from actors.vital import VitalThread


class SignalThread:
    """Calls `tell` with each of these signals, from its own thread. Made and closed in the main thread."""

    def __init__(self, numbers: Collection[int], tell: Callable[[int], None]) -> None:
        self._wanted = frozenset(numbers)
        self._tell = tell
        self._receiver, self._sender = socket.socketpair()
        self._sender.setblocking(False)
        signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, _heard)
        self._thread = VitalThread("signals", self._run)
        self._thread.start()

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._sender.close()
        self._thread.join()
        self._receiver.close()

    def _run(self) -> None:
        while numbers := self._receiver.recv(64):
            for number in numbers:
                if number in self._wanted:
                    self._tell(number)


def _heard(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the signal's number is in the socket."""
