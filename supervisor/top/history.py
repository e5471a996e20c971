"""What workers have used since `top` began, and how that is drawn in a few cells. Pure.

CPU       of one processor: a full cell is 100 %
memory    between the least and the most that was seen, so that growth shows; what hardly changes is flat
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

EVERY = 5.0  # seconds between two samples
KEPT = 48  # samples of a worker
_BARS = "▁▂▃▄▅▆▇█"
_GROWN = 1.5  # times the least memory: less is no full cell

Worker = Mapping[str, Any]
Samples = deque[tuple[float | None, int | None]]


class Histories:
    """The last samples of each worker that is there."""

    def __init__(self) -> None:
        self._samples: dict[str, Samples] = {}
        self._taken = float("-inf")

    def sample(self, workers: Iterable[Worker], now: float) -> bool:
        """Take a sample if it is time for one, and tell whether it was. Those that have gone are forgotten."""
        if now < self._taken + EVERY:
            return False
        self._taken, before = now, self._samples
        self._samples = {}
        for worker in workers:
            samples = before.get(worker["name"]) or deque(maxlen=KEPT)
            samples.append((worker["cpu_percent"], worker["rss_bytes"]))
            self._samples[worker["name"]] = samples
        return True

    def cpu(self, name: str, room: int) -> str:
        """Return its CPU in `room` cells, the newest last."""
        return _drawn([cpu for cpu, _ in self._samples.get(name, ())], room, 0.0, 100.0)

    def memory(self, name: str, room: int) -> str:
        """Return its memory in `room` cells, the newest last."""
        found = [rss for _, rss in self._samples.get(name, ())][-room:]
        known = [rss for rss in found if rss is not None]
        if not known:
            return " " * room
        low, high = min(known), max(known)
        return _drawn(found, room, low, max(high, _GROWN * low))


def _drawn(samples: Sequence[float | None], room: int, low: float, high: float) -> str:
    drawn = "".join(_bar(value, low, high) for value in samples[-room:]) if room > 0 else ""
    return drawn.ljust(room) if drawn.strip(f" {_BARS[0]}") else " " * room


def _bar(value: float | None, low: float, high: float) -> str:
    if value is None:
        return " "
    part = (value - low) / (high - low) if high > low else 0.0
    return _BARS[min(len(_BARS) - 1, max(0, int(part * len(_BARS))))]
