"""When beats and alarms are due: pure arithmetic, no clock.

Beat n is at start + n·interval: no drift. Beats missed meanwhile are skipped and counted, never made up.
"""

import heapq
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Beats:
    """One regular beat. `number` is the last one that was due, `missed` counts those that were skipped."""

    start: float
    interval: float
    number: int = 0
    missed: int = 0

    @property
    def next_at(self) -> float:
        return self.start + (self.number + 1) * self.interval

    def passed(self, now: float) -> "Beats":
        """Return the beats after `now`; the same object when none was due."""
        if now < self.next_at:
            return self
        number = int((now - self.start) // self.interval)
        return replace(self, number=number, missed=self.missed + number - self.number - 1)


SUPERSEDED = 64  # entries of the heap that may be out of date, beside as many as there are alarms


class Alarms:
    """A heap of one alarm a key; setting a key again replaces its alarm.

    What was replaced or dropped stays in the heap until it comes to the top, or until such entries are the most of it.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._at)

    @property
    def stored(self) -> int:
        """The entries in memory: at most SUPERSEDED more than twice the alarms there were at the last `arm`."""
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
