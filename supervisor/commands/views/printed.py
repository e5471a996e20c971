"""How the lines of logs are printed: as a terminal shows them, with names and times in front, those that match."""

import re
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from supervisor.text.colours import DIM, painted
from supervisor.text.patterns import Pattern
from supervisor.text.plain import last_redraw, plain, visible

NAMES = ("36", "33", "32", "35", "34", "31")  # colours, one after the other
LONGEST_OPEN = 1 << 16  # bytes of a line without end that are laid out together
REDRAWN = 1.0  # seconds between two redraws of a line that are shown while it has no end
_ADDRESSES = re.compile(rb"\x1b\[(?:\?(?:1049|1047|47)h|(?:[2-9]|[1-9][0-9]{1,3})(?:;[0-9]{0,4})?[Hfd])")


@dataclass(slots=True)
class _Line:
    """A worker's line that has no end yet: its bytes, what was shown of it, and when."""

    raw: bytes = b""
    shown: str = ""
    at: float = 0.0


@dataclass(slots=True, kw_only=True)
class How:
    """How lines are printed. `pattern`: only those in which it is found."""

    raw: bool = False
    times: bool = False
    colour: bool = False
    pattern: Pattern | None = None


@dataclass(slots=True)
class Output:
    """Writes lines, from any thread. With several names, each line begins with its name.

    A line that has come in part goes on without it. Before another one's it is ended, and shown again when more of it
    comes. A worker that draws its whole screen is named on stderr, once: what it draws is shown when its line ends.
    """

    names: Sequence[str]
    how: How
    _lines: dict[str, _Line] = field(default_factory=dict)
    _screens: set[str] = field(default_factory=set)
    _open: str | None = None  # whose line has not ended
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, name: str, piece: bytes, at: float) -> None:
        """Print a line, or the next piece of one; `at`: its Unix time."""
        with self._lock:
            if self.how.raw:
                self._put(name, at, piece)
                return
            line = self._lines.setdefault(name, _Line())
            line.raw += piece
            ended = piece.endswith(b"\n")
            self._tell_of_screen(name, line.raw)
            if not ended:
                self._shorten(name, line)
                if len(line.raw) <= LONGEST_OPEN and self._is_held(name, line):
                    return
            self._show(name, line, at, ended=ended)

    def matches(self, line: bytes) -> bool:
        """Whether a whole line is printed."""
        return self.how.pattern is None or self.how.pattern.search(_text(line)) is not None

    def end(self) -> None:
        """End the last line where there are several names, and write out all."""
        with self._lock:
            for name, line in self._lines.items():
                if line.raw:
                    self._show(name, line, time.time(), ended=False)
            if self._open and len(self.names) > 1:
                sys.stdout.buffer.write(b"\n")
        self.flush()

    def flush(self) -> None:
        with self._lock:
            sys.stdout.buffer.flush()

    # ── one line ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _shorten(self, name: str, line: _Line) -> None:
        """Drop what was drawn over of a line that has grown long."""
        if len(line.raw) > LONGEST_OPEN:
            line.raw = last_redraw(line.raw, LONGEST_OPEN)
            if name in self._screens:
                line.raw = line.raw[-LONGEST_OPEN:]

    def _is_held(self, name: str, line: _Line) -> bool:
        """Whether what there is of a line is not shown yet: it may be drawn again at once, or does not match."""
        if name in self._screens or self.how.pattern:
            return True
        return not _text(line.raw).startswith(line.shown) and time.monotonic() - line.at < REDRAWN

    def _show(self, name: str, line: _Line, at: float, *, ended: bool) -> None:
        if not self.matches(line.raw):
            self._lines[name] = _Line()
            return
        text = _text(line.raw)
        goes_on = self._open == name and text.startswith(line.shown)
        if self._open == name and not goes_on:
            self._write(b"\n")
            self._open = None
        news = text[len(line.shown) :] if goes_on else text
        is_shown = bool(line.shown) and text == line.shown and not goes_on  # and then another's line has come
        if (news or ended) and not is_shown:
            self._put(name, at, self._encoded(news) + b"\n" * ended)
        over = ended or len(line.raw) > LONGEST_OPEN
        self._lines[name] = _Line() if over else _Line(line.raw, text, time.monotonic())

    def _tell_of_screen(self, name: str, raw: bytes) -> None:
        if name not in self._screens and _ADDRESSES.search(raw):
            self._screens.add(name)
            shown = visible(name)
            print(f"{shown} draws its whole screen: read it with `panevisor screen {shown}`", file=sys.stderr)

    def _put(self, name: str, at: float, text: bytes) -> None:
        if not text:
            return
        front = self._front(name, at)
        before = b"" if self._open == name else (b"\n" if self._open else b"") + front
        self._write(before + text[:-1].replace(b"\n", b"\n" + front) + text[-1:])
        self._open = None if text.endswith(b"\n") else name

    def _front(self, name: str, at: float) -> bytes:
        front = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at))} " if self.how.times else ""
        if self.how.colour:
            front = painted(front, DIM)
        if len(self.names) > 1:
            width = max(len(visible(known)) for known in self.names)
            said = f"{visible(name).ljust(width)} | "
            front += painted(said, NAMES[self.names.index(name) % len(NAMES)]) if self.how.colour else said
        return self._encoded(front)

    def _encoded(self, text: str) -> bytes:
        return text.encode(sys.stdout.encoding, sys.stdout.errors or "replace")

    def _write(self, data: bytes) -> None:
        sys.stdout.buffer.write(data)


def _text(raw: bytes) -> str:
    """Return what a terminal shows of a line, without its newline."""
    line = raw[:-1] if raw.endswith(b"\n") else raw
    return visible(plain(last_redraw(line, LONGEST_OPEN)).removesuffix("\n"), keep="\n\t")
