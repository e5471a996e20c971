"""The lower part: lines that are read, scrolled, filtered and followed. Pure.

    show     the lines are replaced: a screen, an account
    append   lines come at the end: a log, the activity

A reader at the end follows what comes. One who has scrolled up stays at the same lines, and `new` counts what came.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from supervisor.text.patterns import Pattern, compiled
from supervisor.top.lines import Line, clipped, plain, wrapped

MOST = 5_000  # lines that are kept
_SIDEWAYS = 8  # cells of one step
_MARGIN = 1  # lines that a page keeps of the one before


@dataclass(slots=True)
class Paper:
    """`ends`: the reader begins at the end and follows. `wraps`: a long line goes on in the next one."""

    ends: bool = True
    wraps: bool = False
    lines: list[Line] = field(default_factory=list)
    new: int = 0
    """Lines that came while the reader was further up."""
    left: int = 0
    """The first cell that is shown."""
    pattern: Pattern | None = None
    search: str = ""
    _top: int = 0
    _at_end: bool = True
    _size: tuple[int, int] = (80, 10)
    _rows: list[Line] | None = None

    @property
    def follows(self) -> bool:
        return self.ends and self._at_end

    def show(self, lines: Sequence[Line]) -> None:
        """Replace the lines; the reader stays where he was."""
        self.lines = list(lines)
        self._rows = None

    def append(self, lines: Sequence[Line]) -> None:
        """Add lines at the end; the oldest go."""
        if not lines:
            return
        shown, added = self._shown(), self._of(lines)
        self.lines += lines
        gone = self.lines[:-MOST]
        dropped = len(self._of(gone))
        del self.lines[: len(gone)]
        shown += added
        del shown[:dropped]
        if not self.follows:
            self.new += len(added)
            self._top = max(0, self._top - dropped)

    def clear(self) -> None:
        """Begin anew, for another worker; what is searched for stays."""
        self.lines, self.new, self._top, self.left, self._at_end, self._rows = [], 0, 0, 0, True, None

    def search_for(self, text: str) -> str | None:
        """Show only lines in which this is found; return what is wrong with the pattern, and then show what was."""
        try:
            self.pattern = compiled(text) if text else None
        except ValueError as error:
            return str(error)
        self.search, self._rows = text, None
        self._at_end, self.new, self._top = True, 0, 0
        return None

    def scroll(self, step: int) -> None:
        """Go down by so many lines, or up; at the end the reader follows again."""
        last = self._last()
        at = last if self.follows else self._top
        self._top = min(max(0, at + step), last)
        self._at_end = self._top >= last
        if self._at_end:
            self.new = 0

    def page(self, direction: int) -> None:
        self.scroll(direction * max(1, self._size[1] - _MARGIN))

    def to(self, *, end: bool) -> None:
        """Go to the end, or to the beginning."""
        self.scroll(len(self._shown()) if end else -len(self._shown()))

    def aside(self, direction: int) -> None:
        """Go to the right, or to the left."""
        self.left = max(0, self.left + direction * _SIDEWAYS)

    def window(self, room: int, height: int) -> list[Line]:
        """Return the lines that are seen in this room."""
        if self._size[0] != room and self.wraps:
            self._rows = None
        self._size = (room, height)
        shown, last = self._shown(), self._last()
        self._top = last if self.follows else min(self._top, last)
        start = 0 if self.wraps else self.left
        return [clipped(line, start, room) for line in shown[self._top : self._top + height]]

    def text(self) -> str:
        """Return all that can be read here, as plain text."""
        return "\n".join(plain(line).rstrip() for line in self.lines if self._found(line)).rstrip("\n") + "\n"

    def place(self) -> str:
        """Return where the reader is, in words; nothing where all of it is seen."""
        if self.new:
            return f"{self.new} new"
        count = len(self._shown())
        if count <= self._size[1] or self.follows:
            return ""
        return f"{100 * (self._top + self._size[1]) // count} %"

    def _last(self) -> int:
        return max(0, len(self._shown()) - self._size[1])

    def _shown(self) -> list[Line]:
        if self._rows is None:
            self._rows = self._of(self.lines)
        return self._rows

    def _of(self, lines: Sequence[Line]) -> list[Line]:
        found = lines if self.pattern is None else [line for line in lines if self._found(line)]
        return [part for line in found for part in wrapped(line, self._size[0])] if self.wraps else list(found)

    def _found(self, line: Line) -> bool:
        return self.pattern is None or self.pattern.search(plain(line)) is not None
