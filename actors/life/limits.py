"""What a worker's process tree may use. Pure; checked at each health beat.

    usage ──judge(watch, limits, usage)──▶ watch, new breaches

A breach is told once. It is told again only after the tree was within the limit in between.
"""

from dataclasses import replace
from typing import Literal, assert_never

from actors.events.words import exact
from actors.frozen import frozen
from actors.values.spec import Limit, Limits

Which = Literal["memory", "cpu", "processes", "age"]


@frozen
class Usage:
    """One sample of a tree: bytes, percent of one core (None: unknown), processes, seconds since its start."""

    rss_bytes: int
    cpu_percent: float | None
    processes: int
    age: float


@frozen
class LimitWatch:
    """What is known about one life: `busy` samples in a row above the CPU limit, and the breaches `told`."""

    busy: int = 0
    told: frozenset[tuple[Which, Limit]] = frozenset()


@frozen
class Breach:
    """A limit that the tree exceeds."""

    which: Which
    value: float
    limit: Limit

    @property
    def planned(self) -> bool:
        """Whether the worker is only old, and not broken."""
        return self.which == "age"

    def __str__(self) -> str:
        return f"{self.which} is {_shown(self.which, self.value)}, the limit {_shown(self.which, self.limit.value)}"


def judge(watch: LimitWatch, limits: Limits, usage: Usage) -> tuple[LimitWatch, tuple[Breach, ...]]:
    """Return the breaches that are new with this sample; age comes last, because it is no crash."""
    busy = _busy(watch.busy, limits.cpu, usage.cpu_percent)
    values: dict[Which, tuple[Limit | None, float | None]] = {
        "memory": (limits.memory, usage.rss_bytes),
        "cpu": (limits.cpu, usage.cpu_percent if busy >= limits.cpu_samples else None),
        "processes": (limits.processes, usage.processes),
        "age": (limits.age, usage.age),
    }
    now = {
        (which, limit): Breach(which, value, limit)
        for which, (limit, value) in values.items()
        if limit is not None and value is not None and value > limit.value
    }
    new = tuple(breach for key, breach in now.items() if key not in watch.told)
    return replace(watch, busy=busy, told=frozenset(now)), new


def _busy(before: int, limit: Limit | None, percent: float | None) -> int:
    """Return the number of samples in a row above the limit; an unknown sample changes nothing."""
    if limit is None:
        return 0
    if percent is None:
        return before
    return before + 1 if percent > limit.value else 0


def _shown(which: Which, value: float) -> str:
    match which:
        case "memory":
            return f"{value / 1e9:.1f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"
        case "cpu":
            return f"{value:.0f} %"
        case "processes":
            return f"{value:.0f}"
        case "age":
            return exact(round(value))
    assert_never(which)
