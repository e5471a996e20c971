"""Whether a worker's log is written: its newest file is compared with the look before, and with the screen.

    look at the folder ──▶ deleted, truncated, replaced ──────────────▶ a gap: the pipe is armed again
    output on the screen, and no write for two looks in a row ──▶ silent ──┘

The writer holds its file open and never looks at the folder, so it writes on into a file that nobody can read.
"""

from dataclasses import replace
from enum import StrEnum

from actors.frozen import frozen
from actors.values.facts import LogSeen

SLACK = 2.0  # seconds between output and its write: tmux tells of output in whole seconds
RETRY = 60.0  # seconds; a pipe that stays silent after it was armed is armed again no sooner


class Why(StrEnum):
    """What has become of the file that was being written."""

    DELETED = "deleted"
    TRUNCATED = "truncated"
    REPLACED = "replaced"
    SILENT = "silent"  # nothing is written, though the worker prints
    CLOSED = "closed"  # the pipe's reader has ended


@frozen
class Gap:
    """Output that is in no file: what came after `since` (Unix time), and the bytes of a file that went, if known."""

    why: Why
    file: str | None
    since: float | None
    lost_bytes: int | None
    is_over: bool = False  # its writer has gone on to the next file by itself


@frozen
class LogWatch:
    """What the last look saw, of the pipe of `pane`."""

    pane: str | None = None
    seen: LogSeen | None = None
    armed: float = 0.0  # Unix time at which it was last armed again
    is_told: bool = False  # of a gap after which nothing was written yet
    unwritten: float | None = None  # the last write, where output has come after it


def look(watch: LogWatch, pane: str, seen: LogSeen, output: float | None, born: float) -> tuple[LogWatch, Gap | None]:
    """Return the watch after this look, and the gap that it found. `output`: when the worker last printed."""
    watch = watch if watch.pane == pane else LogWatch(pane)
    before = watch.seen or (None if watch.armed else seen.past)
    written = max(seen.written_at or 0.0, watch.armed, born)
    unwritten = written if output is not None and output > written + SLACK else None
    told = watch.is_told and (seen.written_at or 0.0) <= watch.armed
    after = _renewed(watch, seen, unwritten, told)
    why = _change(before, seen) if before and before.file else None
    if why is not None and before:
        kept = seen.file == before.file and seen.inode == before.inode and why is not Why.TRUNCATED
        return after, Gap(why, before.file, before.written_at, 0 if kept else before.size)
    if before and seen.holes > before.holes:
        lost = before.size if seen.hole == before.file else None  # nobody had looked at it
        return after, Gap(Why.DELETED, seen.hole, before.written_at, lost, is_over=True)
    if unwritten is not None and unwritten == watch.unwritten and not told:
        return after, Gap(Why.SILENT, seen.file, written, 0)
    return after, None


def armed(pane: str | None, now: float) -> LogWatch:
    """Return the watch of a pipe that is armed again now."""
    return LogWatch(pane, None, now, is_told=True)


def _renewed(watch: LogWatch, seen: LogSeen, unwritten: float | None, told: bool) -> LogWatch:
    after = replace(watch, seen=seen, unwritten=unwritten, is_told=told)
    return watch if after == watch else after


def _change(before: LogSeen, seen: LogSeen) -> Why | None:
    if seen.file == before.file:
        if seen.inode != before.inode:
            return Why.REPLACED
        return Why.TRUNCATED if seen.size < before.size or (seen.is_hollow and not before.is_hollow) else None
    # a file that is newer has another writer, or the next number of the same one
    is_older = (seen.written_at or 0.0) <= (before.written_at or 0.0)
    return Why.DELETED if seen.file is None or (seen.number < before.number and is_older) else None
