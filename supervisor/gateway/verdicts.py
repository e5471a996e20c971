"""When an order has come to its end, and how: pure, over one row of the picture.

    verdict(row, verb, number) → None while time alone may still change it, else Verdict

    verb                well                                    not well
    start, restart, up  running, completed; up also: stopped    failed, backoff, quarantined, pending for good
    stop                stopped, completed, failed, tree gone   quarantined; another state: a later order came
    complete            completed                               quarantined; another state: a later order came
    remove              the row is gone

`up` takes a stopped worker as well: what a person stopped stays stopped.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from actors.events.words import exit_in_words
from actors.values.snapshot import Row

NO_NUMBER = 0
"""The number of no order: any row speaks of the time after it."""

_STARTS = frozenset({"start", "restart", "up"})
_ON_THE_WAY = frozenset({"starting", "stopping"})
_ENDED = frozenset({"stopped", "completed", "failed"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an order came out for one worker: `name` is the state it came to, `text` that state in words."""

    name: str
    ok: bool
    text: str


def verdict(row: Row, verb: str, number: int) -> Verdict | None:
    """Return how order `number` came out for this worker, None while it is on the way."""
    if row.order < number:
        return None
    if verb in _STARTS:
        return _started(row, verb)
    return _ended(row, verb)


def verdict_in(rows: Mapping[str, Row], name: str, verb: str, number: int, *, seen: bool) -> Verdict | None:
    """Return the verdict by name. A row that was `seen` and is gone means removed; one not yet there is on the way."""
    row = rows.get(name)
    if row is not None:
        return verdict(row, verb, number)
    if verb == "remove":
        return Verdict("removed", True, "removed")
    return Verdict("removed", False, "was removed meanwhile") if seen else None


def _started(row: Row, verb: str) -> Verdict | None:
    match row.state:
        case "running" if row.pid is None:
            return None  # its process has ended, and tmux has not said how yet
        case "running":
            return Verdict("running", True, f"running (pid {row.pid})")
        case "completed":
            return Verdict("completed", True, _with_reason(row))
        case "stopped" if verb == "up":
            return Verdict("stopped", True, "stopped by a person, and stays so until it is started")
        case "pending" if row.gate is None or not row.gate.lasts:
            return None
        case "backoff" if row.draining:
            return None  # what is left of the last life is being ended; the pause counts only after it
        case state if state in _ON_THE_WAY:
            return None
    return Verdict(row.state, False, _with_reason(row))


def _ended(row: Row, verb: str) -> Verdict | None:
    if verb == "remove" or row.state == "stopping":
        return None
    if row.draining and row.state in _ENDED:
        return None
    well = row.state == "completed" if verb == "complete" else row.state in _ENDED
    if well:
        return Verdict(row.state, True, _with_reason(row))
    if row.state == "quarantined":
        return Verdict(row.state, False, _with_reason(row))
    return Verdict(row.state, False, f"is {row.state} again: a later order came in between")


def _with_reason(row: Row) -> str:
    exit = row.exit if row.state in ("completed", "failed") else None
    said = row.reason or (exit_in_words(exit.code, exit.signal) if exit else "")
    return f"{row.state}: {said}" if said else row.state
