"""The service's log: one JSON object a line.

    log(level, event, facts) ──structlog──▶ line ──▶ service.log ──by size──▶ service.log.1 …
             │                                ▲
             └─ from, to ─▶ state table ──────┘ a `state.table` line

That line is written at begin, first in each new file, and where lines could not be written: from there on the log
alone rebuilds the state table (`state_replay`).
"""

import contextlib
import io
import json
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

from structlog.dev import ConsoleRenderer
from structlog.processors import JSONRenderer

from actors.events.table import level_of
from actors.values.snapshot import iso
from supervisor.kernel.files import as_known, opened
from supervisor.state.console import Console
from supervisor.state.replay import TABLE, after, is_transition
from supervisor.text.plain import visible

LONGEST = 2000  # characters of one string
DEEPEST = 6  # levels of a fact; what lies below is shown by repr
_OURS = ("seq", "ts", "level", "event")
_OF_STRUCTLOG = ("exc_info", "exception", "stack")  # its console renderer prints these on lines of their own
_RANKS = logging.getLevelNamesMapping()

Render = Callable[[dict[str, Any]], str]


class ServiceLog:
    """`actors.ports.Journal`: thread-safe, never raises. Owns the state table, fed by the transitions it writes.

    The file is always JSON; `console` gets JSON, too, unless it is a terminal or `format` is "console". A transition
    (a line with `from` and `to`) is written whatever `level` is. `seq` grows by one with each line in the file.
    """

    def __init__(
        self,
        path: Path,
        *,
        level: str,
        format: str,
        max_size: int,
        keep: int,
        console: TextIO | None = None,
        elsewhere: bool = False,
    ) -> None:
        self._least = _rank(level)
        self._file = LineFile(path, max_size=max_size, keep=keep, elsewhere=elsewhere)
        self._json = json_renderer()
        self._console = Console(console) if console is not None else None
        self._on_console = self._json if console is None or not _for_people(console, format) else renderer_for(console)
        self._lock = threading.Lock()
        self._table: dict[str, str] = {}
        self._seq = 1
        self._lost = 0
        self._unwritten: str | None = None
        self._unrotated: str | None = None

    @property
    def failing(self) -> str | None:
        """Why the last line, or the last new file, could not be written; None when all is well."""
        return self._unwritten or self._unrotated

    def begin(self) -> None:
        self.state_line("start")

    def state_line(self, reason: str) -> None:
        """Write the line that names every worker and its state. Reasons of ours: start, new-file, gap."""
        with self._lock:
            self._write_table(reason)

    def log(self, event: str, facts: Mapping[str, Any]) -> None:
        self.write(entry_of(event, facts))

    def write(self, entry: dict[str, Any]) -> None:
        """Write what `entry_of` made."""
        with self._lock:
            moves = is_transition(entry)
            if moves or _rank(entry["level"]) >= self._least:
                self._put(entry)
            if moves:
                self._table = after(self._table, entry)

    def miss(self, count: int, moves: Iterable[Mapping[str, Any]]) -> None:
        """Say that this number of lines is missing here, and then the whole table, with the changes among them."""
        with self._lock:
            for move in moves:
                self._table = after(self._table, move)
            self._put(entry_of("log.dropped", {"count": count}))
            self._write_table("gap")

    def reopen(self) -> None:
        """Go on in a new file at the path: the old one was moved away. Not for a signal handler."""
        with self._lock:
            self._file.close()
            self._write_table("new-file")

    def retry(self) -> None:
        """After a failure, see whether writing works again; call it now and then, as the next line may be far."""
        with self._lock:
            if self._unwritten:
                self._write_table("gap")

    def close(self) -> None:
        """Let the console show the last lines; the file needs no closing."""
        if self._console is not None:
            self._console.close()

    # ── under the lock ────────────────────────────────────────────────────────────────────────────────────────────

    def _put(self, entry: dict[str, Any]) -> None:
        self._show(entry)
        if not (self._ready_for(entry) and self._append(entry)):
            self._lost += 1

    def _ready_for(self, entry: dict[str, Any]) -> bool:
        """Write the table where it must stand before this line; False when that is not possible now."""
        if self._unwritten:
            return self._write_table("gap")
        if not self._is_full_for(entry):
            self._unrotated = None
            return True
        return self._rotate()

    def _write_table(self, reason: str) -> bool:
        facts: dict[str, Any] = {"reason": reason, "workers": self._table}
        if self._lost:
            facts["lost"] = self._lost
        written = self._append(_stamped(TABLE, facts) | facts)
        if written:
            self._lost = 0
        return written

    def _append(self, entry: dict[str, Any]) -> bool:
        try:
            self._file.append(self._line(entry))
        except OSError as error:
            self._file.close()  # the next try opens it again: the descriptor itself may be what is wrong
            self._unwritten = self._file.explain(error)
            return False
        self._seq += 1
        self._unwritten = None
        return True

    def _is_full_for(self, entry: dict[str, Any]) -> bool:
        try:
            return self._file.is_full_for(self._line(entry))
        except OSError:
            return False  # the line will meet the same, and say so

    def _rotate(self) -> bool:
        try:
            self._file.doRollover()
        except OSError as error:
            self._unrotated = self._file.explain(error)  # better a file too long than a line lost
            return True
        self._unrotated = None
        written = self._write_table("new-file")
        self._file.count_from_here()
        return written

    def _line(self, entry: dict[str, Any]) -> bytes:
        return self._json(entry | {"seq": self._seq}).encode()

    def _show(self, entry: dict[str, Any]) -> None:
        if self._console is not None:
            self._console.show(self._on_console(entry | {"seq": self._seq}))


