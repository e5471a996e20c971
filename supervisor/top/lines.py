"""A line on the screen as runs of text in one style each: how wide it is, and what of it fits. Pure.

Each text in it is safe to show (`text.plain.visible`, or `text.runs`). Cells are those of a terminal.
"""

from collections.abc import Iterable

from supervisor.text import colours
from supervisor.text.cells import width
from supervisor.text.runs import PLAIN, Run, Style, runs

Line = list[Run]

FAINT, BOLD = Style(faint=True), Style(bold=True)


def line_of(painted: str) -> Line:
    """Return the line that a text with SGR codes is."""
    return runs(painted)[0]


def in_colour(text: str, code: str | None) -> Run:
    """Return a text as `text.colours` would paint it with this code."""
    return (text, line_of(colours.painted("x", code))[0][1] if code else PLAIN)


def cells(line: Line) -> int:
    """Return how many cells it takes."""
    return sum(width(text) for text, _ in line)


def plain(line: Line) -> str:
    return "".join(text for text, _ in line)


def filled(line: Line, room: int, style: Style = PLAIN) -> Line:
    """Return it cut and padded to exactly `room` cells."""
    line = clipped(line, 0, room)
    missing = room - cells(line)
    return [*line, (" " * missing, style)] if missing > 0 else line


def shortened(line: Line, room: int) -> Line:
    """Return it with its end cut off, which an ellipsis shows, where it takes more than `room` cells."""
    if cells(line) <= room:
        return line
    kept = clipped(line, 0, room - 1)
    return [*kept, ("…", kept[-1][1] if kept else PLAIN)] if room > 0 else []


def inverse(line: Line) -> Line:
    """Return it as a selected line is shown: its colours would be hard to read, so they go."""
    return [(text, Style(inverse=True, bold=style.bold)) for text, style in line]


def clipped(line: Line, start: int, room: int) -> Line:
    """Return what of it stands in `room` cells from cell `start` on; half of a wide character is a blank."""
    if room <= 0:
        return []
    kept: Line = []
    at, end = 0, start + room
    for text, style in line:
        wide = width(text)
        if at + wide > start and at < end:
            part = _part(text, max(0, start - at), min(wide, end - at))
            if part:
                kept.append((part, style))
        at += wide
        if at >= end:
            break
    return kept


def _part(text: str, start: int, end: int) -> str:
    if text.isascii():
        return text[start:end]
    from wcwidth import iter_graphemes  # only now: 20 ms

    kept: list[str] = []
    at = 0
    for character in iter_graphemes(text):
        behind = at + width(character)
        if at >= start and behind <= end:
            kept.append(character)
        else:
            kept.append(" " * (min(behind, end) - max(at, start)))
        at = behind
        if at >= end:
            break
    return "".join(kept)


def wrapped(line: Line, room: int) -> list[Line]:
    """Return the line as lines of at most `room` cells, broken anywhere, as a terminal does."""
    total = cells(line)
    if total <= room or room < 1:
        return [line]
    return [clipped(line, at, room) for at in range(0, total, room)]


def joined(parts: Iterable[Line], gap: str = "  ") -> Line:
    """Return the parts that are not empty in one line, with a gap between them."""
    found: Line = []
    for part in parts:
        if part:
            found += [*([(gap, PLAIN)] if found else []), *part]
    return found


def apart(left: Line, right: Line, room: int) -> Line:
    """Return a line with one part at each end; the left one is shortened where both do not fit."""
    right = shortened(right, room)
    rest = room - cells(right)
    left = shortened(left, max(0, rest - 1))
    return [*left, (" " * (rest - cells(left)), PLAIN), *right]
