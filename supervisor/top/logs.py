"""The log of one worker, followed in a thread, as lines that can be shown.

segments ──follow──▶ pieces ──Lines──▶ lines, in colour where nothing moved the cursor
"""

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from supervisor.logs.reading import follow
from supervisor.text.plain import last_redraw, plain, visible
from supervisor.text.rows import is_moving
from supervisor.text.runs import PLAIN
from supervisor.top.lines import Line, line_of

BEGINNING = 1_000  # lines that are read at first
MOST = 2_000  # lines that wait; of a worker that prints more between two looks, the last
_LONGEST = 4_000  # bytes of a line
_LOOK = 0.5  # seconds between two looks: one lists the folder of all logs


def shown(line: bytes) -> Line:
    """Return a whole line as it is shown: with its colours, or as a terminal would have laid it out."""
    line = last_redraw(line.rstrip(b"\n"), _LONGEST)[:_LONGEST]
    text = line.decode(errors="replace").rstrip("\r")
    if is_moving(text):
        return [(visible(plain(line), keep="\n").replace("\n", " "), PLAIN)]
    return line_of(text.expandtabs())


class Log:
    """Follows the log of `name` until `close`; `on_lines` is called, in its thread, when there are lines to take."""

    def __init__(self, directory: Path, name: str, on_lines: Callable[[], object]) -> None:
        self.name = name
        self._directory = directory
        self._on_lines = on_lines
        self._lines: deque[bytes] = deque(maxlen=MOST)
        self._told = threading.Event()
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="top-log", daemon=True).start()

    def take(self) -> list[Line]:
        """Return the lines that have come."""
        self._told.clear()
        found = []
        while self._lines:
            found.append(shown(self._lines.popleft()))
        return found

    def close(self) -> None:
        self._ended.set()

    def _run(self) -> None:
        pending = b""
        for piece in follow(self._directory, self.name, lines=BEGINNING, wait=self._wait):
            if self._ended.is_set():
                return
            pending = (pending + piece)[-_LONGEST:] if pending else piece
            if not pending.endswith(b"\n"):
                continue  # a line without end is shown when it has one
            self._lines.append(pending)
            pending = b""
            if not self._told.is_set():
                self._told.set()
                self._on_lines()

    def _wait(self, _seconds: float) -> bool:
        return self._ended.wait(_LOOK)
