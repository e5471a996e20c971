"""A worker's log: segments written by `split` behind the pane's pipe, which needs no service to go on.

    pane ──pipe-pane──▶ split ──▶ logs/api.<life>-<arm>.000000   (rotated by size)
                                  logs/api.<life>-<arm>.000001 ◀── logs/api.log, a link to the newest
                                  logs/api.lives               where in the segments each life began

The last number orders the segments of a worker over all its lives and arms: each arming goes on where the last one
stopped, so neither clocks nor names of lives have a say. One pipe outlives the respawns of its pane; so a segment may
hold several lives, and `NAME.lives` tells them apart. `split` never deletes: the oldest segments go when a new one
is made (log_quota.py), and at each beat. Nothing here is needed to supervise: what the disk refuses is tried again at
the next beat.
"""

import contextlib
import io
import json
import os
import re
import shlex
import stat
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from supervisor.kernel.files import as_known, replace_file
from supervisor.text.plain import plain

POLL = 0.1  # seconds between two looks of `follow`
LIVES_KEPT = 50
LATE = 10.0  # seconds for which the pipe of a removed worker may still make a file; two beats, by judgement
CHUNK = 1 << 16  # bytes read at once
LONGEST_LINE = 8192  # bytes of a line that a pattern gets to see
_SAME_MOMENT = 10**8  # nanoseconds; the time of a directory moves in steps of the kernel's clock
LONGEST_PIECE = 1 << 20  # bytes of a line without end that are handed out together
_SEGMENT = re.compile(r"(?P<name>[^.]+)\.(?P<life>[^.]+)-(?P<arm>[^.-]+)\.(?P<number>\d{6,})")


# ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def pipe_command(logs: str, name: str, life: str, arm: int, max_size: int, first_suffix: int = 0) -> str:
    """Return the shell command for pipe-pane; `logs` is the directory, relative to where the tmux server runs.

    The shell looks for the highest number in use and goes on after it, from `first_suffix` at least: two `split`s on
    one name truncate each other. Before six digits run out it takes nine, as `split` ends when none is left.
    """
    stem = f"{shlex.quote(logs)}/{name}."
    return (
        f"umask 077; n={first_suffix}; for f in {stem}*.[0-9]*; do "
        's=${f##*.}; s=${s#"${s%%[!0]*}"}; '  # without leading zeros: the shell would take it for octal
        'case "$s" in *[!0-9]*) continue;; esac; '
        '[ "${s:-0}" -lt "$n" ] || n=$((${s:-0} + 1)); done; '
        'a=6; [ "$n" -lt 900000 ] || a=9; '
        f'exec split -b {max_size} -a "$a" --numeric-suffixes="$n" - {stem}{life}-{arm}.'
    )


@dataclass(frozen=True, slots=True)
class LogFacts:
    """A worker's log: the path of the link, and the bytes of all segments that are kept."""

    path: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of a worker's log."""

    path: Path
    life: str
    arm: str
    number: int
    size: int
    mtime_ns: int

    @property
    def order(self) -> tuple[int, int]:
        """The number; the time only where two pipes were open at once and took the same one."""
        return self.number, self.mtime_ns


