"""`panevisor events`: the activity feed, oldest first as a log is read, and on from there with -f."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from supervisor.state.place import Place
from supervisor.text.plain import visible
from supervisor.wire.client import Client

Entry = dict[str, Any]


def events(place: Place, *, count: int, follow: bool, as_json: bool) -> int:
    """Print the newest `count` entries; with `follow`, each that comes until the service ends."""
    with Client.connect(place.socket) as client:
        if not follow:
            _show(reversed(client.call("events", n=count)), as_json=as_json)
            return 0
        for number, message in enumerate(client.subscribe("activity")):
            newest = message["data"][:count] if number == 0 else message["data"]
            if number and message["missed"] and not as_json:
                print(f"… {message['missed']} entries were missed", flush=True)
            _show(reversed(newest), as_json=as_json)
    return 0


def line(entry: Entry) -> str:
    """Return an entry for people: local time, level where it matters, event, worker, facts."""
    at = datetime.fromisoformat(entry["ts"]).astimezone().strftime("%H:%M:%S")
    facts = dict(entry["facts"])
    worker = facts.pop("worker", None)
    level = "" if entry["level"] in ("info", "debug") else f"{entry['level']}: "
    words = [at, f"{level}{entry['event']}", *([worker] if worker else [])]
    words += [f"{key}={_value(value)}" for key, value in facts.items() if value is not None]
    return visible("  ".join(words))


def _value(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if " " in text or not text else text


def _show(entries: Iterable[Entry], *, as_json: bool) -> None:
    for entry in entries:
        print(json.dumps(entry) if as_json else line(entry), flush=True)