class LineFile(RotatingFileHandler):
    """A file of whole lines, made 0600, with `keep` files in all; what goes wrong is raised, as OSError.

    Of the handler it uses the rotation. Lines go past its buffers: what a full disk refuses must not come later. One
    `elsewhere` than in the state directory is a person's choice: it may be a link or a device, and keeps its mode.
    """

    def __init__(self, path: Path, *, max_size: int, keep: int, elsewhere: bool = False) -> None:
        self._opener = _as_it_is if elsewhere else opened
        super().__init__(path, maxBytes=max_size, backupCount=keep - 1, encoding="utf-8", delay=True)
        self._uncounted = 0

    def append(self, line: bytes) -> None:
        """Write the line whole, or nothing of it."""
        fd = self._fd()
        size = os.fstat(fd).st_size
        rest = memoryview(line + b"\n")
        try:
            while rest:
                rest = rest[os.write(fd, rest) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, size)
            raise

    def is_full_for(self, line: bytes) -> bool:
        """Whether the line belongs into a new file; never where it would be the first line of this one."""
        size = os.fstat(self._fd()).st_size - self._uncounted
        return size > 0 and size + len(line) + 1 > self.maxBytes

    def count_from_here(self) -> None:
        """Leave what is in the file out of its size: else a table longer than `max_size` made each line a file."""
        with contextlib.suppress(OSError):
            self._uncounted = os.fstat(self._fd()).st_size

    def doRollover(self) -> None:
        """Move the files one on, the last one away."""
        if self.backupCount == 0:
            os.unlink(self.baseFilename)
            self.close()
        super().doRollover()

    def explain(self, error: OSError) -> str:
        return f"{as_known(self.baseFilename)}: {error.strerror or error}"

    def close(self) -> None:
        with contextlib.suppress(OSError):  # EBADF: it was closed behind our back
            super().close()
        self.stream, self._uncounted = None, 0

    def _fd(self) -> int:
        if self.stream is None:
            self.stream = self._open()
            self._end_torn_line(self.stream.fileno())
        return self.stream.fileno()

    def _open(self) -> io.TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=self._opener)

    def _end_torn_line(self, fd: int) -> None:
        """Begin on a line of our own: the last writer may have been killed in the middle of one."""
        with open(self.baseFilename, "rb", opener=self._opener) as file:
            if os.fstat(fd).st_size and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n":
                os.write(fd, b"\n")


def _as_it_is(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


# ── rendering ─────────────────────────────────────────────────────────────────────────────────────────────────────


def json_renderer() -> Render:
    render = JSONRenderer(serializer=json.dumps)
    return lambda entry: str(render(None, "", entry))


def renderer_for(console: TextIO) -> Render:
    """Return what renders for people: in colour on a terminal, unless NO_COLOR is set (no-color.org)."""
    colours = console.isatty() and not os.environ.get("NO_COLOR")
    render = ConsoleRenderer(colors=colours, sort_keys=False, timestamp_key="ts")
    return lambda entry: render(None, "", _for_terminal(entry))


def _for_people(console: TextIO, format: str) -> bool:
    return format == "console" or console.isatty()


def _for_terminal(entry: Mapping[str, Any]) -> dict[str, Any]:
    """No fact may act on a terminal: it could rewrite what the person sees."""
    return {
        f"{key}_" if key in _OF_STRUCTLOG else visible(key): _printable(value)
        for key, value in entry.items()
        if key != "seq"
    }


def _printable(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value)
    return visible(text).encode(errors="backslashreplace").decode()


def _stamped(event: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"seq": 0, "ts": iso(time.time()), "level": level_of(event, facts), "event": event}


def entry_of(event: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of a line, stamped now; nothing of it is shared with `facts`."""
    entry = _stamped(event, facts)
    for key, value in facts.items():
        name = shortened(str(key))
        entry[f"{name}_" if name in _OURS else name] = encodable(value)
    return entry


def encodable(value: Any, depth: int = DEEPEST) -> Any:
    """Return what JSON can say of a fact; the rest as repr. Long strings lose their middle."""
    match value:
        case None | bool():
            return value
        case int() if abs(value) < 2**64:
            return int(value)
        case float() if math.isfinite(value):
            return float(value)
        case str():
            return shortened(str(value))
        case Mapping() if depth:
            return {shortened(str(key)): encodable(item, depth - 1) for key, item in value.items()}
        case list() | tuple() | set() | frozenset() if depth:
            return [encodable(item, depth - 1) for item in value]
        case _:
            return shortened(_repr(value))


def shortened(text: str) -> str:
    """Return at most `LONGEST` characters: of a traceback both ends tell most."""
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[: half - 1]}…{text[-half:]}"


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # any code may stand behind a repr, and the log never raises
        return f"<{type(value).__name__}: {type(error).__name__} in its repr>"


def _rank(level: str) -> int:
    return _RANKS.get(level.upper(), logging.INFO)
