"""What waits for a disk or a terminal, which may take nothing for a while. No caller waits for either.

put ────────▶ up to `most` wait ──▶ a thread of its own ──▶ write(item)
 └─ no place ▶ a Gap, at its place among what waits: the number of items that are missing there
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from actors.vital import VitalThread
from supervisor.state.replay import is_transition

T = TypeVar("T")


@dataclass(slots=True)
class Gap:
    """How many items found no place, and, where they are entries of the log, each worker's last change of state."""

    count: int = 0
    moves: dict[object, dict[str, Any]] = field(default_factory=dict)

    def add(self, item: object) -> None:
        self.count += 1
        if isinstance(item, Mapping) and is_transition(item):
            move = {key: item[key] for key in ("worker", "from", "to") if key in item}
            self.moves[move.get("worker")] = move


class Backlog(Generic[T]):
    """Thread-safe; items are written in the order in which they came."""

    def __init__(self, name: str, write: Callable[[T | Gap], object]) -> None:
        self._write = write
        self._waiting: deque[T | Gap] = deque()
        self._closing = False
        self._changed = threading.Condition()
        self._thread = VitalThread(name, self._run)
        self._thread.start()

    def put(self, item: T, most: int) -> None:
        """Let the item wait if fewer than `most` do; else count it."""
        with self._changed:
            if len(self._waiting) < most:
                self._waiting.append(item)
            else:
                if not isinstance(self._waiting[-1], Gap):
                    self._waiting.append(Gap())
                self._waiting[-1].add(item)  # type: ignore[union-attr]
            self._changed.notify()

    def put_once(self, item: T) -> None:
        """Let the item wait, however many do, unless its like does."""
        with self._changed:
            if item not in self._waiting:
                self._waiting.append(item)
            self._changed.notify()

    def close(self, patience: float) -> bool:
        """Write what waits, and end the thread; return whether that took no longer than `patience` seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(patience)
        if self._thread.is_alive():
            return False
        with contextlib.suppress(Exception):
            self._run()  # what a thread that died has left
        return True

    def _run(self) -> None:
        while (item := self._next()) is not None:
            self._write(item)

    def _next(self) -> T | Gap | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            return self._waiting.popleft() if self._waiting else None