class Segments:
    """The service's view of the log directory: links, limits, sizes, and who lived where."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.problem: str | None = None
        """Why the directory or a link could not be kept in order at the last `refresh` or since; None when it was."""
        self._keep: dict[str, int] = {}
        self._linked: dict[str, str] = {}
        self._forgotten: dict[str, float] = {}  # when (monotonic); its `split` may have been slower than its end
        self._gate = threading.Lock()  # a link must not come after the log that it leads to was deleted

    def refresh(self, names_and_keep: Mapping[str, int]) -> dict[str, LogFacts]:
        """Set links, drop the oldest segments beyond `keep`, return what is left; raises nothing.

        Empty when the directory can't be read. Files of workers that are not named are left alone, but for segments
        that come within LATE of their worker's being forgotten.
        """
        self.problem = None
        self.expect(names_and_keep)
        return self._tidy(names_and_keep, only=None)

    def expect(self, names_and_keep: Mapping[str, int]) -> None:
        """Note how many segments each of these workers keeps, for `made`."""
        with self._gate:
            self._keep.update((name, keep) for name, keep in names_and_keep.items() if name not in self._forgotten)

    def made(self, files: Iterable[str]) -> None:
        """Do what `refresh` does, but only for those whose segments have just been made; raises nothing."""
        names = {match["name"] for file in files if (match := _SEGMENT.fullmatch(file))}
        with self._gate:
            keep = {name: self._keep[name] for name in names if name in self._keep}
        if keep:
            self._tidy(keep, only=keep)

    def note_life(self, name: str, life: str) -> None:
        """Note that `life` begins where the log ends now; call it right before the start. Raises nothing."""
        with self._gate:
            self._forgotten.pop(name, None)
        segments = segments_of(self.directory, name)
        where = (segments[-1].path.name, segments[-1].size) if segments else (None, 0)
        mark = json.dumps({"life": life, "ts": round(time.time(), 3), "file": where[0], "offset": where[1]})
        lives = self.directory / f"{name}.lives"
        lines = [*_lines_of(lives)[1 - LIVES_KEPT :], mark.encode()]
        try:
            replace_file(lives, b"\n".join(lines) + b"\n", sync=False)
        except OSError as error:
            self._note(error)

    def forget(self, name: str) -> None:
        """Delete all files of a worker that was removed; raises nothing."""
        with self._gate:
            self._linked.pop(name, None)
            self._keep.pop(name, None)
            self._forgotten[name] = time.monotonic()
            paths = [segment.path for segment in segments_of(self.directory, name)]
            for path in (*paths, self.directory / f"{name}.log", self.directory / f"{name}.lives"):
                self._unlink(path)

    def _tidy(self, names_and_keep: Mapping[str, int], *, only: Collection[str] | None) -> dict[str, LogFacts]:
        try:
            found, links = self._scan(only)
        except OSError as error:
            self._note(error)
            return {}
        self._drop_late(found)
        return {
            name: self._kept(name, found.get(name, []), keep, linked=name in links)
            for name, keep in names_and_keep.items()
        }

    def _drop_late(self, found: Mapping[str, list[Segment]]) -> None:
        now = time.monotonic()
        with self._gate:
            self._forgotten = {name: since for name, since in self._forgotten.items() if now - since < LATE}
            for segment in (segment for name in self._forgotten for segment in found.get(name, ())):
                self._unlink(segment.path)

    def _scan(self, only: Collection[str] | None) -> tuple[dict[str, list[Segment]], set[str]]:
        found: dict[str, list[Segment]] = {}
        links: set[str] = set()
        with os.scandir(self.directory) as entries:
            for entry in entries:
                name = entry.name.partition(".")[0]
                if only is not None and name not in only:
                    continue
                if entry.name.endswith(".log"):
                    links.add(entry.name.removesuffix(".log"))
                elif segment := _segment(entry):
                    found.setdefault(name, []).append(segment)
        return found, links

    def _kept(self, name: str, segments: list[Segment], keep: int, *, linked: bool) -> LogFacts:
        segments.sort(key=lambda segment: segment.order)
        kept = segments[-max(1, keep) :]
        if segments:
            self._link(name, segments[-1].path.name, linked=linked)
        for segment in segments[: -len(kept)]:
            self._unlink(segment.path)
        return LogFacts(str(self.directory / f"{name}.log"), sum(segment.size for segment in kept))

    def _link(self, name: str, newest: str, *, linked: bool) -> None:
        if linked and self._linked.get(name) == newest:
            return
        temporary = self.directory / f".{name}.log.tmp"
        with self._gate:
            if not (self.directory / newest).exists():
                return  # forgotten since the directory was read
            try:
                temporary.unlink(missing_ok=True)
                temporary.symlink_to(newest)
                temporary.rename(self.directory / f"{name}.log")
            except OSError as error:
                self._note(error)
            else:
                self._linked[name] = newest

    def _unlink(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self._note(error)

    def _note(self, error: OSError) -> None:
        self.problem = f"{as_known(error.filename or self.directory)}: {error.strerror or error}"


def segments_of(directory: Path, name: str) -> list[Segment]:
    """Return the worker's segments, oldest first; none where the directory can't be read."""
    try:
        with os.scandir(directory) as entries:
            mine = [_segment(entry) for entry in entries if entry.name.startswith(f"{name}.")]
    except OSError:
        return []
    return sorted((segment for segment in mine if segment), key=lambda segment: segment.order)


def _segment(entry: "os.DirEntry[str]") -> Segment | None:
    match = _SEGMENT.fullmatch(entry.name)
    if not match:
        return None
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return None  # deleted since it was listed
    if not stat.S_ISREG(found.st_mode):
        return None  # `split` makes files: a link leads out of the log
    number = int(match["number"])
    return Segment(Path(entry.path), match["life"], match["arm"], number, found.st_size, found.st_mtime_ns)


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Mark:
    """One line of `NAME.lives`; `file` None: there was no segment yet."""

    life: str
    ts: float
    file: str | None
    offset: int


@dataclass(frozen=True, slots=True, order=True)
class _Place:
    """A point in the log: the index of a segment in the list, and an offset there."""

    index: int
    offset: int


@dataclass(frozen=True, slots=True)
class _Span:
    """Bytes `start` to `end` of one segment."""

    path: Path
    start: int
    end: int


def read_tail(
    directory: Path, name: str, lines: int | None = None, since: float | None = None, previous: bool = False
) -> Iterator[bytes]:
    """Yield the log line by line, each with its newline, which the last may lack; a giant line comes in pieces.

    `lines`: only so many at the end. `since` (Unix time): without the segments last written and the lives ended
    before; raw output tells no more of time. `previous`: only the life before the present one.
    """
    segments, marks = segments_of(directory, name), _marks(directory, name)
    begin, end = _Place(0, 0), _Place(len(segments), 0)
    if previous:
        begin, end = _previous(segments, marks)
    if since is not None:
        begin = max(begin, _since(segments, marks, since))
    spans = _between(segments, begin, end)
    return _by_line(_read(spans if lines is None else _last_lines(spans, lines)))


def follow(
    directory: Path, name: str, *, lines: int | None = 0, wait: Callable[[float], object] = time.sleep
) -> Iterator[bytes]:
    """Yield the last `lines` lines (None: all), then what is written from now on: nothing twice, nothing lost but what
    is rotated away before it is read.

    Lines as in `read_tail`; the beginning of one is yielded when a look finds nothing more. `wait(seconds)` stands
    between two looks, and ends it by returning true, as `Event.wait` does.
    """
    segments = segments_of(directory, name)
    spans = _between(segments, _Place(0, 0), _Place(len(segments), 0))
    tail = spans if lines is None else _last_lines(spans, lines)
    return _by_line(_Trail(directory, name, segments, tail).pieces(wait))


@dataclass(frozen=True, slots=True)
class LifeLog:
    """What one worker's lives have printed, as it was when the directory was read."""

    segments: list[Segment]
    marks: list[_Mark]

    @classmethod
    def of(cls, directory: Path, names: Collection[str]) -> "dict[str, LifeLog]":
        """Return one for each name, from one look at the directory; empty where it can't be read."""
        found: dict[str, list[Segment]] = {name: [] for name in names}
        with contextlib.suppress(OSError), os.scandir(directory) as entries:
            for entry in entries:
                name = entry.name.partition(".")[0]
                if name in found and (segment := _segment(entry)):
                    found[name].append(segment)
        return {
            name: cls(sorted(mine, key=lambda segment: segment.order), _marks(directory, name))
            for name, mine in found.items()
        }

    def size(self, life: str) -> int:
        """Return the bytes that are there of a life."""
        return sum(span.end - span.start for span in self._spans(life))

    def tail(self, life: str, most: int) -> bytes:
        """Return the last bytes of a life, at most so many; none where they can't be read."""
        spans, room = [], most
        for span in reversed(self._spans(life)):
            spans.append(_Span(span.path, max(span.start, span.end - room), span.end))
            room -= span.end - spans[-1].start
            if room <= 0:
                break
        with contextlib.suppress(OSError):
            return b"".join(_read(spans[::-1]))
        return b""

    def _spans(self, life: str) -> list[_Span]:
        begun = _beginnings(self.segments, self.marks)
        if life not in begun:
            return []
        lives = [mark.life for mark in self.marks]
        after = lives[lives.index(life) + 1 :] if life in lives else []
        end = min((begun[later] for later in after), default=_Place(len(self.segments), 0))
        return _between(self.segments, begun[life], end)


