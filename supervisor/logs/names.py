"""The files of a worker's log: how they are named, who writes them, and in which order they stand.

    pane ──pipe-pane──▶ split ──▶ logs/api.<life>-<arm>.000000   (rotated by size)
                                  logs/api.<life>-<arm>.000001

The last number orders the segments of a worker over all its lives and arms: each arming goes on where the last one
stopped, so neither clocks nor names of lives have a say. `split` needs no service to go on, and never deletes.
"""

import contextlib
import os
import re
import shlex
import stat
from collections.abc import Collection
from pathlib import Path

from actors.frozen import frozen
from supervisor.logs.gzipped import GZ, unpacked_size

SEGMENT = re.compile(r"(?P<name>[^.]+)\.(?P<life>[^.]+)-(?P<arm>[^.-]+)\.(?P<number>\d{6,})")


def pipe_command(logs: str, name: str, life: str, arm: int, max_size: int, *, number: int | None = None) -> str:
    """Return the shell command for pipe-pane; `logs` is the directory, relative to where the tmux server runs.

    The first segment gets `number`. None: the shell looks for the highest number in use and goes on after it, because
    an earlier `split` may have this life and arm, too, and two on one name truncate each other. That look reads the
    whole directory. Before six digits run out it takes nine, as `split` ends when none is left.
    """
    stem = f"{shlex.quote(logs)}/{name}."
    look = "" if number is not None else _look_for_number(stem)
    return (
        f"umask 077; n={number or 0}; {look}"
        'a=6; [ "$n" -lt 900000 ] || a=9; '
        f'exec split -b {max_size} -a "$a" --numeric-suffixes="$n" - {stem}{life}-{arm}.'
    )


def _look_for_number(stem: str) -> str:
    return (
        f"for f in {stem}*.[0-9]*; do "
        's=${f##*.}; s=${s#"${s%%[!0]*}"}; '  # without leading zeros: the shell would take it for octal
        'case "$s" in *[!0-9]*) continue;; esac; '
        '[ "${s:-0}" -lt "$n" ] || n=$((${s:-0} + 1)); done; '
    )


@frozen
class Segment:
    """One file of a worker's log. `file` is its path: a beat looks at all of them, and a Path takes 25 µs to make.

    `packed`: it is gzipped (its `file` with `.gz` is on disk), in so many bytes; None: it is plain. `size` counts what
    was printed in any case.
    """

    file: str
    life: str
    arm: str
    number: int
    size: int
    mtime_ns: int
    inode: int = 0
    packed: int | None = None

    @property
    def on_disk(self) -> int:
        """The bytes of its file."""
        return self.size if self.packed is None else self.packed

    @property
    def path(self) -> Path:
        return Path(self.file)

    @property
    def order(self) -> tuple[int, int]:
        """The number; the time only where two pipes were open at once and took the same one."""
        return self.number, self.mtime_ns


def segments_of(directory: Path, name: str) -> list[Segment]:
    """Return the worker's segments, oldest first; none where the directory can't be read."""
    with contextlib.suppress(OSError):
        return listed(directory, {name}).get(name, [])
    return []


def listed(directory: Path, names: Collection[str] | None) -> dict[str, list[Segment]]:
    """Return the segments of these workers (None: of all that have some), oldest first; raises OSError."""
    found: dict[str, list[Segment]] = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            name = entry.name.partition(".")[0]
            if (names is None or name in names) and (segment := _segment_at(entry)):
                found.setdefault(name, []).append(segment)
    return {name: sorted(_once(segments), key=lambda segment: segment.order) for name, segments in found.items()}


def _once(segments: list[Segment]) -> list[Segment]:
    """Return them without the gzipped one where the plain one is still there."""
    if all(segment.packed is None for segment in segments):
        return segments
    plain = {segment.file for segment in segments if segment.packed is None}
    return [segment for segment in segments if segment.packed is None or segment.file not in plain]


def _segment_at(entry: "os.DirEntry[str]") -> Segment | None:
    """Return the segment that this entry of the directory is; None for anything else."""
    match = SEGMENT.fullmatch(entry.name.removesuffix(GZ))
    if not match:
        return None
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return None  # deleted since it was listed
    if not stat.S_ISREG(found.st_mode):
        return None  # `split` makes files: a link leads out of the log
    number = int(match["number"])
    if entry.name.endswith(GZ):
        size, file = unpacked_size(entry.path, found), entry.path.removesuffix(GZ)
        if size is None:
            return None  # deleted since it was listed
        return Segment(file, match["life"], match["arm"], number, size, found.st_mtime_ns, 0, found.st_size)
    return Segment(entry.path, match["life"], match["arm"], number, found.st_size, found.st_mtime_ns, found.st_ino)
