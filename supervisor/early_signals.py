"""Signals to a service that is still importing its modules, before it has its own handlers.

SIGTERM and SIGINT end it at once with 0: it has done nothing yet. SIGHUP and SIGUSR2 are kept for the service.
Standard library only.
"""

import os
import signal
from collections.abc import Sequence
from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGINT)
_NOTED = (signal.SIGHUP, signal.SIGUSR2)
_TAKE_A_VALUE = ("-c", "--config", "--socket")

_came: list[int] = []


def catch() -> None:
    """Handle the signals until the service does."""
    for number in _ENDING:
        signal.signal(number, _end)
    for number in _NOTED:
        signal.signal(number, _note)


def noted() -> list[int]:
    """Return the numbers of the signals that came, each once."""
    came, _came[:] = list(dict.fromkeys(_came)), []
    return came


def is_service(argv: Sequence[str]) -> bool:
    """Whether these arguments of the command line run the service."""
    words = iter(argv)
    for word in words:
        if not word.startswith("-"):
            return word == "serve"
        if word in _TAKE_A_VALUE:
            next(words, None)
    return False


def _end(_number: int, _frame: FrameType | None) -> None:
    os._exit(0)  # no code of a half-imported module may run on the way out


def _note(number: int, _frame: FrameType | None) -> None:
    _came.append(number)
