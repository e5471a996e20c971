"""In front of the service's log, so that no caller waits for a disk.

log(event, facts) ──────▶ at most MOST lines, twice as many with changes of state ──▶ one thread ──▶ ServiceLog
logging, of libraries ─▶┘    │ no place
                             └─▶ counted; `log.dropped` and the whole table stand where lines are missing
"""

import contextlib
import logging
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from actors.base import working
from actors.vital import VitalThread
from supervisor.state.journal import ServiceLog, entry_of
from supervisor.state.replay import is_transition

MOST = 2000  # lines that wait; changes of state are dropped last, because the table is rebuilt from them
CLOSING = 5.0  # seconds for which a service that ends waits for its log


@dataclass(slots=True)
class Dropped:
    """What found no place, at this point of the log: how many lines, and each worker's last change of state in them."""

    count: int = 0
    moves: dict[object, dict[str, Any]] = field(default_factory=dict)


class LogQueue:
    """`actors.ports.Journal`: thread-safe, never blocks, never raises. Lines are written in the order they came in."""

    def __init__(self, log: ServiceLog) -> None:
        self._log = log
        self._waiting: deque[dict[str, Any] | Dropped | Callable[[], None]] = deque()
        self._closing = False
        self._changed = threading.Condition()
        self._thread = VitalThread("log", self._run)
        self._thread.start()
        self._libraries = FromLibraries(self)
        logging.getLogger().addHandler(self._libraries)

    @property
    def failing(self) -> str | None:
        """Why the last line, or the last new file, could not be written; None when all is well."""
        return self._log.failing

    def log(self, event: str, facts: Mapping[str, Any]) -> None:
        entry = entry_of(event, facts)
        with self._changed:
            if self._has_room_for(entry):
                self._waiting.append(entry)
            else:
                self._drop(entry)
            self._changed.notify()

    def begin(self) -> None:
        self._order(self._log.begin)

    def reopen(self) -> None:
        """Go on in a new file, after what was logged before."""
        self._order(self._log.reopen)

    def retry(self) -> None:
        """After a failure, see whether writing works again."""
        if self._log.failing:
            self._order(self._log.retry)

    def settle(self) -> None:
        """Return when what was logged so far is in the file, or after `CLOSING` seconds."""
        written = threading.Event()
        self._order(written.set)
        written.wait(CLOSING)

    def close(self) -> None:
        """Write what waits, for up to CLOSING seconds, and end the thread."""
        logging.getLogger().removeHandler(self._libraries)
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSING)
        if not self._thread.is_alive():
            with contextlib.suppress(Exception):
                self._run()  # what a thread that died has left
            self._log.close()

    def _order(self, order: Callable[[], None]) -> None:
        with self._changed:
            if order not in self._waiting:
                self._waiting.append(order)
            self._changed.notify()

    def _has_room_for(self, entry: Mapping[str, Any]) -> bool:
        return len(self._waiting) < (2 * MOST if is_transition(entry) else MOST)

    def _drop(self, entry: dict[str, Any]) -> None:
        if not isinstance(self._waiting[-1], Dropped):
            self._waiting.append(Dropped())
        last = self._waiting[-1]
        assert isinstance(last, Dropped)
        last.count += 1
        if is_transition(entry):
            move: dict[str, Any] = {key: entry[key] for key in ("worker", "from", "to") if key in entry}
            last.moves[move.get("worker")] = move

    def _run(self) -> None:
        while (waiting := self._next()) is not None:
            with working("log", "write"):
                self._write(waiting)

    def _next(self) -> dict[str, Any] | Dropped | Callable[[], None] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            return self._waiting.popleft() if self._waiting else None

    def _write(self, waiting: dict[str, Any] | Dropped | Callable[[], None]) -> None:
        if isinstance(waiting, Dropped):
            self._log.miss(waiting.count, waiting.moves.values())
        elif isinstance(waiting, dict):
            self._log.write(waiting)
        else:
            waiting()


class FromLibraries(logging.Handler):
    """Brings what pykka, asyncio and other libraries log by `logging` into the service's log, from warnings on."""

    def __init__(self, log: LogQueue) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        facts = {"logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            facts["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        self._log.log("library.failed" if record.levelno >= logging.ERROR else "library.warned", facts)