def _previous(segments: list[Segment], marks: list[_Mark]) -> tuple[_Place, _Place]:
    places = sorted(_beginnings(segments, marks).values())
    return (places[-2], places[-1]) if len(places) > 1 else (_Place(0, 0), _Place(0, 0))


def _since(segments: list[Segment], marks: list[_Mark], since: float) -> _Place:
    index = next((i for i, segment in enumerate(segments) if segment.mtime_ns >= since * 1e9), len(segments))
    begun = _beginnings(segments, [mark for mark in marks if mark.ts <= since])
    return max([_Place(index, 0), *(begun[mark.life] for mark in marks if mark.ts <= since)])


def _beginnings(segments: list[Segment], marks: list[_Mark]) -> dict[str, _Place]:
    """Return where each life begins: at its first own segment, or at its mark before that."""
    index: dict[str | None, int] = {segment.path.name: i for i, segment in enumerate(segments)}
    places: dict[str, _Place] = {}
    for i, segment in enumerate(segments):
        places.setdefault(segment.life, _Place(i, 0))
    for mark in marks:
        # a file that is not there was the oldest and is deleted, or there was none yet
        place = _Place(index[mark.file], mark.offset) if mark.file in index else _Place(0, 0)
        places[mark.life] = min(place, places.get(mark.life, place))
    return places


