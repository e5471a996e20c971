"""What each worker used lately: a sample of every row each few seconds, for plots. It begins with the web process."""

import math
import time
from array import array
from collections.abc import Iterable, Mapping
from typing import Any

from actors.events.words import iso

EVERY = 10.0  # seconds between two samples
KEPT = 180  # samples: half an hour


class _Samples:
    __slots__ = ("at", "cpu", "restarts", "rss")

    def __init__(self) -> None:
        self.at, self.cpu, self.rss, self.restarts = array("d"), array("f"), array("q"), array("l")

    def add(self, now: float, row: Mapping[str, Any]) -> None:
        self.at.append(now)
        self.cpu.append(math.nan if row["cpu_percent"] is None else row["cpu_percent"])
        self.rss.append(-1 if row["rss_bytes"] is None else row["rss_bytes"])
        self.restarts.append(row["restarts"])
        if len(self.at) > KEPT:
            for values in (self.at, self.cpu, self.rss, self.restarts):
                del values[0]


class History:
    """By worker; those that are gone have none."""

    def __init__(self) -> None:
        self._samples: dict[str, _Samples] = {}
        self._last = -math.inf

    def look(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take a sample of each row, if the last ones are old enough."""
        if time.monotonic() - self._last < EVERY:
            return
        self._last, now = time.monotonic(), time.time()
        known, self._samples = self._samples, {}
        for row in rows:
            samples = self._samples[row["name"]] = known.get(row["name"]) or _Samples()
            samples.add(now, row)

    def of(self, name: str) -> dict[str, list[Any]]:
        """Return a worker's samples, oldest first; an unknown value is None."""
        samples = self._samples.get(name) or _Samples()
        return {
            "at": [iso(at) for at in samples.at],
            "cpu_percent": [None if math.isnan(value) else round(value, 2) for value in samples.cpu],
            "rss_bytes": [None if value < 0 else value for value in samples.rss],
            "restarts": list(samples.restarts),
        }
