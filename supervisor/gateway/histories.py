"""What happened to each worker lately, and to all of them at once: what `why` tells the causes from.

    entry ──add──▶ with a worker ──▶ the last 20 of that worker, until it is removed
              └──▶ an incident ────▶ the last 20 of the service

Owned by the Gateway's loop, as part of the Pictures: nothing here is thread-safe.
"""

from collections import deque
from collections.abc import Iterable, Set

from actors.events.table import INCIDENTS
from actors.values.snapshot import Entry

KEPT = 20
GONE_AFTER = 60.0  # seconds without a row; a Metrics that was replaced begins with an empty picture, too


class Histories:
    """Begins with what happened `before`, oldest first; its length is the number of workers that have a history."""

    def __init__(self, before: Iterable[Entry] = ()) -> None:
        self._workers: dict[str, deque[Entry]] = {}
        self._incidents: deque[Entry] = deque(maxlen=KEPT)
        self._absent: dict[str, float] = {}  # since when a worker with a history has no row (monotonic)
        for entry in before:
            self.add(entry)

    def __len__(self) -> int:
        return len(self._workers)

    def add(self, entry: Entry) -> None:
        worker = entry.facts.get("worker")
        if entry.event in INCIDENTS:
            self._incidents.append(entry)
        elif entry.event == "worker.removed":
            self._workers.pop(str(worker), None)
        elif isinstance(worker, str):
            self._add(worker, entry)

    def look(self, rows: Set[str], now: float) -> None:
        """Drop each worker that has had no row for a minute: its end was not heard of, or it never was a worker."""
        self._absent = {name: self._absent.get(name, now) for name in self._workers.keys() - rows}
        for name, since in self._absent.items():
            if now - since >= GONE_AFTER:
                del self._workers[name]

    def of(self, name: str) -> list[Entry]:
        """Return a worker's entries and the incidents since the first of them, oldest first."""
        own = self._workers.get(name, ())
        since = own[0].ts if own else 0.0
        incidents = [entry for entry in self._incidents if entry.ts >= since]
        return sorted([*own, *incidents], key=lambda entry: entry.ts)

    def _add(self, worker: str, entry: Entry) -> None:
        entries = self._workers.setdefault(worker, deque(maxlen=KEPT))
        if entries and _adopted_as(entry) is not None and _adopted_as(entries[-1]) == _adopted_as(entry):
            entries.pop()  # else twenty starts of the service would push out why it was stopped
        entries.append(entry)


def _adopted_as(entry: Entry) -> object:
    """Return the state that a beginning service found the worker in; None if the entry tells something else."""
    return entry.facts.get("to") if entry.facts.get("cause") == "adopted" else None
