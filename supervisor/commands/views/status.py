"""`panevisor status` and `events`: the picture as a table or as JSON, and the activity feed, oldest entry first."""

import json
import shutil
import sys
import time
from collections.abc import Container, Iterable
from datetime import datetime
from typing import Any, TextIO

from actors.values.totals import totals_of
from supervisor.state.place import Place
from supervisor.text.colours import has_colour
from supervisor.text.plain import visible
from supervisor.text.tables import summary, table, timestamp
from supervisor.wire.client import Client
from supervisor.wire.selection import Selection, select

NOT_MET = 3
WELL = frozenset({"running", "completed"})

Picture = dict[str, Any]
Entry = dict[str, Any]


def status(place: Place, selection: Selection, *, as_json: bool, watch: bool) -> int:
    """Print the picture; 3 when a worker that was named is neither running nor completed."""
    with Client.connect(place.socket) as client:
        if watch:
            return _watch(client, selection, as_json=as_json)
        picture = chosen(client, selection)
    show(picture, as_json=as_json)
    named = bool(selection.patterns)
    return NOT_MET if named and any(worker["state"] not in WELL for worker in picture["workers"]) else 0


def chosen(client: Client, selection: Selection) -> Picture:
    """Return the picture of the selected workers, with their totals."""
    picture: Picture = client.call("status")
    if selection.empty or selection.all:
        return picture
    return part_of(picture, set(select(picture["workers"], selection)))


def part_of(picture: Picture, names: Container[str]) -> Picture:
    """Return the picture of these workers, with their totals."""
    workers = [worker for worker in picture["workers"] if worker["name"] in names]
    return {**picture, "workers": workers, "totals": totals_of(workers)}


def show(picture: Picture, *, as_json: bool = False, stream: TextIO | None = None) -> None:
    """Print one picture; only JSON goes out when that was asked for."""
    out = stream or sys.stdout
    if as_json:
        print(json.dumps(picture), file=out, flush=True)
        return
    width = shutil.get_terminal_size().columns if out.isatty() else None
    lines, now = summary(picture), time.time()
    if picture["workers"]:
        grown = table(_grown(picture, now), now=now, colour=has_colour(out), width=width)
        lines = [grown, "", *lines]
    print("\n".join(lines), file=out, flush=True)


def _grown(picture: Picture, now: float) -> list[dict[str, Any]]:
    """Return the workers with their uptimes as of now: the picture is as old as its last change or beat."""
    service = picture["supervisor"]
    age = max(0.0, now - timestamp(service["started_at"]) - service["uptime_s"])
    workers = picture["workers"]
    return [w if w["uptime_s"] is None else {**w, "uptime_s": w["uptime_s"] + age} for w in workers]


def _watch(client: Client, selection: Selection, *, as_json: bool) -> int:
    first = True
    for message in client.subscribe("changes"):
        picture = message["data"]
        names = select(picture["workers"], selection, strict=first)  # a worker that goes later just disappears
        picture = part_of(picture, set(names))
        if not as_json:
            sys.stdout.write("\x1b[H\x1b[J" if sys.stdout.isatty() else "" if first else "\n")
        show(picture, as_json=as_json)
        first = False
    return 0


# ── events ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def events(place: Place, *, count: int, follow: bool, as_json: bool) -> int:
    """Print the newest `count` entries; with `follow`, each that comes until the service ends."""
    with Client.connect(place.socket) as client:
        if not follow:
            _show_entries(reversed(client.call("events", n=count)), as_json=as_json)
            return 0
        for number, message in enumerate(client.subscribe("activity")):
            newest = message["data"][:count] if number == 0 else message["data"]
            if number and message["missed"] and not as_json:
                print(f"… {message['missed']} entries were missed", flush=True)
            _show_entries(reversed(newest), as_json=as_json)
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


def _show_entries(entries: Iterable[Entry], *, as_json: bool) -> None:
    for entry in entries:
        print(json.dumps(entry) if as_json else line(entry), flush=True)
