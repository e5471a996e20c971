"""Death records: the last 20 of each worker and 200 in all, in memory and in `deaths.jsonl`.

    Worker ──keep(death)──▶ queue ──▶ own thread: waits until the log is at rest, reads the last words, appends
    Gateway, `deaths` ◀──of(names)── memory             panevisor deaths, without a service ◀──read_deaths── file

`{"death": {…}}` or `{"forget": name}` a line; a line that is torn or strange is passed over. Nothing here is needed to
supervise: what the disk refuses is kept in memory and written at the next chance, and no caller waits for it.
"""

import contextlib
import json
import threading
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from actors.events.words import iso
from actors.values.records import Death
from actors.vital import VitalThread
from supervisor.kernel.files import content_of, explained, opened, replace_file, write_all
from supervisor.logs.of_life import LifeLog
from supervisor.text.plain import plain
from supervisor.text.values import rebuilt

KEPT_A_WORKER = 20
KEPT = 200
LINES = 50  # of the log of the life
LINES_READ = 200  # of which some may be redraws of others
LONGEST_LINE = 500  # characters
MOST_BYTES = 16_000  # of all lines of one death
TAIL = 256 * 1024  # bytes of the log that are looked at for them
SETTLE = 0.2  # seconds after the verdict, before which `split` may still be writing what the program wrote last
PATIENCE = 2.0  # seconds after which the last words are what is there
LOOK = 0.1  # seconds between two looks at a log that has not come to rest
COMPACT_ABOVE = 2 * KEPT  # lines of the file
MOST_WAITING = 1000  # deaths that wait for a disk
CLOSING = 3.0  # seconds that a service that ends waits for the last records


@dataclass(slots=True)
class _Waiting:
    """A death whose last words may still be on their way."""

    death: Death
    since: float
    size: int = -1

    def is_settled(self, size: int, now: float) -> bool:
        """Whether nothing more comes: the log has the size of the last look, or PATIENCE is over."""
        at_rest, self.size = size == self.size, size
        return (at_rest and now - self.since >= SETTLE) or now - self.since >= PATIENCE


class DeathRecords:
    """Implements `actors.ports.Deaths`; every call returns at once."""

    def __init__(self, path: Path, logs: Path) -> None:
        self.path = path
        self.problem: str | None = None
        """Why the file could not be written; None when all is on disk."""
        self._logs = logs
        self._lock = threading.Lock()
        self._kept = read_deaths(path)
        self._lines = COMPACT_ABOVE + 1  # of the file as it was found: a torn end is made whole at the first write
        self._queue: SimpleQueue[Death | str | None] = SimpleQueue()
        self._waiting: list[_Waiting] = []
        self._looked = 0.0  # monotonic; when the logs of those who wait were looked at, or their first one came
        self._lost = 0
        self._thread = VitalThread("deaths", self._run)
        self._thread.start()

    def keep(self, death: Death) -> None:
        if self._queue.qsize() < MOST_WAITING:
            self._queue.put(death)
        else:
            self._lost += 1
            self.problem = f"{self.path}: {self._lost} deaths were not kept: the disk takes none"

    def forget(self, worker: str) -> None:
        self._queue.put(worker)

    def of(self, names: Collection[str] | None, most: int) -> list[Death]:
        """Return the newest `most`, newest first: of these workers, or of all."""
        with self._lock:
            kept = list(self._kept)
        return chosen(kept, names, most)

    def retry(self) -> str | None:
        """Try again to write what the disk refused; return why it was, None when all is on disk."""
        if self.problem:
            self._queue.put("")
        return self.problem

    def close(self) -> None:
        """Write what waits, and end the thread."""
        self._queue.put(None)
        self._thread.join(CLOSING)

    # ── the thread ────────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        ending = False
        while not ending or self._waiting:
            for order in self._orders(ending=ending):
                ending = ending or order is None
                self._take(order)
            try:
                self._settle()
            except Exception as error:  # whatever the logs hold: the next look comes
                self.problem = f"{self._logs}: {error}"
            if self.problem:
                self._write_whole()

    def _orders(self, *, ending: bool) -> list[Death | str | None]:
        """Wait for an order, or for the next look at a log; return all that there are."""
        found: list[Death | str | None] = []
        with contextlib.suppress(Empty):
            found.append(self._queue.get(timeout=LOOK if self._waiting or ending else None))
            while True:
                found.append(self._queue.get_nowait())
        return found

    def _take(self, order: Death | str | None) -> None:
        match order:
            case Death():
                now = time.monotonic()
                self._looked = self._looked if self._waiting else now
                self._waiting.append(_Waiting(order, now))
            case str() if order:
                self._forget(order)

    def _forget(self, worker: str) -> None:
        self._waiting = [waiting for waiting in self._waiting if waiting.death.worker != worker]
        if any(death.worker == worker for death in self._kept):
            self._change([death for death in self._kept if death.worker != worker], [{"forget": worker}])

    def _settle(self) -> None:
        now, fresh, unsettled = time.monotonic(), [], []
        if not self._waiting or now - self._looked < LOOK:
            return
        self._looked = now
        logs = LifeLog.of(self._logs, {waiting.death.worker for waiting in self._waiting})
        for waiting in self._waiting:
            log, life = logs[waiting.death.worker], waiting.death.life
            if self._has(waiting.death):
                continue  # a service that was killed had kept it already
            if waiting.is_settled(log.size(life), now):
                fresh.append(replace(waiting.death, lines=last_words(log.last_lines(life, LINES_READ, TAIL))))
            else:
                unsettled.append(waiting)
        self._waiting = unsettled
        if fresh:
            self._change(pruned([*self._kept, *fresh]), [{"death": death.to_json()} for death in fresh])

    def _has(self, death: Death) -> bool:
        return any(known.life == death.life and known.worker == death.worker for known in self._kept)

    def _change(self, kept: list[Death], lines: list[dict[str, Any]]) -> None:
        with self._lock:
            self._kept = kept
        if self.problem or self._lines + len(lines) > COMPACT_ABOVE:
            self._write_whole()
            return
        try:
            with open(self.path, "ab", buffering=0, opener=opened) as file:
                write_all(file.fileno(), b"".join(map(_line, lines)))
        except OSError as error:
            self._fail(error)
        self._lines += len(lines)

    def _write_whole(self) -> None:
        content = b"".join(_line({"death": death.to_json()}) for death in self._kept)
        try:
            replace_file(self.path, content, sync=False)
        except OSError as error:
            self._fail(error)
        else:
            self._lines, self.problem = len(self._kept), None

    def _fail(self, error: OSError) -> None:
        self.problem = explained(error, self.path)


