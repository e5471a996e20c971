"""`start`, `stop`, `restart`, `complete`, `remove`: an order for the selected workers, and one line a worker on it."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from supervisor.commands.conflicts import service_of
from supervisor.state.place import Place
from supervisor.text.plain import visible
from supervisor.text.progress import SETTLED, STOPPED, Progress
from supervisor.wire.client import Client, ServiceError
from supervisor.wire.selection import Selection, select

_STARTS = {"start", "restart"}


def order(place: Place, verb: str, selection: Selection, *, force: bool, wait: float) -> int:
    """Give the order and, if `wait` is more than 0, wait so many seconds for verdicts; 1 when one is not well."""
    selection.require()
    with service_of(place) as client:
        answer = _ordered(client, verb, selection, force=force, wait=wait)
    if not wait:
        print(f"{verb} was ordered for {_workers(len(answer['names']))}")
    return report(answer, answer["verdicts"])


def _workers(count: int) -> str:
    return "1 worker" if count == 1 else f"{count} workers"


def scale(place: Place, name: str, replicas: int, *, force: bool, wait: float) -> int:
    """Scale a family; print what changes, or the verdicts on it if `wait` is more than 0."""
    with service_of(place) as client:
        answer = client.call("scale", name=name, replicas=replicas, force=force, wait=wait)
    new, gone = ([c["name"] for c in answer["changes"] if c["action"] == action] for action in ("create", "stop"))
    plural = "" if replicas == 1 else "s"
    said = f"{len(new)} new, {len(gone)} to go" if new or gone else "as before"
    print(f"{name}: {replicas} replica{plural}, {said}")
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


def _ordered(client: Client, verb: str, selection: Selection, *, force: bool, wait: float) -> Any:
    progress = Progress(SETTLED if verb in _STARTS else STOPPED)
    if wait and sys.stderr.isatty():
        client.on_message = progress
        client.call("subscribe", topics=["metrics"])
    try:
        return client.call(verb, select=selection.to_wire(), force=force, wait=wait)
    except ServiceError as error:
        if error.code == "unknown-worker":  # who it is that is not known, for what is said of a family
            select(client.call("status")["workers"], selection)
        raise
    finally:
        progress.done()
