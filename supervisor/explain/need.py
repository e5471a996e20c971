"""Which workers are not well, and which of them need a person or wait for one; pure."""

from collections.abc import Iterable, Mapping
from typing import Any

Worker = Mapping[str, Any]

WELL = frozenset({"running", "completed"})
_NEEDS_PERSON = {
    "state": frozenset({"failed", "quarantined"}),
    "health": frozenset({"stalled", "unready"}),
    "attention": frozenset({"waiting"}),
}


def needs_person(worker: Worker) -> bool:
    """Whether the worker, as the status JSON has it, will not get well by itself, or waits for a person."""
    return any(worker.get(key) in values for key, values in _NEEDS_PERSON.items())


def trouble(worker: Worker) -> int:
    """Return 0 for a worker that needs a person, 1 for another one that is not well, 2 for one that is."""
    return 0 if needs_person(worker) else 1 if worker["state"] not in WELL else 2


def in_need_first(workers: Iterable[Worker]) -> list[Worker]:
    """Return them with those in need before the others, and of those the one first that waits the longest."""
    return sorted(workers, key=lambda worker: (trouble(worker), _since(worker) if needs_person(worker) else ""))


def waiting(workers: Iterable[Worker]) -> list[Worker]:
    """Return those that wait for a person, the oldest wait first."""
    return sorted((worker for worker in workers if worker.get("attention") == "waiting"), key=_since)


def _since(worker: Worker) -> str:
    """Return since when it is in need; times of the status JSON sort as text."""
    return str(worker.get("attention_since") or worker["since"])
