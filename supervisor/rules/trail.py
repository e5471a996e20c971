"""Where the judge is in one worker's log: each complete line once, across segments and arms, and which life printed it.

split ──▶ api.L-1.000000 ──full──▶ api.L-1.000001 ──▶ …          a line may begin in one and end in the next
                 └ new pipe (other arm) ──▶ api.M-1.000002      what the old pipe still writes is read, too
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from actors.frozen import frozen
from supervisor.logs.gzipped import opened
from supervisor.logs.lives import marks_of
from supervisor.logs.names import SEGMENT, Segment
from supervisor.text.plain import last_redraw

CHUNK = 1 << 16  # bytes that are judged together
LONGEST_LINE = 1 << 16  # bytes of a line that patterns get to see
MOST_LEFT = 8  # segments that are read to their end and remembered: an old pipe may still write one
MOST_BEHIND = 4 << 20  # bytes: what is further behind is skipped, as it comes faster than it is judged


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """The first byte that is not judged yet: in which segment, and where there. All segments before are done."""

    number: int
    file: str = field(compare=False)
    offset: int


@frozen
class Lines:
    """Complete lines, where the first begins, and where the last ends."""

    data: bytes
    begin: Position
    end: Position


@dataclass(slots=True)
class _Part:
    """One segment, how far it is read, and its size as last seen."""

    number: int
    file: str
    arm: str
    read_to: int = 0
    size: int = 0


class Trail:
    """For one thread. A segment that is gone before it was read is counted in `skipped`."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._prefix = f"{directory}/"  # a Path takes 10 µs to make
        self._name = name
        self._parts: list[_Part] = []  # those that may still grow or are not read yet, oldest first
        self._left: dict[str, _Part] = {}  # the last ones that were read to their end
        self._pending: dict[str, tuple[bytes, Position]] = {}  # by arm
        self._cut: set[str] = set()  # arms of which the rest of a line comes next that was skipped in part
        self._is_behind = False
        self.skipped = 0

    def begin(self, segments: list[Segment], at: Position | None, life: str | None) -> None:
        """Begin at that position; None: at the beginning of the life, or at the end if it has none in the log."""
        if at is None and life is not None:
            at = _beginning(self._directory, self._name, life, segments)
        for segment in segments:
            done = at is None or segment.number < at.number
            read_to = segment.size if done else (at.offset if at and segment.number == at.number else 0)
            self._parts.append(_part(segment, min(read_to, segment.size)))
        self._parts = [*(part for part in self._parts if at and part.number >= at.number)] or self._parts[-1:]

    def made(self, file: str) -> None:
        """A file was made or written: it may be a segment that is not known, or one that was taken for finished."""
        found = SEGMENT.fullmatch(file)
        if found and not any(part.file == file for part in self._parts):
            new = _Part(int(found["number"]), file, f"{found['life']}-{found['arm']}")
            self._parts.append(self._left.pop(file, new))
            self._parts.sort(key=lambda part: part.number)

    def listed(self, segment: Segment) -> None:
        """A look at the directory has found this segment: one that is newer than those that are known is read."""
        newest = max((part.number for part in (*self._parts, *self._left.values())), default=-1)
        if segment.number > newest:
            self.made(os.path.basename(segment.file))

    @property
    def position(self) -> Position | None:
        """Where the first byte is that is not judged; None before there is a segment."""
        begun = [at for data, at in self._pending.values() if data]
        if self._parts:
            part = self._parts[0]
            begun.append(Position(part.number, part.file, part.read_to))
        return min(begun, default=None)

    def read(self) -> Lines | None:
        """Return the next complete lines; None when there are none now. Of a flood the newest are left."""
        if self._is_behind or len(self._parts) > 1:
            self._skip()
        while self._parts:
            part = self._parts[0]
            chunk = self._chunk(part)
            if chunk:
                if (lines := self._lines(part, chunk)) is not None:
                    return lines
            elif len(self._parts) > 1:
                self._leave(part)
            else:
                return None
        return None

    @property
    def may_have_more(self) -> bool:
        """Whether the next `read` may find something that is there already."""
        return self._is_behind or len(self._parts) > 1

    def end(self) -> Position | None:
        """Return where the log ends now."""
        return (
            Position(last.number, last.file, self._size(last)) if (last := next(reversed(self._parts), None)) else None
        )

    def by_life(self, lines: Lines) -> list[tuple[str, bytes]]:
        """Return the lines by the lives that printed them. A life may begin inside a line that the one before left."""
        marks = [((_number(mark.file), mark.offset), mark.life) for mark in marks_of(self._directory, self._name)]
        begin, end = (lines.begin.number, lines.begin.offset), lines.end
        before = [life for begun, life in marks if begun <= begin]
        parts = [(before[-1] if before else _arm(lines.begin.file).rpartition("-")[0], lines.data)]
        for begun, life in marks:
            last, data = parts[-1]
            cut = len(data) + 1 - (end.offset - begun[1])  # the newline at the end is not in the data
            if begun > begin and begun[0] == end.number and 0 < cut <= len(data):
                parts[-1:] = [(last, data[:cut]), (life, data[cut:])]
        return parts

    def _size(self, part: _Part) -> int:
        try:
            return os.stat(self._prefix + part.file).st_size
        except OSError:
            return part.read_to

    def _chunk(self, part: _Part) -> bytes:
        try:
            descriptor = os.open(self._prefix + part.file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            if (packed := self._packed(part)) is not None:
                return packed
            self.skipped += max(0, part.size - part.read_to)
            part.read_to = max(part.read_to, part.size)
            return b""
        try:
            part.size = os.fstat(descriptor).st_size
            chunk = os.pread(descriptor, CHUNK, part.read_to)
            self._is_behind = part.size > part.read_to + len(chunk)
            return chunk
        finally:
            os.close(descriptor)

    def _packed(self, part: _Part) -> bytes | None:
        """Return the next chunk of a segment that is gzipped; None where it is gone."""
        try:
            with opened(self._prefix + part.file) as file:
                file.seek(part.read_to)
                chunk = file.read(CHUNK)
        except (FileNotFoundError, EOFError):
            return None
        part.size = max(part.size, part.read_to + len(chunk))
        self._is_behind = len(chunk) == CHUNK
        return chunk

    def _lines(self, part: _Part, chunk: bytes) -> Lines | None:
        if part.arm in self._cut:
            rest_of_line, ended, chunk = chunk.partition(b"\n")
            part.read_to += len(rest_of_line) + len(ended)
            if not ended:
                return None
            self._cut.discard(part.arm)
        pending, begin = self._pending.get(part.arm, (b"", Position(part.number, part.file, part.read_to)))
        if not pending:
            begin = Position(part.number, part.file, part.read_to)
        whole, newline, rest = chunk.rpartition(b"\n")
        end = part.read_to + len(whole) + len(newline)
        part.read_to += len(chunk)
        if not newline:
            kept = pending + chunk
            self._pending[part.arm] = last_redraw(kept, LONGEST_LINE)[:LONGEST_LINE], begin
            return None
        self._pending[part.arm] = rest, Position(part.number, part.file, end)
        return Lines(pending + whole, begin, Position(part.number, part.file, end))

    def _leave(self, part: _Part) -> None:
        """Leave a segment that is read to its end: a later one is there, so its `split` has finished it."""
        self._parts.remove(part)
        self._left[part.file] = part
        if len(self._left) > MOST_LEFT:
            del self._left[next(iter(self._left))]
        heir = self._parts[0]
        if heir.arm != part.arm and not self._pending.get(part.arm, (b"", None))[0]:
            self._pending.pop(part.arm, None)

    def _skip(self) -> None:
        """Pass over what is too far behind, to the beginning of a line."""
        sizes = [(part, self._size(part)) for part in self._parts]
        behind = sum(size - part.read_to for part, size in sizes)
        for part, size in sizes:
            if behind <= MOST_BEHIND:
                return
            passed = min(size - part.read_to, behind - CHUNK)
            part.read_to += passed
            behind -= passed
            self.skipped += passed
            if passed:
                self._pending.pop(part.arm, None)
                self._cut.add(part.arm)


def _part(segment: Segment, read_to: int) -> _Part:
    return _Part(segment.number, os.path.basename(segment.file), f"{segment.life}-{segment.arm}", read_to)


def _arm(file: str) -> str:
    return file.split(".")[1] if file.count(".") > 1 else ""


def _number(file: str | None) -> int:
    found = SEGMENT.fullmatch(file or "")
    return int(found["number"]) if found else -1


def _beginning(directory: Path, name: str, life: str, segments: list[Segment]) -> Position | None:
    """Return where the life begins; None where the log has nothing of it."""
    for mark in marks_of(directory, name):
        if mark.life == life:
            if mark.file is not None:
                return Position(_number(mark.file), mark.file, mark.offset)
            first = segments[:1]
            return Position(first[0].number, os.path.basename(first[0].file), 0) if first else None
    own = next((segment for segment in segments if segment.life == life), None)
    return Position(own.number, os.path.basename(own.file), 0) if own else None
