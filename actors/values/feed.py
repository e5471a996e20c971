"""The activity feed: the last entries, newest first, as an immutable copy."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

KEPT = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. `seq` grows by one with each entry; `ts` is Unix time; `facts` is read-only."""

    seq: int
    ts: float
    event: str
    level: str
    facts: Mapping[str, Any]


class Feed:
    """Owns the last `KEPT` entries. Only one actor uses it; its copies are safe in any thread."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._next = 1

    def add(self, ts: float, event: str, level: str, facts: Mapping[str, Any]) -> Entry:
        entry = Entry(self._next, ts, event, level, MappingProxyType(dict(facts)))
        self._next += 1
        self._entries.appendleft(entry)
        return entry

    def newest_first(self) -> tuple[Entry, ...]:
        return tuple(self._entries)
