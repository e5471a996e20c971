"""When an order has come to its end, and how; and one request that waits until every worker it named has a verdict.

    VerdictWait ──each picture──▶ verdict(row, verb, number) → None while time alone may still change it, else Verdict

    verb                well                                    not well
    start, restart, up  running, completed; up also: stopped    failed, backoff, quarantined, pending for good
    stop                stopped, completed, failed, tree gone   quarantined; another state: a later order came
    complete            completed                               quarantined; another state: a later order came
    remove              the row is gone

`up` takes a stopped worker as well: what a person or the file wants stopped stays stopped. A worker without a readiness
probe is running as soon as it exists, also one that crashes a moment later. So a life younger than `SETTLE` is judged
again with each picture until it is that old.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from actors.events.words import exit_in_words, some_of
from actors.frozen import frozen
from actors.life.readiness import SETTLE
from actors.values.snapshot import Row

NO_NUMBER = 0
"""The number of no order: any row speaks of the time after it."""

SHOWN = 20  # names in a message

Expected = Mapping[str, tuple[str, int]]
"""By worker name: the verb whose verdict is waited for, and its order's number."""

_STARTS = frozenset({"start", "restart", "up"})
_ON_THE_WAY = frozenset({"starting", "stopping"})
_ENDED = frozenset({"stopped", "completed", "failed"})


@frozen
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
            who = f"({row.reason})" if row.reason else "by a person"
            return Verdict("stopped", True, f"stopped {who}, and stays so until it is started")
        case "pending" if row.held_until is None and (row.gate is None or not row.gate.lasts):
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


# ── waiting ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class VerdictWait:
    """Owned by the Gateway's loop. `done` is resolved when all have a verdict, or fails with what ended the waiting."""

    def __init__(self, expected: Expected) -> None:
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self._loop.create_future()
        self._expected = expected
        self._found: dict[str, Verdict] = {}
        self._young: dict[str, float] = {}  # when the verdict on a new life is final, by the loop's clock
        self._seen: set[str] = set()
        self._rows: Mapping[str, Row] = {}

    def look(self, rows: Mapping[str, Row]) -> None:
        """Note the verdicts of this picture; a final one does not change any more."""
        self._rows = rows
        now = self._loop.time()
        for name, (verb, number) in self._expected.items():
            if name not in self._found or self._young.get(name, now) > now:
                self._judge(name, verb, number)
        self._seen.update(rows.keys() & self._expected.keys())
        self._conclude()

    @property
    def complete(self) -> bool:
        """Whether each worker has a verdict, final or not."""
        return len(self._found) == len(self._expected)

    def end(self, error: Exception) -> None:
        """Give up waiting."""
        if not self.done.done():
            self.done.set_exception(error)

    def verdicts(self) -> list[dict[str, Any]]:
        """Return the verdicts as the wire has them, in the order that was asked."""
        found = [(name, self._found[name]) for name in self._expected]
        return [{"name": name, "ok": v.ok, "text": v.text, "state": v.name} for name, v in found]

    def undecided(self) -> str:
        """Name those without a verdict, and where they are."""
        names = [name for name in self._expected if name not in self._found]
        return some_of([f"{name} ({_where(self._rows.get(name))})" for name in names], SHOWN)

    def _judge(self, name: str, verb: str, number: int) -> None:
        self._found.pop(name, None)
        self._young.pop(name, None)
        found = verdict_in(self._rows, name, verb, number, seen=name in self._seen)
        if found is not None:
            self._found[name] = found
            if found.name == "running":
                age = max(0.0, time.time() - self._rows[name].since)
                self._young[name] = self._loop.time() + SETTLE - age

    def _conclude(self) -> None:
        """Resolve `done`, or come back when the youngest life is old enough."""
        if not self.complete or self.done.done():
            return
        final = max(self._young.values(), default=0.0)
        if final > self._loop.time():
            self._loop.call_at(final, self._conclude)
        else:
            self.done.set_result(None)


def _where(row: Row | None) -> str:
    if row is None:
        return "not there yet"
    return f"{row.state}: {row.reason}" if row.reason else row.state
