"""Between two beats, too, a worker that floods has no more log on disk than it may.

    split makes a segment ──inotify──▶ LogQuota ──▶ Segments.made: the oldest goes

A beat finds whatever was missed here, so nothing is lost where the kernel gives no inotify: then a log grows above its
quota until the next beat.
"""

import threading
import time

from actors.vital import VitalThread
from supervisor.kernel.files import as_known, explained
from supervisor.logs.inotify import NewFiles
from supervisor.logs.segments import Segments

AGAIN = 10.0  # seconds between two look-ups of the directory, which may have been replaced
LEAST_REST = 0.02  # seconds between two looks
REST = 4  # times as long as the look took: a fifth of one core at most


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
            made = self._files.wait(AGAIN)
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
