"""`start`, `stop`, `restart`: an order for the selected workers, and one line on how it came out for each."""

import sys
from typing import Any

from supervisor.client import Client
from supervisor.place import Place
from supervisor.progress import SETTLED, STOPPED, Progress
from supervisor.selection import Selection, select
from supervisor.tables import safe

AT_ONCE = 1000  # names in a request: an array on the wire holds 1,024


def order(place: Place, verb: str, selection: Selection, *, force: bool, wait: float) -> int:
    """Give the order and, if `wait` is more than 0, wait so many seconds for verdicts; 1 when one is not well."""
    selection.require()
    with Client.connect(place.socket) as client:
        names = select(client.call("status")["workers"], selection)
        answers = [
            _ordered(client, verb, names[i : i + AT_ONCE], force=force, wait=wait)
            for i in range(0, len(names), AT_ONCE)
        ]
    verdicts = [verdict for answer in answers for verdict in answer["verdicts"]]
    for verdict in verdicts:
        print(f"{verdict['name']}: {safe(verdict['text'])}")
    if not wait:
        print(f"{verb} was ordered for {len(names)} worker(s)")
    return 0 if all(verdict["ok"] for verdict in verdicts) else 1


def _ordered(client: Client, verb: str, names: list[str], *, force: bool, wait: float) -> Any:
    progress = Progress(STOPPED if verb == "stop" else SETTLED)
    if wait and sys.stderr.isatty():
        client.on_message = progress
        client.call("subscribe", topics=["metrics"])
    try:
        return client.call(verb, names=names, force=force, wait=wait)
    finally:
        progress.done()
