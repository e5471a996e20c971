"""What several workers come to, from their rows as the status JSON has them. Light: commands load it, too."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Worker = Mapping[str, Any]


def totals_of(workers: Sequence[Worker]) -> dict[str, Any]:
    """Return how many there are, how many in each state, and the sums of `rss_bytes`, `cpu_percent` and `restarts`.

    A sum is None while something lives of which nothing is known yet.
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
