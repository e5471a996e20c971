"""When each line of a log was written, to the health beat.

    a beat: the newest segment has grown ──note──▶ NAME.times: "time inode size file holes hollow" a line
    a line's place ──at──▶ the first beat that saw it; after the last one, the time of its file's last write

The raw bytes tell no times. A segment is named by its inode: numbers begin again where a log was deleted.
"""

import bisect
import contextlib
import os
from pathlib import Path

from actors.values.facts import LogSeen
from supervisor.kernel.files import content_of, opened, replace_file, write_all
from supervisor.logs.names import Segment

KEPT = 5_000  # lines, about 300 kB, at which what is more exact than COARSE goes
COARSE = 500  # a time may be off by this part of its age, or by a beat
_LINE = 64  # bytes of a line, about
LONGEST = 256  # bytes of a line: names have up to 64 characters


def note(directory: Path, name: str, now: float, seen: LogSeen) -> None:
    """Note what a beat has seen of a log; raises OSError."""
    path = directory / f"{name}.times"
    file = opened(os.fspath(path), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        line = f"{now:.1f} {seen.inode} {seen.size} {seen.file} {seen.holes} {seen.is_hollow:d}\n"
        write_all(file, line.encode())
        is_full = os.lseek(file, 0, os.SEEK_CUR) > 2 * KEPT * _LINE
    finally:
        os.close(file)
    if is_full:
        replace_file(path, b"".join(_thinned(content_of(path).splitlines(keepends=True), now)), sync=False)


def _thinned(lines: list[bytes], now: float) -> list[bytes]:
    """Return the lines that are needed: the older they are, the fewer."""
    kept: list[bytes] = []
    after, inode_after = float("inf"), b""
    for line in reversed(lines):
        with contextlib.suppress(ValueError):  # torn
            time, inode, *_ = line.split(b" ")
            if inode != inode_after or after - float(time) >= (now - float(time)) / COARSE:
                kept.append(line)
                after, inode_after = float(time), inode
    return kept[::-1]


def last(directory: Path, name: str) -> LogSeen | None:
    """Return what was noted last; None where nothing was."""
    with contextlib.suppress(OSError, ValueError), open(directory / f"{name}.times", "rb", opener=opened) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - LONGEST))
        time, inode, size, named, holes, hollow = file.read().decode().splitlines()[-1].split(" ")
        number, is_hollow = int(named.rpartition(".")[2]), hollow == "1"
        return LogSeen(0, named, number, int(inode), int(size), float(time), is_hollow, int(holes))
    return None


class Times:
    """The times of one worker's log."""

    def __init__(self, directory: Path, name: str) -> None:
        self._sizes: dict[int, list[int]] = {}
        self._times: dict[int, list[float]] = {}
        self._inodes: dict[bytes, int] = {}  # of the plain files, by their names
        with contextlib.suppress(OSError):
            for line in content_of(directory / f"{name}.times").splitlines():
                with contextlib.suppress(ValueError):  # torn
                    time, inode, size, *more = line.split(b" ")
                    self._add(float(time), int(inode), int(size))
                    self._inodes.update((named, int(inode)) for named in more[:1])

    def at(self, segment: Segment, offset: int) -> float:
        """Return when the bytes before `offset` were there."""
        inode = segment.inode or self._inodes.get(os.fsencode(os.path.basename(segment.file)), 0)
        sizes = self._sizes.get(inode, [])
        found = bisect.bisect_left(sizes, offset)
        return self._times[inode][found] if found < len(sizes) else segment.mtime_ns / 1e9

    def _add(self, time: float, inode: int, size: int) -> None:
        sizes, times = self._sizes.setdefault(inode, []), self._times.setdefault(inode, [])
        if sizes and size == sizes[-1]:
            return  # another service has seen the same
        if sizes and size < sizes[-1]:  # it was truncated, or the inode belongs to another file now
            sizes.clear()
            times.clear()
        sizes.append(size)
        times.append(time)
