"""Signals to a service that has only begun: before it has its handlers, Python's imports take most of the time.

Told to end, it has done nothing yet and ends at once, with 0. Other signals are noted for it. Standard library only.
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
    """Take the signals until the service does."""
    for number in _ENDING:
        signal.signal(number, _end)
    for number in _NOTED:
        signal.signal(number, _note)


def noted() -> list[int]:
    """Return those that came, each once."""
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
    os._exit(0)  # whatever is being imported: no code of a module is to run on the way out


def _note(number: int, _frame: FrameType | None) -> None:
    _came.append(number)
