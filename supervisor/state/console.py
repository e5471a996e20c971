"""What the service shows on its terminal, which may stop taking lines (Ctrl-S, an ssh that stalls).

    entry ──ConsoleRenderer or JSONRenderer──▶ line ──▶ up to MOST wait ──▶ terminal

Lines that find no place are counted, and the terminal shows their number in their stead.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from typing import Any, TextIO

from structlog.dev import ConsoleRenderer

from supervisor.state.backlog import Backlog, Gap
from supervisor.state.entries import json_line
from supervisor.text.plain import visible

MOST = 1000  # lines that wait
CLOSING = 1.0  # seconds that a service that ends waits for its terminal
_OF_STRUCTLOG = ("exc_info", "exception", "stack")  # its console renderer prints these on lines of their own


class Console:
    """Thread-safe. Errors of the terminal are ignored: the log has every line.

    Lines are for people on a terminal or where `format` is "console"; in colour on a terminal, unless NO_COLOR is set
    (no-color.org). Else they are JSON.
    """

    def __init__(self, terminal: TextIO, format: str) -> None:
        colours = terminal.isatty() and not os.environ.get("NO_COLOR")
        self._for_people = ConsoleRenderer(colors=colours, sort_keys=False, timestamp_key="ts")
        self._is_json = format != "console" and not terminal.isatty()
        self._terminal = terminal
        self._backlog: Backlog[str] = Backlog("console", self._print)

    def show(self, entry: Mapping[str, Any]) -> None:
        """Have the entry shown, if it finds a place; returns at once."""
        line = json_line(entry) if self._is_json else self._for_people(None, "", _printable(entry))
        self._backlog.put(line, MOST)

    def close(self) -> None:
        """Show what waits, as far as the terminal takes it now, and end."""
        self._backlog.close(CLOSING)

    def _print(self, line: str | Gap) -> None:
        text = f"… {line.count} lines were not shown: the log has them" if isinstance(line, Gap) else line
        # a terminal that went away raises OSError, a closed file ValueError
        with contextlib.suppress(OSError, ValueError):
            print(text, file=self._terminal, flush=True)


def _printable(entry: Mapping[str, Any]) -> dict[str, Any]:
    """No fact may act on a terminal: it could rewrite what the person sees."""
    shown = {key: _text(value) for key, value in entry.items() if key != "seq"}
    return {f"{key}_" if key in _OF_STRUCTLOG else visible(key): text for key, text in shown.items()}


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return visible(text).encode(errors="backslashreplace").decode()
