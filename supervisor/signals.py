"""Signals to the service: until it has imported its modules, and from then on by a thread of their own.

    kernel ──▶ C handler ──one byte──▶ socket ──▶ the thread "signals" ──▶ tell(number)

Python runs its own handlers between two steps of the main thread. A signal that comes just before that thread goes to
sleep would wait until that thread wakes up for something else, perhaps forever. Standard library only.
"""

import os
import signal
from collections.abc import Callable, Sequence
from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGINT)
_NOTED = (signal.SIGHUP, signal.SIGUSR2)
_TAKE_A_VALUE = ("-c", "--config", "--socket", "--state-dir")

_came: list[int] = []


def catch_early() -> None:
    """Handle the signals until there is a SignalThread.

    SIGTERM and SIGINT end a service at once with 0: it has done nothing yet. SIGHUP and SIGUSR2 are kept for it.
    """
    for number in _ENDING:
        signal.signal(number, _end)
    for number in _NOTED:
        signal.signal(number, _note)


def is_service(argv: Sequence[str]) -> bool:
    """Whether these arguments of the command line run the service."""
    words = iter(argv)
    for word in words:
        if not word.startswith("-"):
            return word == "serve"
        if word in _TAKE_A_VALUE:
            next(words, None)
    return False


class SignalThread:
    """Calls `tell` with each signal, from its own thread; those caught early come first, each once.

    Made and closed in the main thread.
    """

    def __init__(self, tell: Callable[[int], None]) -> None:
        import socket  # only now: until `catch_early` is called each millisecond counts

        from actors.vital import VitalThread

        self._tell = tell
        self._receiver, self._sender = socket.socketpair()
        self._sender.setblocking(False)
        signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        for number in (*_ENDING, *_NOTED):
            signal.signal(number, _heard)
        for early in dict.fromkeys(_came):
            tell(early)
        _came.clear()
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
                if number in (*_ENDING, *_NOTED):
                    self._tell(number)


def _heard(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the signal's number is in the socket."""


def _end(_number: int, _frame: FrameType | None) -> None:
    os._exit(0)  # no code of a half-imported module may run on the way out


def _note(number: int, _frame: FrameType | None) -> None:
    _came.append(number)
