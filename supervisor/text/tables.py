"""What people read: the table of workers, the lines below it, and the small forms of times and sizes. Pure.

Whatever comes from a config or a worker is made visible: nothing in it acts on the terminal, nothing in it hides.
"""

import os
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

from actors.events.words import counted, short_size, short_time
from supervisor.text.plain import visible

Worker = Mapping[str, Any]
Picture = Mapping[str, Any]

COLOURS = {
    "running": "32",
    "completed": "36",
    "starting": "33",
    "stopping": "33",
    "pending": "33",
    "backoff": "35",
    "failed": "31",
    "quarantined": "31;1",
    "stopped": "2",
}


def table(workers: Sequence[Worker], *, now: float, colour: bool = False, width: int | None = None) -> str:
    """Return the table. `now` is Unix time, `width` in cells cuts the last column, None leaves it whole."""
    columns = _COLUMNS if any(worker["project"] for worker in workers) else _COLUMNS[1:]
    rows = [[head for head, _, _ in columns]]
    rows += [[visible(cell(worker, now)) for _, cell, _ in columns] for worker in workers]
    lines = aligned(rows, right=[number for number, (_, _, right) in enumerate(columns) if right])
    if width is not None:
        lines = [line if len(line) <= width else f"{line[: max(1, width - 1)]}…" for line in lines]
    if colour:
        lines[1:] = [_coloured(line, worker["state"]) for line, worker in zip(lines[1:], workers, strict=True)]
    return "\n".join(lines)


def aligned(rows: Sequence[Sequence[str]], right: Container[int] = ()) -> list[str]:
    """Return a line for each row of cells, whose columns are as wide as they have to be; `right`: those set right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    forms = [f"{'>' if number in right else '<'}{width}" for number, width in enumerate(widths)]
    return ["  ".join(map(format, row, forms)).rstrip() for row in rows]


def has_colour(stream: TextIO) -> bool:
    """Whether colours are wanted there (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def summary(picture: Picture) -> list[str]:
    """Return the lines below the table: how many are in which state, and what is wrong with the service itself."""
    totals, service = picture["totals"], picture["supervisor"]
    states = [f"{totals[state]} {state}" for state in COLOURS if totals.get(state)]
    lines = [counted(totals["workers"], "worker") + (f": {', '.join(states)}" if states else "")]
    if service["tmux"] != "ok":
        lines.append("tmux does not answer: this is the last picture, nothing is judged or restarted until it does")
    lines += [f"degraded: {visible(what)}" for what in service["degraded"]]
    if service["kept_by"] is None and service["pid"] != 1:  # pid 1 has its container's runtime
        lines.append("nothing starts this service again when it fails (`panevisor doctor` says more)")
    config = service["config"]
    if config["error"]:
        wrong = visible(config["error"], keep="\n")
        lines.append(f"the file can't be applied, everything stays as it was:\n{wrong}")
    elif config["changed_on_disk"]:
        lines.append("the file has changed since it was applied (`panevisor up` applies it)")
    return lines


def restarts(worker: Worker) -> str:
    """Return all restarts, and those since the last healthy life with how many there may be: 7 (2/5)."""
    attempt, most = worker["attempt"], worker["max_restarts"]
    if not attempt:
        return str(worker["restarts"])
    return f"{worker['restarts']} ({attempt}/{'∞' if most < 0 else most})"


def why(worker: Worker, now: float) -> str:
    """Return the reason of the state, and when the next start is."""
    parts = [worker["reason"]] if worker["reason"] else []
    if worker["next_start_at"]:
        parts.append(f"again in {short_time(max(0.0, timestamp(worker['next_start_at']) - now))}")
    if worker["hands_on"]:
        parts.append("a person is attached")
    return "; ".join(parts)


def timestamp(iso: str) -> float:
    """Return an ISO 8601 time as Unix time."""
    return datetime.fromisoformat(iso).timestamp()


def clock(at: float, now: float) -> str:
    """Return a local time of day, with its date if that is not today."""
    moment = datetime.fromtimestamp(at).astimezone()
    today = moment.date() == datetime.fromtimestamp(now).astimezone().date()
    return moment.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S")


def _cpu(worker: Worker) -> str:
    return "-" if worker["cpu_percent"] is None else f"{worker['cpu_percent']:.1f} %"


Column = tuple[str, Callable[[Worker, float], str], bool]
_COLUMNS: list[Column] = [
    ("PROJECT", lambda worker, now: worker["project"] or "-", False),
    ("NAME", lambda worker, now: worker["name"], False),
    ("STATE", lambda worker, now: worker["state"], False),
    ("HEALTH", lambda worker, now: worker["health"] or "-", False),
    ("PID", lambda worker, now: str(worker["pid"] or "-"), True),
    ("UPTIME", lambda worker, now: short_time(worker["uptime_s"]), True),
    ("RESTARTS", lambda worker, now: restarts(worker), True),
    ("CPU", lambda worker, now: _cpu(worker), True),
    ("MEMORY", lambda worker, now: short_size(worker["rss_bytes"]), True),
    ("REASON", why, False),
]


def _coloured(line: str, state: str) -> str:
    """Colour the word of the state; it stands between blanks, so a worker of that name is not meant."""
    before, word, after = line.partition(f" {state} ")
    return f"{before} \x1b[{COLOURS.get(state, '0')}m{state}\x1b[0m {after}" if word else line
