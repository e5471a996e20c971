"""Orders for workers, and what they answer: one line for each worker, and the exit code.

start, stop, restart, complete, remove, scale ──▶ the selected workers ──▶ verdicts
"""

import contextlib
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from signal import Signals
from typing import Any

from actors.events.words import counted, some_of
from supervisor.commands.progress import SETTLED, STOPPED, Progress
from supervisor.commands.service.conflicts import service_of
from supervisor.commands.workers import inherited
from supervisor.commands.workers.panes import call_for
from supervisor.state.place import Place
from supervisor.text.plain import visible
from supervisor.wire.client import Client
from supervisor.wire.selection import Selection, select

_STARTS = {"start", "restart"}
_SHOWN = 8  # names in a line


def order(place: Place, verb: str, selection: Selection, *, force: bool, wait: float, **hurry: bool) -> int:
    """Give the order and, if `wait` is more than 0, wait up to `wait` seconds for verdicts; return 1 if one is bad.

    `hurry`: `kill` and `now`, of the verbs that end.
    """
    selection.require()
    with service_of(place) as client:
        if verb == "start":
            _tell_of_stopping(client, selection)
        settled = SETTLED if verb in _STARTS else STOPPED
        with followed(client, shown=is_watched(wait), settled=settled):
            answer = call_for(client, verb, selection, force=force, wait=wait, **hurry)
        if not wait:
            print(f"{verb} was ordered for {counted(len(answer['names']), 'worker')}")
        code = report(answer, answer["verdicts"])
        if verb == "restart" and wait:
            for line in inherited.not_as_here(client, place, answer["names"]):
                print(line, file=sys.stderr)
    return code


def _tell_of_stopping(client: Client, selection: Selection) -> None:
    """Say which workers have to end first, and how that is hurried."""
    workers = client.call("status")["workers"]
    ends = {worker["name"] for worker in workers if worker["state"] == "stopping"}
    if stopping := [name for name in select(workers, selection) if name in ends]:
        one = f"{stopping[0]} is" if len(stopping) == 1 else f"{some_of(stopping, _SHOWN)} are"
        mend = f"`panevisor restart --now {stopping[0]}` goes on with the next step of its plan, --kill with the last"
        print(visible(f"{one} stopping, and nothing starts before that is over: {mend}"), file=sys.stderr)


def is_watched(wait: float) -> bool:
    """Whether a person looks on while a command waits."""
    return wait > 0 and sys.stderr.isatty()


def scale(place: Place, name: str, replicas: int, *, force: bool, wait: float) -> int:
    """Scale a family; print what changes, or the verdicts on it if `wait` is more than 0."""
    with service_of(place) as client:
        answer = client.call("scale", name=name, replicas=replicas, force=force, wait=wait)
    new, gone = ([c["name"] for c in answer["changes"] if c["action"] == action] for action in ("create", "stop"))
    said = f"{len(new)} new, {len(gone)} to go" if new or gone else "as before"
    print(f"{name}: {counted(replicas, 'replica')}, {said}")
    return report(answer, answer["verdicts"])


def report(answer: Mapping[str, Any], verdicts: Iterable[Mapping[str, Any]]) -> int:
    """Print a line a verdict; return 1 when one is not well or the order is not on record, else 0."""
    well = True
    for verdict in verdicts:
        print(f"{verdict['name']}: {visible(verdict['text'])}")
        well = well and verdict["ok"]
    return 0 if on_record(answer) and well else 1


def on_record(answer: Mapping[str, Any]) -> bool:
    """Whether what was ordered is on disk; where it is not, say so."""
    if answer["unrecorded"] is None:
        return True
    print(f"done, but not on record: {visible(answer['unrecorded'])}", file=sys.stderr)
    print("  the service writes it as soon as it can; one that is killed before that forgets it", file=sys.stderr)
    return False


@contextlib.contextmanager
def followed(client: Client, *, shown: bool, settled: Collection[str] = SETTLED) -> Iterator[None]:
    """Show on stderr what goes on inside the block, if `shown`, until all are in a state of `settled`."""
    progress = Progress(settled)
    if shown:
        client.on_message = progress
        client.call("subscribe", topics=["changes"])
    try:
        yield
    finally:
        progress.done()


def send_signal(place: Place, selection: Selection, signal: str, *, tree: bool) -> int:
    """Send a signal, and say to whom it went."""
    selection.require()
    signal = _named(signal.upper().removeprefix("SIG"))
    with service_of(place) as client:
        answer = call_for(client, "signal", selection, signal=signal, tree=tree)
    for name in answer["names"]:
        print(f"{name}: {signal} was sent to its {'process tree' if tree else 'main process'}")
    return 0


def release(place: Place, selection: Selection, *, cancel: bool) -> int:
    """End holds, and say whose."""
    selection.require()
    with service_of(place) as client:
        answer = call_for(client, "release", selection, cancel=cancel)
    done = "its hold is cancelled, and nothing is done" if cancel else "its hold is over"
    for name in answer["names"]:
        print(f"{name}: {done}")
    return 0


def _named(signal: str) -> str:
    """Return the name of a signal that was given by its number."""
    known = {str(int(each)): each.name.removeprefix("SIG") for each in Signals}
    return known.get(signal, signal)
