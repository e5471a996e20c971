"""What an entry of a worker's history says, in plain words, by the clause that its event has in the table. Pure.

    {"event": "worker.exited", "facts": {…}} ──told──▶ "exited with code 3 after 12s (restart 2 of 5, in 4.1s)"

An event that this version does not know is told as the log has it: nothing is left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.events.sentences import COUNTED, Facts
from actors.events.table import EVENTS
from supervisor.text import colours
from supervisor.text.cells import width, wrapped
from supervisor.text.plain import visible
from supervisor.text.tables import clock, timestamp

MARKS = {"warning": "!", "error": "!!"}
Entry = Mapping[str, Any]
"""As the wire has it: ts (ISO 8601), event, level, facts."""


def told(entry: Entry, max_restarts: int) -> str:
    """Return the entry as a clause about the worker, its beginning small."""
    facts = entry["facts"]
    event = EVENTS.get(entry["event"])
    return event.told(facts, max_restarts) if event else _as_logged(entry["event"], facts)


def in_a_line(entry: Entry, now: float, *, colour: bool = False, cells: int | None = None) -> str:
    """Return the entry as `events` has it: local time, ! for a warning and !! for an error, the worker, a sentence.

    Further lines of a sentence are indented, also those of one that takes more than `cells`.
    """
    level, facts = entry["level"], entry["facts"]
    said = visible(told(entry, 0), keep="\n").replace("\n", "\n    ")
    worker = f"{visible(facts['worker'])}: " if facts.get("worker") else ""
    mark = MARKS.get(level, "")
    at = clock(timestamp(entry["ts"]), now)
    if colour:
        mark = colours.painted(mark, colours.LEVELS.get(level)) + " " * (2 - len(mark))
        worker, said, at = colours.painted(worker, colours.BOLD), colours.verdict(colours.ends(said)), colours.dim(at)
    indent = width(clock(timestamp(entry["ts"]), now)) + 6
    whole = f"{at}  {mark:2}  {worker}{said}"
    return "\n".join(part for line in whole.split("\n") for part in wrapped(line, cells, indent))


def moves(history: Sequence[Entry]) -> list[Entry]:
    """Return a worker's changes of state; those that say how a beginning service found it are among them."""
    return [entry for entry in history if "worker" in entry["facts"] and "to" in entry["facts"]]


def is_found(entry: Entry) -> bool:
    """Whether the entry only says how a service that began found the worker."""
    return bool(entry["facts"].get("cause") == "adopted" and entry["facts"]["to"] != "quarantined")


def is_idle(entry: Entry) -> bool:
    """Whether the entry explains nothing: a file was applied that changed no worker."""
    return entry["event"] == "config.applied" and not any(entry["facts"].get(kind) for kind in COUNTED)


def state_in_words(state: str | None) -> str:
    """Return a state as a verb has it: "is stopped", "has failed"; None is what does not exist."""
    return {None: "does not exist", "failed": "has failed", "backoff": "is in back-off"}.get(state, f"is {state}")


def _as_logged(event: str, facts: Facts) -> str:
    return " ".join([event, *(f"{key}={value}" for key, value in facts.items() if value is not None)])
