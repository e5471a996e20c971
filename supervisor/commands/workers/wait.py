"""`panevisor wait`, and `run --wait`: for scripts, which go on when workers have come to a state.

    changes ──each picture──▶ Waiting ──▶ all are there: 0 │ one can't come there any more: 3 │ the time is over: 8

Nothing is asked again and again: the service tells what changed. A service that restarts is waited for as long as its
keeper or its tmux server lives.
"""

import contextlib
import math
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from actors.events.words import exact, some_of
from supervisor.commands.workers.panes import state_of
from supervisor.state.place import Place, living_servers
from supervisor.text.plain import visible
from supervisor.text.tables import timestamp
from supervisor.upkeep.keeper import keeper_of
from supervisor.wire.client import Client, NoService, ServiceError
from supervisor.wire.errors import CommandError
from supervisor.wire.selection import Selection, Worker, select

Goal = Literal["ready", "completed", "ended"]
NOT_MET, FAILED, SIGNALLED = 3, 1, 128
SETTLE = 0.3  # seconds of running, as in supervisor.gateway.verdicts
PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds between two attempts to reach a service that restarts
_NAMED = 5
_AWAY = ("no-service", "starting", "shutting-down")
_BLOCKED = "blocked"  # as in actors.values.gates.Hold: a person has to do something about another worker
_MET: Mapping[Goal, frozenset[str]] = {
    "ready": frozenset({"running", "completed"}),
    "completed": frozenset({"completed"}),
    "ended": frozenset({"completed", "failed", "stopped"}),
}
_FOR_GOOD = frozenset({"completed", "failed", "stopped", "quarantined"})


def wait(place: Place, selection: Selection, goal: Goal, *, timeout: float | None, exit_code: bool) -> int:
    """Wait for the selected workers; return 0, or with `exit_code` the first of their own exit codes that is not 0."""
    selection.require()
    return wait_for(place, Waiting(goal, selection), timeout=timeout, exit_code=exit_code)


class Waiting:
    """What is waited for, and how far it has come. A worker that is not there yet is waited for only by its `names`."""

    def __init__(self, goal: Goal, selection: Selection | None = None, names: Sequence[str] = ()) -> None:
        self._goal, self._selection = goal, selection
        self._names = list(names)
        self.last: dict[str, Worker] = {}  # each as it was seen last
        self.open: list[str] = self._names
        self.lost: str | None = None  # why the goal can't be reached any more

    def look(self, workers: Sequence[Worker], blocked: Collection[str] = ()) -> None:
        """Take a picture; `blocked` are those of them that time alone does not start. Raises CommandError."""
        if self._selection and not self._names:
            self._names = select(workers, self._selection)
        rows = {worker["name"]: worker for worker in workers}
        verdicts = {name: self._verdict(name, rows.get(name), name in blocked) for name in self._names}
        self.last |= {name: rows[name] for name in self._names if name in rows}
        self.open = [name for name, reached in verdicts.items() if reached is None]
        lost = [name for name, reached in verdicts.items() if reached is False]
        self.lost = some_of([f"{name} is {self._where(name, rows)}" for name in lost], _NAMED) or None

    def _verdict(self, name: str, row: Worker | None, blocked: bool) -> bool | None:
        """Return whether the worker is there; None while it may still come."""
        if row is None:
            return None if name not in self.last else self._goal == "ended"
        if row["state"] in _MET[self._goal]:
            return True
        return False if row["state"] in _FOR_GOOD or blocked else None

    def _where(self, name: str, rows: Mapping[str, Worker]) -> str:
        return state_of(rows[name]) if name in rows else "removed"

    def lines(self) -> list[str]:
        return [f"{name}: {state_of(self.last[name])}" for name in self._names if name in self.last]

    def undecided(self) -> str:
        return some_of([f"{name} ({self._where(name, self.last)})" for name in self.open], _NAMED)

    def never_ran(self, name: str) -> bool:
        """Whether the worker has failed without any exit: it could not be started."""
        row = self.last.get(name)
        return row is not None and row["state"] == "failed" and row["exit_code"] is None and row["exit_signal"] is None

    def exit_code(self) -> int:
        """Return the first exit code that is not 0; 128 + n for a signal, 1 for a worker that could not start."""
        return next((code for name in self._names if (code := _code(self.last.get(name)))), 0)


