"""What a benchmark found: figures, each beside its reference, measured in the same run.

A figure is a ratio to its reference where it has one. `target` is the highest value that is good, None where a figure
only stands beside others. A part that did not do its work raises `NotDone`, and the run fails.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.clocks import cold_page


class NotDone(Exception):
    """The measured thing has not happened: fewer panes were read, a worker was not restarted, a line is missing."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `number`: the row of the table of targets in docs/performance.md; `n`: workers.

    `samples`: what the value was made from, in its unit, where `benchmarks.picture` draws it.
    """

    number: int
    measure: str
    n: int
    value: float
    unit: str
    target: float | None = None
    reference: str = ""
    samples: tuple[float, ...] = ()

    @property
    def good(self) -> bool | None:
        """Whether the target is reached; None without a target."""
        return None if self.target is None else self.value <= self.target


def machine() -> dict[str, Any]:
    """Return what the figures depend on: processors, kernel, versions, load before the run, memory that sleeps."""
    tmux = subprocess.run(["tmux", "-V"], capture_output=True, text=True, check=True).stdout.strip()
    return {
        "processors": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "tmux": tmux.removeprefix("tmux "),
        "load": os.getloadavg()[0],
        "cold page, µs": round(cold_page(), 1),
    }


def row(figure: Figure) -> str:
    """Return a figure as one line of the table."""
    verdict = {None: "", True: "reached", False: "MISSED"}[figure.good]
    target = "" if figure.target is None else f"≤ {shown(figure.target)}"
    measure = figure.measure + (f" ({figure.reference})" if figure.reference else "")
    return (
        f"{figure.number or '':>2}  {measure:<74} {figure.n:>5}  {shown(figure.value):>8} {figure.unit:<9}"
        f" {target:>9}  {verdict}"
    ).rstrip()


def shown(value: float) -> str:
    """Return a value with three digits that count."""
    if value and abs(value) < 0.1:
        return f"{value:.2g}" if abs(value) >= 0.01 else f"1/{1 / value:.0f}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def head() -> str:
    """Return the table's heading."""
    return f"{'#':>2}  {'measure':<74} {'N':>5}  {'value':>8} {'unit':<9} {'target':>9}"


def write_json(path: str, figures: Sequence[Figure], began: dict[str, Any]) -> None:
    """Write machine and figures to a file, or to stdout for `-`."""
    text = json.dumps({"machine": began, "figures": [asdict(figure) for figure in figures]}, indent=2)
    if path == "-":
        sys.stdout.write(text + "\n")
    else:
        with open(path, "w") as file:
            file.write(text + "\n")


def median(values: Sequence[float]) -> float:
    """Return the median of at least one value."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * len(ordered)))]
