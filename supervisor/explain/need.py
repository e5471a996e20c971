"""Which workers are not well, and which of them need a person; pure."""

from collections.abc import Mapping
from typing import Any

WELL = frozenset({"running", "completed"})
_NEEDS_PERSON = {"state": frozenset({"failed", "quarantined"}), "health": frozenset({"stalled", "unready"})}


def needs_person(worker: Mapping[str, Any]) -> bool:
    """Whether the worker, as the status JSON has it, will not get well by itself."""
    return any(worker.get(key) in values for key, values in _NEEDS_PERSON.items())


def trouble(worker: Mapping[str, Any]) -> int:
    """Return 0 for a worker that needs a person, 1 for another one that is not well, 2 for one that is."""
    return 0 if needs_person(worker) else 1 if worker["state"] not in WELL else 2
