"""One request that waits until every worker it named has a verdict. It looks at every picture and skips none.

A worker without a readiness probe is running as soon as it exists, also one that crashes a moment later. So a life
younger than `SETTLE` is judged again with each picture until it is that old.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from actors.values.snapshot import Row
from supervisor.gateway.verdicts import Verdict, verdict_in

SETTLE = 0.3  # seconds of running; a program that is missing or can't load is usually over by then
SHOWN = 20  # names in a message

Expected = Mapping[str, tuple[str, int]]
"""By worker name: the verb whose verdict is waited for, and its order's number."""


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
        said = ", ".join(f"{name} ({_where(self._rows.get(name))})" for name in names[:SHOWN])
        return f"{said} and {len(names) - SHOWN} more" if len(names) > SHOWN else said

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
