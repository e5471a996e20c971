"""`panevisor status` and `events`: the picture as a table or as JSON, and the activity feed, oldest entry first."""

import json
import sys
import time
from collections.abc import Container, Iterable
from typing import Any, TextIO

from actors.events.words import counted
from actors.values.totals import totals_of
from supervisor.explain.need import WELL, in_need_first
from supervisor.state.place import SERVICE_LOG, Place
from supervisor.text.colours import cells_of, has_colour
from supervisor.wire.client import Client
from supervisor.wire.selection import Selection, select

NOT_MET = 3

Picture = dict[str, Any]
Entry = dict[str, Any]


def status(place: Place, selection: Selection, *, as_json: bool, watch: bool, in_need: bool = False) -> int:
    """Print the picture; 3 when a worker that was named is neither running nor completed.

    `in_need`: those that need a person come first.
    """
    if watch:
        from supervisor.commands.views.watch import watch as go_on

        return go_on(place, selection, as_json=as_json)
    with Client.connect(place.socket) as client:
        picture = chosen(client, selection)
    if in_need:
        picture["workers"] = in_need_first(picture["workers"])
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
    width = cells_of(out)
    print("\n".join(lines_of(picture, colour=has_colour(out), width=width)), file=out, flush=True)


def lines_of(picture: Picture, *, colour: bool, width: int | None) -> list[str]:
    """Return the table of the workers, where there are any, and the lines below it."""
    from supervisor.text.tables import summary, table  # only now: JSON needs neither

    lines, now = summary(picture), time.time()
    if picture["workers"]:
        grown = table(_grown(picture, now), now=now, colour=colour, width=width)
        lines = [*grown.split("\n"), "", *lines]
    return lines


def _grown(picture: Picture, now: float) -> list[dict[str, Any]]:
    """Return the workers with their uptimes as of now: the picture is as old as its last change or beat."""
    from supervisor.text.tables import timestamp

    service = picture["supervisor"]
    age = max(0.0, now - timestamp(service["started_at"]) - service["uptime_s"])
    workers = picture["workers"]
    return [w if w["uptime_s"] is None else {**w, "uptime_s": w["uptime_s"] + age} for w in workers]


# ── events ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def events(place: Place, *, count: int, follow: bool, as_json: bool) -> int:
    """Print the newest `count` entries; with `follow`, each that comes, also from the services after this one."""
    if follow:
        return _follow(place, count, as_json=as_json)
    with Client.connect(place.socket) as client:
        _show_entries(reversed(client.call("events", n=count)), as_json=as_json)
    return 0


def _follow(place: Place, count: int, *, as_json: bool) -> int:
    from supervisor.wire.lasting import publications

    for number, message in enumerate(publications(place.socket, "activity")):
        entries, missed = message["data"], message["missed"] if number else 0
        if number == 0:
            entries = entries[:count]
        if message["anew"]:
            missed = entries[-1]["seq"] - 1 if entries else 0
            log = place.state_dir / SERVICE_LOG
            print(f"panevisor: another service runs now; {log} has what happened meanwhile", file=sys.stderr)
        if missed:
            print(f"panevisor: {counted(missed, 'event')} missed", file=sys.stderr, flush=True)
        _show_entries(reversed(entries), as_json=as_json)
    return 0


def _show_entries(entries: Iterable[Entry], *, as_json: bool) -> None:
    from supervisor.explain.events import in_a_line  # only now: `status` needs no sentences

    colour, cells = has_colour(sys.stdout), cells_of(sys.stdout)
    for entry in entries:
        told = json.dumps(entry) if as_json else in_a_line(entry, time.time(), colour=colour, cells=cells)
        print(told, flush=True)