def _code(worker: Worker | None) -> int:
    if worker is None or (worker["exit_code"] is None and worker["exit_signal"] is None):
        return FAILED
    return SIGNALLED + worker["exit_signal"] if worker["exit_signal"] else int(worker["exit_code"])


def wait_for(place: Place, waiting: Waiting, *, timeout: float | None, exit_code: bool) -> int:
    """Follow the service until it is decided; print a line a worker and return the exit code."""
    deadline = None if timeout is None else time.monotonic() + timeout
    try:
        for picture in pictures(place, deadline):
            workers = _with_newcomers(place, waiting, picture["workers"])
            waiting.look(workers, blocked=[*_blocked(place, [row for row in workers if row["name"] in waiting.open])])
            if waiting.lost or (not waiting.open and _settled(place, waiting, deadline)):
                break
    except ServiceError as error:
        if error.code != "timeout" or timeout is None:
            raise
        raise CommandError("timeout", f"after {exact(timeout)} still waiting for {waiting.undecided()}") from None
    if waiting.lost:
        print(f"panevisor: {visible(waiting.lost)}", file=sys.stderr)
        return NOT_MET
    for line in waiting.lines():
        print(visible(line))
    return waiting.exit_code() if exit_code else 0


def _with_newcomers(place: Place, waiting: Waiting, workers: list[Worker]) -> list[Worker]:
    """Show the picture, or a later one where somebody is missing: a worker that was just defined is in the next one."""
    try:
        waiting.look(workers)
    except CommandError:
        time.sleep(SETTLE)
        with Client.connect(place.socket) as client:
            workers = client.call("status")["workers"]
        waiting.look(workers)
    return workers


def _settled(place: Place, waiting: Waiting, deadline: float | None) -> bool:
    """Whether it is still so when each of them has run for `SETTLE`: what can't run has ended by then, as for `up`."""
    born = [timestamp(row["since"]) for row in waiting.last.values() if row["state"] == "running"]
    pause = max(born, default=0.0) + SETTLE - time.time()
    if pause > 0:
        time.sleep(min(pause, SETTLE, max(0.0, (deadline or math.inf) - time.monotonic())))
        with contextlib.suppress(CommandError), Client.connect(place.socket) as client:
            waiting.look(client.call("status")["workers"])
    return not waiting.open


def _blocked(place: Place, rows: Iterable[Worker]) -> Iterator[str]:
    """Yield those whose gate no time opens; the service knows it beside the picture."""
    for row in rows:
        if row["state"] == "pending" and row["reason"]:
            with contextlib.suppress(CommandError), Client.connect(place.socket) as client:
                gate = client.call("why", name=row["name"])["gate"]
                if gate and gate["hold"] == _BLOCKED:
                    yield row["name"]


def pictures(place: Place, deadline: float | None) -> Iterator[dict[str, Any]]:
    """Give each picture of the service, also of those that come after it; raises ServiceError at the `deadline`."""
    seen, pause = False, PAUSE
    while True:
        try:
            with Client.connect(place.socket) as client:
                client.call("subscribe", topics=["changes"])
                for message in client.messages(deadline):
                    seen, pause = True, PAUSE
                    yield message["data"]
        except ServiceError as error:
            if error.code not in _AWAY or not _comes_back(place, error, seen):
                raise
        if deadline is not None and time.monotonic() + pause > deadline:
            raise ServiceError("timeout", "the service is away")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _comes_back(place: Place, error: ServiceError, seen: bool) -> bool:
    """Whether somebody starts the service again, or its workers live on: then a person may."""
    if not isinstance(error, NoService):
        return True
    if keeper := keeper_of(place.state_dir):
        with keeper:
            return True
    return seen and bool(living_servers(place.state_dir))
