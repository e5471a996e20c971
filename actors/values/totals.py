"""Totals of several workers, from their rows in the status JSON. Light to import, because commands load it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Worker = Mapping[str, Any]


def totals_of(workers: Sequence[Worker]) -> dict[str, Any]:
    """Return the number of workers, the number in each state, and the sums of memory, CPU and restarts.

    A sum is None while workers live and no value is known.
    """
    totals: dict[str, Any] = {"workers": len(workers)}
    for worker in workers:
        totals[worker["state"]] = totals.get(worker["state"], 0) + 1
    living = any(worker["pid"] is not None for worker in workers)
    totals["rss_bytes"] = _total((worker["rss_bytes"] for worker in workers), living)
    cpu = _total((worker["cpu_percent"] for worker in workers), living)
    totals["cpu_percent"] = None if cpu is None else round(cpu, 1)
    totals["restarts"] = sum(worker["restarts"] for worker in workers)
    return totals


def _total(values: Iterable[float | None], living: bool) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known or not living else None
