"""A worker's log as lines: its end, and what is written from now on.

segments ──spans──▶ bytes ──▶ lines        read_tail: what is there        follow: and then what comes
                                           stamped: the same, with the time of each line
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from supervisor.logs.gzipped import opened, opened_to_seek
from supervisor.logs.lives import Mark, Place, Span, beginnings, between, marks_of
from supervisor.logs.names import Segment, segments_of
from supervisor.logs.times import Times

POLL = 0.1  # seconds between two looks of `follow`
CHUNK = 1 << 16  # bytes read at once
LONGEST_PIECE = 1 << 20  # bytes of a line without end that are handed out together


def read_tail(
    directory: Path, name: str, lines: int | None = None, since: float | None = None, previous: bool = False
) -> Iterator[bytes]:
    """Yield the log line by line, each with its newline, which the last may lack; a giant line comes in pieces.

    `lines`: at most this number of them, at the end. `since` (Unix time): without the segments last written and the
    lives ended before; raw output tells no more of time. `previous`: only the life before the present one.
    """
    spans = _spans(segments_of(directory, name), marks_of(directory, name), since, previous)
    return _by_line(read(spans if lines is None else _last_lines(spans, lines)))


def stamped(
    directory: Path, name: str, lines: int | None = None, since: float | None = None, previous: bool = False
) -> Iterator[tuple[float, bytes]]:
    """Yield what `read_tail` does, each line with the time at which it was there, which never goes back."""
    segments = segments_of(directory, name)
    spans = _spans(segments, marks_of(directory, name), since, previous)
    times, by_path = Times(directory, name), {segment.path: segment for segment in segments}
    at, pending = 0.0, b""
    for span in spans if lines is None else _last_lines(spans, lines):
        segment, offset = by_path[span.path], span.start
        for chunk in read([span]):
            *whole, rest = chunk.split(b"\n")
            for line in whole:
                offset += len(line) + 1
                at = max(at, times.at(segment, offset))
                yield at, pending + line + b"\n"
                pending = b""
            offset += len(rest)
            pending += rest
            if len(pending) >= LONGEST_PIECE:
                yield at, pending
                pending = b""
        at = max(at, times.at(segment, offset)) if pending else at
    if pending:
        yield at, pending


def _spans(segments: list[Segment], marks: list[Mark], since: float | None, previous: bool) -> list[Span]:
    begin, end = Place(0, 0), Place(len(segments), 0)
    if previous:
        begin, end = _previous(segments, marks)
    if since is not None:
        begin = max(begin, _since(segments, marks, since))
    return between(segments, begin, end)


def follow(
    directory: Path, name: str, *, lines: int | None = 0, wait: Callable[[float], object] = time.sleep
) -> Iterator[bytes]:
    """Yield the last `lines` lines (None: all), then what is written from now on: nothing twice, nothing lost but what
    is rotated away before it is read.

    Lines as in `read_tail`; the beginning of one is yielded when a look finds nothing more. `wait(seconds)` stands
    between two looks, and ends it by returning true, as `Event.wait` does.
    """
    segments = segments_of(directory, name)
    spans = between(segments, Place(0, 0), Place(len(segments), 0))
    tail = spans if lines is None else _last_lines(spans, lines)
    return _by_line(_Trail(directory, name, segments, tail).pieces(wait))


def _previous(segments: list[Segment], marks: list[Mark]) -> tuple[Place, Place]:
    places = sorted(beginnings(segments, marks).values())
    return (places[-2], places[-1]) if len(places) > 1 else (Place(0, 0), Place(0, 0))


def _since(segments: list[Segment], marks: list[Mark], since: float) -> Place:
    index = next((i for i, segment in enumerate(segments) if segment.mtime_ns >= since * 1e9), len(segments))
    begun = beginnings(segments, [mark for mark in marks if mark.ts <= since])
    return max([Place(index, 0), *(begun[mark.life] for mark in marks if mark.ts <= since)])


def _last_lines(spans: list[Span], count: int) -> list[Span]:
    """Return the part of the spans with the last `count` lines; an unfinished last line is one."""
    if count <= 0:
        return []
    past_last_byte = 1  # a newline there ends the last line and begins none
    for index, span in reversed(list(enumerate(spans))):
        for offset, block in _backwards(span):
            at = len(block) - past_last_byte
            past_last_byte = 0
            while (at := block.rfind(b"\n", 0, at)) >= 0:
                count -= 1
                if count == 0:
                    begin = Span(span.path, offset + at + 1, span.end)
                    return [*([begin] if begin.start < begin.end else []), *spans[index + 1 :]]
    return spans


def _backwards(span: Span) -> Iterator[tuple[int, bytes]]:
    with contextlib.suppress(FileNotFoundError), opened_to_seek(span.path) as file:
        end = span.end
        while end > span.start:
            offset = max(span.start, end - CHUNK)
            file.seek(offset)
            yield offset, file.read(end - offset)
            end = offset


def read(spans: Iterable[Span]) -> Iterator[bytes]:
    for span in spans:
        # deleted since it was listed: the log begins later now
        with contextlib.suppress(FileNotFoundError, EOFError), opened(span.path) as file:
            file.seek(span.start)
            left = span.end - span.start
            while chunk := file.read(min(CHUNK, left)):
                left -= len(chunk)
                yield chunk


def _by_line(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut the stream after each newline. An empty chunk is a pause: what has come of a line is yielded then."""
    pending = b""
    for chunk in chunks:
        *whole, pending = (pending + chunk).split(b"\n")
        yield from (line + b"\n" for line in whole)
        if pending and (not chunk or len(pending) >= LONGEST_PIECE):
            yield pending
            pending = b""
    if pending:
        yield pending


class _Trail:
    """Where `follow` is: an open segment, and the names of those it has seen. Open, it is read though deleted."""

    def __init__(self, directory: Path, name: str, segments: list[Segment], tail: list[Span]) -> None:
        self._directory = directory
        self._name = name
        self._seen: set[str] = set()
        self._at: Segment | None = None
        self._file: IO[bytes] | None = None
        for segment in segments:
            self._seen.add(segment.path.name)
            if tail and segment.path == tail[0].path:
                self._enter(segment, tail[0].start)
                return
        if segments:
            self._enter(segments[-1], segments[-1].size)

    def pieces(self, wait: Callable[[float], object]) -> Iterator[bytes]:
        """Yield what there is and comes; an empty piece at each pause."""
        try:
            heir: Segment | None = None
            while True:
                if chunk := self._file.read(CHUNK) if self._file else b"":
                    yield chunk
                elif heir:
                    self._enter(heir, 0)
                    heir = None
                else:
                    # once the heir is there its elder is complete, so it is read once more before it is left
                    heir = self._unseen()
                    if heir and self._continues(heir):
                        continue
                    yield b""
                    if wait(POLL):
                        return
        finally:
            self._leave()

    def _unseen(self) -> Segment | None:
        segments = segments_of(self._directory, self._name)
        return next((segment for segment in segments if segment.path.name not in self._seen), None)

    def _continues(self, heir: Segment) -> bool:
        """Whether one `split` wrote both. The end of another may still be on its way: it gets one more look."""
        return self._at is None or (self._at.life, self._at.arm) == (heir.life, heir.arm)

    def _enter(self, segment: Segment, offset: int) -> None:
        self._leave()
        self._seen.add(segment.path.name)
        self._at = segment
        with contextlib.suppress(FileNotFoundError):
            self._file = opened(segment.path)
            self._file.seek(offset)

    def _leave(self) -> None:
        if self._file:
            self._file.close()
        self._file = None
