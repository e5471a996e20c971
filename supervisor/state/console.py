"""What the service shows on its terminal, which may stop taking lines (Ctrl-S, an ssh that stalls).

    show(line) ──▶ up to MOST wait ──▶ a thread of its own ──▶ terminal

No caller waits for the terminal. Lines that find no place are counted, and the terminal shows their number later.
"""

import contextlib
import threading
from collections import deque
from typing import TextIO

from actors.vital import VitalThread

MOST = 1000  # lines that wait
CLOSING = 1.0  # seconds that a service that ends waits for its terminal


class Console:
    """Thread-safe. Errors of the terminal are ignored: the log has every line."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._waiting: deque[str | int] = deque()  # a number counts the lines that found no place there
        self._closing = False
        self._changed = threading.Condition()
        self._thread = VitalThread("console", self._run)
        self._thread.start()

    def show(self, line: str) -> None:
        """Have the line shown, if it finds a place; returns at once."""
        with self._changed:
            if len(self._waiting) < MOST:
                self._waiting.append(line)
            elif isinstance(last := self._waiting[-1], int):
                self._waiting[-1] = last + 1
            else:
                self._waiting.append(1)
            self._changed.notify()

    def close(self) -> None:
        """Show what waits, as far as the terminal takes it now, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSING)

    def _run(self) -> None:
        while (next_one := self._next()) is not None:
            text = next_one if isinstance(next_one, str) else f"… {next_one} lines were not shown: the log has them"
            # a terminal that went away raises OSError, a closed file ValueError
            with contextlib.suppress(OSError, ValueError):
                print(text, file=self._terminal, flush=True)

    def _next(self) -> str | int | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            return self._waiting.popleft() if self._waiting else None
