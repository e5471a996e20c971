"""What one life has printed: its bytes for a death record, its lines for a probe."""

import contextlib
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from actors.frozen import frozen
from supervisor.logs.lives import Mark, Place, Span, beginnings, between, marks_of
from supervisor.logs.names import Segment, listed, segments_of
from supervisor.logs.reading import read
from supervisor.text.plain import last_redraw, plain

LONGEST_LINE = 8192  # bytes of a line that a pattern gets to see
LONGEST_FRAMES = 1 << 16  # bytes of a line that a death record is made from: it may be frames of a whole screen
FAR_BACK = 1 << 24  # bytes that are looked through for the lines before a bar of very many redraws
_SAME_MOMENT = 10**8  # nanoseconds; the time of a directory moves in steps of the kernel's clock


@frozen
class LifeLog:
    """What one worker's lives have printed, as it was when the directory was read."""

    segments: list[Segment]
    marks: list[Mark]

    @classmethod
    def of(cls, directory: Path, names: Collection[str]) -> "dict[str, LifeLog]":
        """Return one for each name, from one look at the directory; empty where it can't be read."""
        found: dict[str, list[Segment]] = {}
        with contextlib.suppress(OSError):
            found = listed(directory, names)
        return {name: cls(found.get(name, []), marks_of(directory, name)) for name in names}

    def size(self, life: str) -> int:
        """Return the bytes that are there of a life."""
        return sum(span.end - span.start for span in self._spans(life))

    def tail(self, life: str, most: int) -> bytes:
        """Return the last bytes of a life, up to `most`; none where they cannot be read."""
        spans, room = [], most
        for span in reversed(self._spans(life)):
            spans.append(Span(span.path, max(span.start, span.end - room), span.end))
            room -= span.end - spans[-1].start
            if room <= 0:
                break
        with contextlib.suppress(OSError):
            return b"".join(read(spans[::-1]))
        return b""

    def last_lines(self, life: str, count: int, most: int) -> bytes:
        """Return up to `count` lines at the end of a life, of up to `most` bytes; more are read for lines that redraw.

        Of a line longer than `LONGEST_LINE` they have the last redraw.
        """
        printed = self.tail(life, most)
        if len(printed) == most and printed.count(b"\n") < count:
            printed = self.tail(life, FAR_BACK)
        return b"\n".join(last_redraw(line, LONGEST_LINE)[-LONGEST_FRAMES:] for line in printed.split(b"\n")[-count:])

    def _spans(self, life: str) -> list[Span]:
        begun = beginnings(self.segments, self.marks)
        if life not in begun:
            return []
        lives = [mark.life for mark in self.marks]
        after = lives[lives.index(life) + 1 :] if life in lives else []
        end = min((begun[later] for later in after), default=Place(len(self.segments), 0))
        return between(self.segments, begun[life], end)


class LinesOfLife:
    """What one life prints, line by line, a look at a time; it survives rotation. For one thread at a time.

    What was rotated away between two looks is lost. A life that is not known here begins where the log ends now.
    """

    def __init__(self, directory: Path, name: str, life: str) -> None:
        self._directory = directory
        self._name = name
        self._life = life
        self._read_to: dict[str, int] | None = None  # bytes of each segment, by its file's name; None: no look yet
        self._listed: list[Segment] = []
        self._listed_of: int | None = None
        self._pending = b""

    def new(self) -> Iterator[str]:
        """Yield the lines since the last look, as a terminal shows them; of an unfinished one what there is of it.

        Of a line only the first `LONGEST_LINE` bytes count, after its last CR where it is longer.
        """
        grown = False
        for path, start in self._unread():
            for chunk in read([Span(path, start, 1 << 62)]):
                grown = True
                self._read_to = {**(self._read_to or {}), path.name: (start := start + len(chunk))}
                *whole, pending = (self._pending + chunk).split(b"\n")
                self._pending = _head(pending)
                for line in whole:
                    yield from plain(_head(line)).split("\n")
        if grown and self._pending:
            yield from plain(self._pending).split("\n")

    def skip(self) -> None:
        """Pass over all that there is."""
        segments = segments_of(self._directory, self._name)
        self._read_to = {segment.path.name: segment.size for segment in segments}

    def _unread(self) -> list[tuple[Path, int]]:
        segments = self._segments()
        if self._read_to is None:
            self._read_to = self._before(segments)
        known = {segment.path.name: segment for segment in segments}
        self._read_to = {name: end for name, end in self._read_to.items() if name in known}
        found = [(segment, self._read_to.get(name, 0)) for name, segment in known.items()]
        return [(each.path, start) for each, start in found if each.packed is None or start < each.size]

    def _before(self, segments: list[Segment]) -> dict[str, int]:
        """Return how far each segment belongs to the lives before."""
        begin = beginnings(segments, marks_of(self._directory, self._name)).get(self._life, Place(len(segments), 0))
        before = {segment.path.name: segment.size for segment in segments[: begin.index]}
        return before | {segment.path.name: begin.offset for segment in segments[begin.index : begin.index + 1]}

    def _segments(self) -> list[Segment]:
        """Return them as listed last, as long as nothing was made or deleted in the directory since."""
        changed = self._changed_at()
        if changed is None or changed != self._listed_of:
            self._listed = segments_of(self._directory, self._name)
        self._listed_of = changed
        return self._listed

    def _changed_at(self) -> int | None:
        """Return the directory's time in nanoseconds; None when the next change may have the same, or none is known.

        It only tells one content from another: clocks are set back.
        """
        with contextlib.suppress(OSError):
            changed = self._directory.stat().st_mtime_ns
            return changed if abs(time.time_ns() - changed) > _SAME_MOMENT else None
        return None


def _head(line: bytes) -> bytes:
    return last_redraw(line, LONGEST_LINE)[:LONGEST_LINE]
