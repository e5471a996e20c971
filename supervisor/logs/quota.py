"""Between two beats, too, a worker that floods has no more log on disk than it may.

    split makes a segment ──inotify──▶ LogQuota ──▶ Segments.made: the oldest goes

Python does not have inotify(7). What it tells are hints: of very many files some are lost, and on a network file system
those that another machine makes. A beat finds whatever was missed here; until then a log grows above its quota.
"""

import contextlib
import ctypes
import os
import select
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from actors.vital import VitalThread
from supervisor.kernel.files import as_known, explained
from supervisor.logs.segments import Segments

AGAIN = 30.0  # seconds between two look-ups of the directory, which may have been replaced
LEAST_REST = 0.02  # seconds between two looks
REST = 4  # times as long as the look took: a fifth of one core at most

IN_MODIFY = 0x2
IN_CREATE = 0x100
IN_Q_OVERFLOW = 0x4000
IN_ONLYDIR = 0x0100_0000
_HEADER = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows
_CHUNK = 1 << 16
_libc = ctypes.CDLL(None, use_errno=True)


class LogQuota:
    """One thread that sleeps until a segment is made."""

    def __init__(self, segments: Segments) -> None:
        self.problem: str | None = None
        """Why logs are held to their quota at the beats alone; None when that is not so."""
        self._segments = segments
        self._files = NewFiles()
        self._ended = threading.Event()
        self._thread = VitalThread("log-quota", self._run)
        self._thread.start()

    def close(self, timeout: float = 2.0) -> None:
        """End the thread. One that a disk keeps for longer ends with the process."""
        self._ended.set()
        self._files.wake()
        self._thread.join(timeout)
        if not self._thread.is_alive():
            self._files.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._watch()
            if not (made := self._files.wait(AGAIN)):
                continue
            began = time.monotonic()
            try:
                self._segments.made(made)
            except Exception as error:  # the next beat drops what was left
                self.problem = f"{as_known(self._segments.directory)}: {error}"
            self._ended.wait(max(LEAST_REST, REST * (time.monotonic() - began)))

    def _watch(self) -> None:
        try:
            self._files.watch(self._segments.directory)
        except OSError as error:
            self.problem = explained(error, error.filename)
        else:
            self.problem = None


class NewFiles:
    """Which files are made in a directory, by the kernel's word and at once; with `written` also which are written to.

    For one thread, but for `wake`. It is opened by the first `watch`; while that fails nothing is told.
    """

    def __init__(self, *, written: bool = False) -> None:
        self.overflowed = False
        """Whether so much has happened that some of it was not told; for the caller to set back."""
        self._mask = IN_CREATE | IN_ONLYDIR | (IN_MODIFY if written else 0)
        self._inotify: int | None = None
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._bell, select.POLLIN)

    def watch(self, directory: Path) -> None:
        """Watch the directory that is there now; one that is watched already is watched once. Raises OSError."""
        if self._inotify is None:
            self._inotify = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify")
            self._poll.register(self._inotify, select.POLLIN)
        _checked(_libc.inotify_add_watch(self._inotify, os.fsencode(directory), self._mask), str(directory))

    def wait(self, timeout: float) -> set[str]:
        """Return the names of the files made since the last call; none after `timeout` seconds, or when woken."""
        self._poll.poll(timeout * 1000)
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        return self._made()

    def wake(self) -> None:
        """Let `wait` return; from any thread, before `close`."""
        os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        """Give back the descriptors."""
        os.close(self._bell)
        if self._inotify is not None:
            os.close(self._inotify)

    def _made(self) -> set[str]:
        if self._inotify is None:
            return set()
        names: set[str] = set()
        with contextlib.suppress(BlockingIOError):
            while len(events := os.read(self._inotify, _CHUNK)) > _CHUNK // 2:
                names.update(self._names(events))
            names.update(self._names(events))
        return names

    def _names(self, events: bytes) -> Iterator[str]:
        at = 0
        while at < len(events):
            _, mask, _, length = _HEADER.unpack_from(events, at)
            at += _HEADER.size + length
            self.overflowed |= bool(mask & IN_Q_OVERFLOW)
            if name := events[at - length : at].rstrip(b"\0"):  # none: an overflow, or the directory was deleted
                yield os.fsdecode(name)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result