def _between(segments: list[Segment], begin: _Place, end: _Place) -> list[_Span]:
    spans = []
    for index, segment in enumerate(segments):
        start = begin.offset if index == begin.index else 0
        stop = end.offset if index == end.index else segment.size
        if begin.index <= index <= end.index and start < stop:
            spans.append(_Span(segment.path, start, stop))
    return spans


def _last_lines(spans: list[_Span], count: int) -> list[_Span]:
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
                    begin = _Span(span.path, offset + at + 1, span.end)
                    return [*([begin] if begin.start < begin.end else []), *spans[index + 1 :]]
    return spans


def _backwards(span: _Span) -> Iterator[tuple[int, bytes]]:
    with contextlib.suppress(FileNotFoundError), open(span.path, "rb") as file:
        end = span.end
        while end > span.start:
            offset = max(span.start, end - CHUNK)
            file.seek(offset)
            yield offset, file.read(end - offset)
            end = offset


def _read(spans: Iterable[_Span]) -> Iterator[bytes]:
    for span in spans:
        # deleted since it was listed: the log begins later now
        with contextlib.suppress(FileNotFoundError), open(span.path, "rb") as file:
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

    def __init__(self, directory: Path, name: str, segments: list[Segment], tail: list[_Span]) -> None:
        self._directory = directory
        self._name = name
        self._seen: set[str] = set()
        self._at: Segment | None = None
        self._file: io.FileIO | None = None
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
        """Claim that one `split` wrote both. The end of another may still be on its way: it gets one more look."""
        return self._at is None or (self._at.life, self._at.arm) == (heir.life, heir.arm)

    def _enter(self, segment: Segment, offset: int) -> None:
        self._leave()
        self._seen.add(segment.path.name)
        self._at = segment
        with contextlib.suppress(FileNotFoundError):
            self._file = io.FileIO(segment.path)
            self._file.seek(offset)

    def _leave(self) -> None:
        if self._file:
            self._file.close()
        self._file = None


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

        Of a line only the first `LONGEST_LINE` bytes count.
        """
        grown = False
        for path, start in self._unread():
            for chunk in _read([_Span(path, start, 1 << 62)]):
                grown = True
                self._read_to = {**(self._read_to or {}), path.name: (start := start + len(chunk))}
                *whole, self._pending = (self._pending + chunk).split(b"\n")
                self._pending = self._pending[:LONGEST_LINE]
                for line in whole:
                    yield from plain(line[:LONGEST_LINE]).split("\n")
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
        known = {segment.path.name: segment.path for segment in segments}
        self._read_to = {name: end for name, end in self._read_to.items() if name in known}
        return [(path, self._read_to.get(name, 0)) for name, path in known.items()]

    def _before(self, segments: list[Segment]) -> dict[str, int]:
        """Return how far each segment belongs to the lives before."""
        begin = _beginnings(segments, _marks(self._directory, self._name)).get(self._life, _Place(len(segments), 0))
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


def _marks(directory: Path, name: str) -> list[_Mark]:
    return [mark for line in _lines_of(directory / f"{name}.lives") if (mark := _mark(line))]


def _mark(line: bytes) -> _Mark | None:
    try:
        entry = json.loads(line)
        file = entry["file"]
        return _Mark(str(entry["life"]), float(entry["ts"]), None if file is None else str(file), int(entry["offset"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None  # torn by a power cut: the log is read without it


def _lines_of(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except OSError:
        return []
