"""The service's view of the log directory: which segments are kept, the link to the newest, and what they hold.

    a beat ──refresh──▶ links, sizes, the oldest beyond `keep` go        logs/api.log ──▶ the newest segment
    a new segment (quota.py) ──made──▶ the same, for its worker alone
    a pipe armed again ──rearmed──▶ what was truncated under its writer loses its NUL bytes

Nothing here is needed to supervise: what the disk refuses is tried again at the next beat.
"""

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from actors.values.facts import LogSeen
from supervisor.kernel.files import explained, write_all
from supervisor.logs import gzipped, lives, times
from supervisor.logs.names import SEGMENT, Segment, listed, segments_of

AT_REST = 0.5  # seconds without a write, after which the reader of a pipe that was closed has ended
PACKED_AFTER = 60.0  # seconds without a write until a closed segment is gzipped: rules have judged it then
LATE = 10.0  # seconds for which the pipe of a removed worker may still make a file; two beats, by judgement


class Segments:
    """The service's view of the log directory: links, limits, sizes, and who lived where."""

    def __init__(self, directory: Path, most: int | None = None, *, packs: bool = False) -> None:
        """`most`: bytes that all logs may take together; None: no limit. `packs`: closed segments are gzipped."""
        self._packs = packs
        self._swept = False
        self._to_pack: list[tuple[str, Segment]] = []
        self._packing: tuple[str, Segment, Iterator[None]] | None = None
        self.directory = directory
        self._most = most
        self._dropped: dict[str, int] = {}  # bytes beyond it, by worker, not told of yet
        self.problem: str | None = None
        """Why the directory or a link could not be kept in order at the last `refresh` or since; None when it was."""
        self._keep: dict[str, int] = {}
        self._forgotten: dict[str, float] = {}  # when (monotonic); its `split` may have been slower than its end
        self._seen: dict[str, LogSeen] = {}
        self._unnoted: set[str] = set()  # who has neither a segment nor a noted time: not looked for at each beat
        self._to_mend: set[str] = set()
        self._gate = threading.Lock()  # a link must not come after the log that it leads to was deleted

    def refresh(self, names_and_keep: Mapping[str, int]) -> dict[str, LogSeen]:
        """Set links, drop the oldest segments beyond `keep`, return what is left of each log; raises nothing.

        Empty when the directory can't be read; one that was removed is made again. Files of workers that are not named
        are left alone, but for segments that come within LATE of their worker's being forgotten.
        """
        self.problem = None
        self.expect(names_and_keep)
        if not self.directory.is_dir():
            self._make_directory()
        kept = self._within_quota(self._tidy(names_and_keep, only=None))
        self._seen = {name: seen for name, seen in self._seen.items() if name in names_and_keep}
        self._unnoted = self._unnoted.intersection(names_and_keep)
        self._to_pack = _to_pack(kept) if self._packs else []
        return {name: self._look(name, segments) for name, segments in kept.items()}

    def dropped(self) -> dict[str, int]:
        """Return how many bytes of each worker have gone since the last call, because all logs were too large."""
        dropped, self._dropped = self._dropped, {}
        return dropped

    def pack(self, seconds: float) -> None:
        """Gzip closed segments for about this time; the next call goes on with what is begun. Raises nothing."""
        until = time.monotonic() + seconds
        if self._packs and not self._swept:
            self._swept = True
            for left in self.directory.glob(f".*{gzipped.GZ}.tmp"):  # by a service that was killed
                self._unlink(left)
        while self._packing or self._to_pack:
            if self._packing is None:
                name, segment = self._to_pack.pop()
                self._packing = name, segment, gzipped.compressing(segment.file, segment.mtime_ns)
            try:
                next(self._packing[2])
            except StopIteration:
                self._put(self._packing[0], self._packing[1])
                self._packing = None
            except OSError as error:
                self._packing = None
                if not isinstance(error, FileNotFoundError):  # it was deleted meanwhile
                    self._note(error)
            if time.monotonic() >= until:
                return

    def _put(self, name: str, segment: Segment) -> None:
        """Let the gzipped segment take the place of the plain one, if that is still there."""
        temporary = Path(gzipped.temporary_of(segment.file))
        with self._gate:
            if name in self._forgotten or not segment.path.exists():
                self._unlink(temporary)
                return
            try:
                temporary.rename(segment.file + gzipped.GZ)
            except OSError as error:
                self._note(error)
                return
            self._unlink(segment.path)

    def _within_quota(self, kept: dict[str, list[Segment]]) -> dict[str, list[Segment]]:
        beyond = [] if self._most is None else beyond_quota(kept, self._most)
        for name, segment in beyond:
            self._drop(segment)
            self._dropped[name] = self._dropped.get(name, 0) + segment.on_disk
        gone = {segment.file for _, segment in beyond}
        return {name: [one for one in segments if one.file not in gone] for name, segments in kept.items()}

    def expect(self, names_and_keep: Mapping[str, int]) -> None:
        """Note how many segments each of these workers keeps, for `made`."""
        with self._gate:
            self._keep.update((name, keep) for name, keep in names_and_keep.items() if name not in self._forgotten)

    def made(self, files: Iterable[str]) -> None:
        """Do what `refresh` does, but only for those whose segments have just been made; raises nothing."""
        names = {match["name"] for file in files if (match := SEGMENT.fullmatch(file))}
        with self._gate:
            keep = {name: self._keep[name] for name in names if name in self._keep}
        if keep:
            self._tidy(keep, only=keep)

    def note_lives(self, begun: Mapping[str, str]) -> dict[str, int]:
        """Note that each worker's life begins where its log ends now; call it right before the starts. Raises nothing.

        Return the number of the next segment of each; of none when the directory can't be read.
        """
        with self._gate:
            for name in begun:
                self._forgotten.pop(name, None)
        try:
            found = listed(self.directory, begun)
        except OSError as error:
            self._note(error)
            return {}
        for name, life in begun.items():
            self._note_life(name, life, found.get(name, []))
        return {name: found[name][-1].number + 1 if name in found else 0 for name in begun}

    def _note_life(self, name: str, life: str, segments: list[Segment]) -> None:
        try:
            lives.note(self.directory, name, life, segments)
        except OSError as error:
            self._note(error)

    def rearmed(self, name: str) -> None:
        """Let the next beats take the NUL bytes out of what was truncated under the pipe before; from any thread."""
        with self._gate:
            self._to_mend.add(name)

    def forget(self, name: str) -> None:
        """Delete all files of a worker that was removed; raises nothing."""
        with self._gate:
            self._keep.pop(name, None)
            self._to_mend.discard(name)
            self._forgotten[name] = time.monotonic()
            for segment in segments_of(self.directory, name):
                self._drop(segment)
            for path in (self.directory / f"{name}.{what}" for what in ("log", "lives", "times")):
                self._unlink(path)

    def _make_directory(self) -> None:
        try:
            self.directory.mkdir(mode=0o700)
        except OSError as error:
            self._note(error)

    def _tidy(self, names_and_keep: Mapping[str, int], *, only: Collection[str] | None) -> dict[str, list[Segment]]:
        try:
            found = listed(self.directory, only)
        except OSError as error:
            self._note(error)
            return {}
        self._drop_late(found)
        return {name: self._kept(name, found.get(name, []), keep) for name, keep in names_and_keep.items()}

    def _drop_late(self, found: Mapping[str, list[Segment]]) -> None:
        now = time.monotonic()
        with self._gate:
            self._forgotten = {name: since for name, since in self._forgotten.items() if now - since < LATE}
            for segment in (segment for name in self._forgotten for segment in found.get(name, ())):
                self._drop(segment)

    def _kept(self, name: str, segments: list[Segment], keep: int) -> list[Segment]:
        kept = segments[-max(1, keep) :]
        if kept:
            self._link(name, kept[-1])  # first, so that it leads to a file at any time
            for segment in segments[: -len(kept)]:
                self._drop(segment)
        return kept

    def _look(self, name: str, kept: list[Segment]) -> LogSeen:
        if not kept:
            past = None if name in self._unnoted else times.last(self.directory, name)
            if past is None:
                self._unnoted.add(name)
            return LogSeen(0, past=past)
        self._unnoted.discard(name)
        if name in self._to_mend:
            self._mend(name, kept)
        before = self._seen.get(name)
        seen = log_seen(kept, before)
        if before is None:
            seen = replace(seen, past=times.last(self.directory, name))
        self._seen[name] = seen
        if seen is not before:
            self._note_time(name, seen)
        return seen

    def _note_time(self, name: str, seen: LogSeen) -> None:
        with self._gate:
            if name in self._forgotten:
                return
            try:
                times.note(self.directory, name, time.time(), seen)
            except OSError as error:
                self._note(error)

    def _mend(self, name: str, kept: list[Segment]) -> None:
        """Take the NUL bytes from the beginning of those that no pipe writes any more, once they have come to rest."""
        plain = [segment for segment in kept[:-1] if segment.packed is None]
        at_rest = [segment for segment in plain if time.time() - segment.mtime_ns / 1e9 > AT_REST]
        try:
            for segment in at_rest:
                without_nuls(segment)
        except OSError as error:
            self._note(error)
        if len(kept) > 1 and len(at_rest) == len(plain):
            with self._gate:
                self._to_mend.discard(name)

    def _link(self, name: str, segment: Segment) -> None:
        with contextlib.suppress(OSError):
            if os.readlink(f"{self.directory}/{name}.log") == os.path.basename(segment.file):
                return
        newest, link = segment.path, self.directory / f"{name}.log"
        temporary = link.with_name(f".{link.name}.tmp")
        with self._gate:
            if not newest.exists():
                return  # forgotten since the directory was read
            try:
                temporary.unlink(missing_ok=True)
                temporary.symlink_to(newest.name)
                temporary.rename(link)
            except OSError as error:
                self._note(error)

    def _drop(self, segment: Segment) -> None:
        """Delete a segment; one that is just being gzipped may have both files."""
        for path in (segment.path, Path(segment.file + gzipped.GZ)):
            self._unlink(path)

    def _unlink(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self._note(error)

    def _note(self, error: OSError) -> None:
        self.problem = explained(error, error.filename or self.directory)


def beyond_quota(logs: Mapping[str, list[Segment]], most: int) -> list[tuple[str, Segment]]:
    """Return what goes so that all logs take up to `most` bytes: the oldest of the largest first, never the newest."""
    sizes = {name: sum(segment.on_disk for segment in segments) for name, segments in logs.items()}
    closed = {name: segments[:-1] for name, segments in logs.items() if len(segments) > 1}
    total, gone = sum(sizes.values()), []
    while total > most and closed:
        largest = max(closed, key=lambda name: sizes[name])
        oldest, *closed[largest] = closed[largest]
        if not closed[largest]:
            del closed[largest]
        sizes[largest] -= oldest.on_disk
        total -= oldest.on_disk
        gone.append((largest, oldest))
    return gone


def _to_pack(logs: Mapping[str, list[Segment]]) -> list[tuple[str, Segment]]:
    """Return the closed segments that are gzipped next, the newest first."""
    closed = [(name, segment) for name, segments in logs.items() for segment in segments[:-1]]
    old = time.time() - PACKED_AFTER
    return [
        (name, segment)
        for name, segment in closed
        if segment.packed is None and 0 < segment.size < gzipped.LARGEST and segment.mtime_ns / 1e9 < old
    ]


def log_seen(segments: list[Segment], before: LogSeen | None) -> LogSeen:
    """Return what a beat tells of these segments, of which there is one; `before` itself if nothing has changed."""
    newest, total = segments[-1], sum(segment.size for segment in segments)
    file, written = os.path.basename(newest.file), newest.mtime_ns / 1e9
    holes = newest.number - segments[0].number + 1 - len(segments)
    hole = _hole(segments) if holes > 0 else None
    seen = LogSeen(total, file, newest.number, newest.inode, newest.size, written, holes=max(0, holes), hole=hole)
    if before and replace(before, is_hollow=False, past=None) == seen:
        return before
    return replace(seen, is_hollow=_is_hollow(newest.file))


def _hole(segments: list[Segment]) -> str | None:
    """Return the name of the newest file that is missing between them."""
    for elder, heir in reversed(list(itertools.pairwise(segments))):
        if heir.number > elder.number + 1:
            stem, _, digits = os.path.basename(heir.file).rpartition(".")
            return f"{stem}.{heir.number - 1:0{len(digits)}}"
    return None


def _is_hollow(file: str) -> bool:
    with contextlib.suppress(OSError), open(file, "rb", buffering=0) as segment:
        return segment.read(1) == b"\0"
    return False


def without_nuls(segment: Segment) -> None:
    """Take the NUL bytes from its beginning, in place: those who read it go on. Raises OSError."""
    with open(segment.file, "r+b", buffering=0) as file:
        if file.read(1) != b"\0":
            return
        with contextlib.suppress(OSError):  # ENXIO: nothing but a hole; EINVAL: a file system without holes
            file.seek(os.lseek(file.fileno(), 0, os.SEEK_DATA))
        content = file.read().lstrip(b"\0")
        file.seek(0)
        write_all(file.fileno(), content)
        file.truncate(len(content))
