"""What is going on while a command waits: one line redrawn on a terminal, else one line a change; both on stderr."""

import sys
from collections.abc import Collection
from typing import Any, TextIO

from actors.events.words import some_of
from supervisor.text.colours import STATES
from supervisor.text.plain import visible

SETTLED = frozenset({"running", "completed", "failed", "stopped", "backoff", "quarantined"})
STOPPED = frozenset({"completed", "failed", "stopped", "quarantined"})
SHOWN = 4  # names in the line

Message = dict[str, Any]


class Progress:
    """Gets each message of `changes`. `settled` are the states that need no more waiting."""

    def __init__(self, settled: Collection[str] = SETTLED, stream: TextIO | None = None) -> None:
        self._settled = settled
        self._stream = stream or sys.stderr
        self._redraws = self._stream.isatty()
        self._states: dict[str, str] | None = None

    def __call__(self, message: Message) -> None:
        if message["topic"] == "changes":
            self.show(message["data"]["workers"])

    def show(self, workers: list[dict[str, Any]]) -> None:
        states = {worker["name"]: worker["state"] for worker in workers}
        if self._redraws:
            self._redraw(states)
        elif self._states is not None:
            self._tell(states, self._states)
        self._states = states

    @property
    def open_ones(self) -> list[str]:
        """Who is waited for, as seen last."""
        return [name for name, state in (self._states or {}).items() if state not in self._settled]

    def done(self) -> None:
        """Leave a clean line for what comes after."""
        if self._redraws and self._states is not None:
            self._write("\r\x1b[K")

    def _redraw(self, states: dict[str, str]) -> None:
        open_ones = [name for name, state in states.items() if state not in self._settled]
        counts = ", ".join(f"{n} {state}" for state in STATES if (n := list(states.values()).count(state)))
        waits = f"; waiting for {visible(some_of(open_ones, SHOWN))}" if open_ones else ""
        self._write(f"\r\x1b[K{counts}{waits}")

    def _tell(self, states: dict[str, str], before: dict[str, str]) -> None:
        lines = [f"{name}: {state}\n" for name, state in states.items() if before.get(name) != state]
        lines += [f"{name}: removed\n" for name in before if name not in states]
        self._write(visible("".join(lines), keep="\n"))

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
