"""When beats and alarms are due, and how long beats took: arithmetic without a clock.

Beat n is due at start + n·interval, so the clock does not drift. Missed beats are skipped and counted.
"""

import heapq
from bisect import bisect_left
from dataclasses import field, replace
from typing import Any

from actors.frozen import frozen


@frozen
class Beats:
    """One regular beat. `number` is the last one that was due; `missed` counts skipped ones."""

    start: float
    interval: float
    number: int = 0
    missed: int = 0

    @property
    def next_at(self) -> float:
        return self.start + (self.number + 1) * self.interval

    def passed(self, now: float) -> "Beats":
        """Return the beats after `now`; this object when none was due."""
        if now < self.next_at:
            return self
        number = int((now - self.start) // self.interval)
        return replace(self, number=number, missed=self.missed + number - self.number - 1)


SUPERSEDED = 64  # the heap may have this number of outdated entries, plus one per alarm


class Alarms:
    """A heap with one alarm per key; setting a key again replaces its alarm.

    Outdated entries stay in the heap until they reach the top, or until they are the majority.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._at)

    @property
    def stored(self) -> int:
        """The number of entries in memory: up to twice the alarms of the last `arm`, plus SUPERSEDED."""
        return len(self._heap)

    def arm(self, key: str, at: float) -> None:
        self._at[key] = at
        heapq.heappush(self._heap, (at, key))
        if len(self._heap) > 2 * len(self._at) + SUPERSEDED:
            self._heap = [(due, armed) for armed, due in self._at.items()]
            heapq.heapify(self._heap)

    def drop(self, key: str) -> None:
        self._at.pop(key, None)

    def next_at(self) -> float | None:
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[str]:
        """Return and clear the keys whose time has come, earliest first."""
        keys = []
        while (at := self.next_at()) is not None and at <= now:
            key = heapq.heappop(self._heap)[1]
            del self._at[key]
            keys.append(key)
        return keys


# ── how long they took ────────────────────────────────────────────────────────────────────────────────────────────

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets in seconds; one more bucket is for what took longer."""


@frozen
class Durations:
    """`counts`: how many fell into each bucket, not summed up; `sum_s`: seconds of all of them."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    sum_s: float = 0.0

    def and_one(self, seconds: float) -> "Durations":
        """Return the durations with one more."""
        at = bisect_left(BOUNDS, seconds)
        counts = tuple(count + (place == at) for place, count in enumerate(self.counts))
        return Durations(counts, self.sum_s + max(0.0, seconds))

    def to_dict(self) -> dict[str, Any]:
        return {"counts": list(self.counts), "sum_s": round(self.sum_s, 6)}


@frozen
class BeatTimes:
    """How long the beats of one kind took.

    `sweep`: until tmux or the process table had answered. `whole`: until the workers were told (capture), or had
    reported (health).
    """

    sweep: Durations = field(default_factory=Durations)
    whole: Durations = field(default_factory=Durations)

    def swept(self, seconds: float) -> "BeatTimes":
        return replace(self, sweep=self.sweep.and_one(seconds))

    def over(self, seconds: float) -> "BeatTimes":
        return replace(self, whole=self.whole.and_one(seconds))

    def to_dict(self) -> dict[str, Any]:
        return {"sweep": self.sweep.to_dict(), "whole": self.whole.to_dict()}
