"""`panevisor ps`: every service of this user on this machine, and what lives on without one.

    /proc, pointers ──▶ living sites ──▶ each service is asked, all at once ──▶ a line each, and what a person can do

The kernel says what lives. A service that does not answer in time is one line that says so, and delays nobody.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from actors.events.words import counted, short_time
from supervisor.kernel.programs import own_command
from supervisor.state.living_sites import LivingSite, living_sites
from supervisor.state.place import SOCKET
from supervisor.text import colours
from supervisor.text.columns import Column, laid_out
from supervisor.text.plain import visible
from supervisor.wire.client import Client
from supervisor.wire.errors import CommandError

PATIENCE = 2.0  # seconds for a service to answer: a healthy one takes milliseconds
AT_ONCE = 32
_COLUMNS = (
    Column(head="PID", right=True, paint=colours.value),
    Column(head="UPTIME", right=True, goes=2, paint=colours.value),
    Column(head="WORKERS", paint=colours.counts),
    Column(head="CONFIG", least=32, middle=True),
    Column(head="STATE DIRECTORY", least=32, middle=True, goes=1),
)

Found = Mapping[str, Any]


def ps(*, as_json: bool) -> int:
    """Print what lives, also where nothing does; return 0."""
    sites = living_sites()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = [_found(site, picture) for site, picture in zip(sites, pool.map(_asked, sites), strict=True)]
    if as_json:
        print(json.dumps(found))
    elif not found:
        print("no service of this user runs on this machine, and no worker of one", file=sys.stderr)
    else:
        width = colours.cells_of(sys.stdout)
        print("\n".join(lines(found, colour=colours.has_colour(sys.stdout), width=width)))
    return 0


def _asked(site: LivingSite) -> Mapping[str, Any] | None:
    """Return the service's picture; None where none runs, or none answers in time."""
    if site.service is None:
        return None
    try:
        with Client.connect(_socket(site), PATIENCE) as client:
            picture: Mapping[str, Any] = client.call("status", timeout=PATIENCE)
            return picture
    except CommandError:
        return None


def _socket(site: LivingSite) -> Path:
    """Return the service's socket: in its directory, unless its command line names another."""
    try:
        words = Path(f"/proc/{site.service}/cmdline").read_bytes().split(b"\0")
        named = Path(os.fsdecode(words[words.index(b"--socket") + 1]))
    except (OSError, ValueError, IndexError):
        return site.state_dir / SOCKET
    return named if named.is_absolute() and named.exists() else site.state_dir / SOCKET


def _found(site: LivingSite, picture: Mapping[str, Any] | None) -> Found:
    service = picture["supervisor"] if picture else {}
    config = service.get("config", {}).get("path") or (site.origin.config if site.origin else None)
    totals = picture["totals"] if picture else {}
    return {
        "config": config,
        "config_exists": config is not None and os.path.lexists(config),
        "state_dir": str(site.state_dir),
        "state_dir_exists": not site.deleted,
        "pid": site.service,
        "answers": picture is not None,
        "version": service.get("version"),
        "uptime_s": service.get("uptime_s"),
        "tmux_pid": site.tmux[0] if site.tmux else None,
        "tmux_pids": list(site.tmux),
        "workers": {state: totals[state] for state in colours.STATES if totals.get(state)} if picture else None,
        "living": list(site.workers),
    }


def lines(found: Sequence[Found], *, colour: bool = False, width: int | None = None) -> list[str]:
    """Return the table, at most `width` cells wide, and a line for each service that needs a person."""
    rows = [list(map(visible, _cells(one))) for one in found]
    table = laid_out(_COLUMNS, rows, cells=width, colour=colour)
    notes = [visible(note) for one in found for note in _notes(one)]
    return [*table, "", *notes] if notes else table


def _cells(one: Found) -> tuple[str, ...]:
    pid = "-" if one["pid"] is None else str(one["pid"])
    return pid, short_time(one["uptime_s"]), _workers(one), one["config"] or "-", one["state_dir"]


def _workers(one: Found) -> str:
    if one["workers"] is None:
        return f"{len(one['living'])} living"
    return ", ".join(f"{count} {state}" for state, count in one["workers"].items()) or "none"


def _notes(one: Found) -> Iterator[str]:
    """Say what is wrong with a service, and how to end it."""
    where = one["state_dir"]
    end, doctor = (own_command("--state-dir", where, verb) for verb in ("down", "doctor"))
    if not one["state_dir_exists"]:
        pids = " ".join(str(pid) for pid in (one["pid"], *one["tmux_pids"]) if pid)
        yield f"{where} was deleted, and no command reaches what lives there: `kill {pids}` ends it by a hang-up"
    elif one["pid"] is None:
        count = len(one["living"])
        who = f"{counted(count, 'worker')} live{'s' if count == 1 else ''} on"
        adopt = f"`{own_command('-c', one['config'], 'up')}` adopts, " if one["config"] and one["config_exists"] else ""
        yield f"{where}: no service runs, and {who}: {adopt}`{end}` ends what lives"
    elif not one["answers"]:
        yield f"{where}: the service (pid {one['pid']}) does not answer: `{doctor}` says more"
    if one["config"] and not one["config_exists"]:
        yield f"{one['config']} is gone, moved or deleted: `{end}` ends what was started for it"
