"""How far the logs of workers are judged, for the next service: one small file, written at most each `EVERY` seconds.

A service that ends well leaves it exact and `clean`. One that is killed leaves it a little behind: the lines between
are judged again, and marked. So each line is judged at least once.
"""

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from supervisor.kernel.files import replace_file
from supervisor.rules.trail import Position

EVERY = 1.0


class Positions:
    """For one thread."""

    def __init__(self, path: Path, on_error: Callable[[BaseException], None]) -> None:
        self._path = path
        self._on_error = on_error
        self._written: dict[str, list[object]] | None = None
        self._at = float("-inf")
        self.known, self.were_exact = self._load()

    def _load(self) -> tuple[dict[str, Position], bool]:
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            found = json.loads(self._path.read_bytes())
            known = {name: Position(int(n), str(file), int(at)) for name, (n, file, at) in found["judged"].items()}
            return known, bool(found["clean"])
        return {}, False

    @property
    def due(self) -> float:
        """The seconds until the next `keep` may write."""
        return max(0.0, self._at + EVERY - time.monotonic())

    def keep(self, judged: Mapping[str, Position], *, clean: bool = False) -> None:
        """Write them if they have changed. What the disk refuses is written the next time."""
        found: dict[str, list[object]] = {name: [at.number, at.file, at.offset] for name, at in judged.items()}
        if not clean and (self.due or found == self._written):
            return
        self._at = time.monotonic()
        try:
            replace_file(self._path, json.dumps({"clean": clean, "judged": found}).encode(), sync=False)
            self._written = found
        except OSError as error:
            self._on_error(error)
