"""Watching the config while the service runs: a change is applied once, when the file has not changed for `SETTLE`.

    every 0.2 s: stamps of config and env files ──look──▶ at rest ──▶ a new digest? ──▶ apply

It polls: a stat follows symlinks, renames and re-created files by itself, and works on every file system.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from actors.frozen import frozen
from actors.vital import VitalThread
from supervisor.config.on_disk import FileOnDisk, Stamp, digest_on_disk

POLL = 0.2  # seconds between looks, each of some 10 µs
SETTLE = 0.5  # seconds without a change after which a file counts as written to its end


@frozen
class Seen:
    """The stamps at the last look; `since` when a change was seen that has not come to rest yet, else None."""

    stamps: tuple[Stamp, ...]
    since: float | None = None


def look(seen: Seen, stamps: tuple[Stamp, ...], now: float) -> tuple[Seen, bool]:
    """Return what is known after a look at `now`, and whether a change has just come to rest."""
    if stamps != seen.stamps:
        return Seen(stamps, now), False
    if seen.since is None or now - seen.since < SETTLE:
        return seen, False
    return Seen(stamps), True


def pause(seen: Seen, now: float) -> float:
    """Return the seconds until the next look: a change is looked at the moment it may be at rest."""
    return POLL if seen.since is None else min(POLL, max(0.0, seen.since + SETTLE - now))


class ConfigWatch:
    """One thread that calls `apply` for each content that comes to rest, unless that was `tried` or is `applied()`.

    `tried` is the digest of what was loaded at the start of the service, which is no deployment; `applied()` that of
    what runs now, None while the last try was refused: then a file put back as it was clears that. What is raised
    goes to `on_error`, and watching goes on.
    """

    def __init__(
        self,
        path: Path,
        *,
        tried: str,
        applied: Callable[[], str | None],
        apply: Callable[[], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._path = path
        self._tried = tried
        self._applied = applied
        self._apply = apply
        self._on_error = on_error
        self._on_disk = FileOnDisk(path)
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin: what has changed since the file was loaded counts, too."""
        seen = Seen(self._on_disk.stamps(), since=time.monotonic())
        VitalThread("config-watch", lambda: self._run(seen)).start()

    def close(self) -> None:
        """End; an apply that has begun goes on to its end."""
        self._ended.set()

    def _run(self, seen: Seen) -> None:
        while not self._ended.wait(pause(seen, time.monotonic())):
            try:
                seen, at_rest = look(seen, self._on_disk.stamps(), time.monotonic())
                if at_rest:
                    self._at_rest()
            except Exception as error:
                self._on_error(error)

    def _at_rest(self) -> None:
        found = digest_on_disk(self._path)
        if found != self._tried:
            self._tried = found
            if found != self._applied():
                self._apply()