# ── pure ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def pruned(deaths: list[Death]) -> list[Death]:
    """Return what is kept of these, oldest first."""
    counts: dict[str, int] = {}
    kept: list[Death] = []
    for death in reversed(deaths):
        counts[death.worker] = counts.get(death.worker, 0) + 1
        if counts[death.worker] <= KEPT_A_WORKER and len(kept) < KEPT:
            kept.append(death)
    return kept[::-1]


def chosen(deaths: list[Death], names: Collection[str] | None, most: int) -> list[Death]:
    """Return the newest `most` of these workers (None: of all), newest first."""
    return [death for death in reversed(deaths) if names is None or death.worker in names][:most]


def last_words(printed: bytes) -> tuple[str, ...]:
    """Return the last lines as plain text, each cut to its limit and all to theirs, the oldest dropped first."""
    lines = [line[:LONGEST_LINE] + "…" * (len(line) > LONGEST_LINE) for line in plain(printed).split("\n")]
    kept: list[str] = []
    room = MOST_BYTES
    for line in reversed(lines[:-1] if lines[-1] == "" else lines):
        room -= len(line.encode()) + 1
        if room < 0 or len(kept) == LINES:
            break
        kept.append(line)
    return tuple(kept[::-1])


def plain_death(death: Death) -> dict[str, Any]:
    """Return a death as the wire and `-o json` have it."""
    return death.to_json() | {"started_at": iso(death.started_at), "ended_at": iso(death.ended_at)}


# ── the file ──────────────────────────────────────────────────────────────────────────────────────────────────────


def read_deaths(path: Path) -> list[Death]:
    """Return what is on record, oldest first; nothing where the file is missing or can't be read."""
    try:
        lines = content_of(path).splitlines()
    except OSError:
        return []
    return pruned(_folded(lines))


def _folded(lines: Iterable[bytes]) -> list[Death]:
    found: list[Death] = []
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
            entry = json.loads(line)
            if "death" in entry:
                found.append(rebuilt(Death, entry["death"]))
            else:
                found = [death for death in found if death.worker != entry["forget"]]
    return found


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
