"""In front of the service's log, so that no caller waits for a disk.

log(event, facts) ──────▶ at most MOST lines, twice as many with changes of state ──▶ one thread ──▶ ServiceLog
logging, of libraries ─▶┘    │ no place
                             └─▶ counted; `log.dropped` and the whole table stand where lines are missing
"""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from actors.base import working
from supervisor.state.backlog import Backlog, Gap
from supervisor.state.entries import entry_of
from supervisor.state.journal import ServiceLog
from supervisor.state.replay import is_transition

MOST = 2000  # lines that wait; changes of state are dropped last, because the table is rebuilt from them
CLOSING = 5.0  # seconds for which a service that ends waits for its log

Order = Callable[[], object]


class LogQueue:
    """`actors.ports.Journal`: thread-safe, never blocks, never raises. Lines are written in the order they came in."""

    def __init__(self, log: ServiceLog) -> None:
        self._log = log
        self._backlog: Backlog[dict[str, Any] | Order] = Backlog("log", self._write)
        self._libraries = FromLibraries(self)
        logging.getLogger().addHandler(self._libraries)

    def log(self, event: str, facts: Mapping[str, Any]) -> None:
        entry = entry_of(event, facts)
        self._backlog.put(entry, 2 * MOST if is_transition(entry) else MOST)

    def begin(self) -> None:
        self._backlog.put_once(lambda: self._log.write_table("start"))

    def reopen(self) -> None:
        """Go on in a new file, after what was logged before."""
        self._backlog.put_once(self._log.reopen)

    def problem(self) -> str | None:
        """Return why the last line, or the last new file, could not be written, and see whether writing works again."""
        failing = self._log.failing
        if failing:
            self._backlog.put_once(self._log.retry)
        return failing

    def settle(self) -> None:
        """Return when what was logged so far is in the file, or after `CLOSING` seconds."""
        written = threading.Event()
        self._backlog.put_once(written.set)
        written.wait(CLOSING)

    def close(self) -> None:
        """Write what waits, for up to CLOSING seconds, and end the thread."""
        logging.getLogger().removeHandler(self._libraries)
        if self._backlog.close(CLOSING):
            self._log.close()

    def _write(self, waiting: dict[str, Any] | Order | Gap) -> None:
        with working("log", "write"):
            if isinstance(waiting, Gap):
                self._log.miss(waiting)
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
        raised = {"traceback": record.exc_info[1]} if record.exc_info else {}
        self._log.log("library.failed" if record.levelno >= logging.ERROR else "library.warned", facts | raised)
