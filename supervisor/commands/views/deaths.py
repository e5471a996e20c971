"""`panevisor deaths`: how workers have ended, what policy decided, their last words; without a service from the file.

service, else deaths.jsonl ──▶ records, newest first ──▶ a table, or the table's line and the last words of each
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from actors.events.words import BACKGROUND, named_signal, short_size, short_time
from supervisor.commands.workers.panes import call_for, named
from supervisor.state.deaths import chosen, plain_death, read_deaths
from supervisor.state.place import DEATHS, Place
from supervisor.text import colours
from supervisor.text.columns import Column, laid_out
from supervisor.text.plain import visible
from supervisor.text.tables import clock, timestamp
from supervisor.wire.client import Client
from supervisor.wire.errors import CommandError
from supervisor.wire.selection import Selection, match

MOST = 200  # that the service gives at a time, and that there are

Record = Mapping[str, Any]
"""As the wire has it."""
_COLUMNS = (
    Column(head="TIME", paint=colours.dim),
    Column(head="WORKER", least=16, middle=True),
    Column(head="HOW", paint=colours.ends),
    Column(head="UPTIME", right=True, goes=2, paint=colours.value),
    Column(head="MEMORY", right=True, goes=1, paint=colours.value),
    Column(head="DECIDED", least=24, paint=colours.verdict),
)
_ORDERED = {
    "stop": "a person stopped it",
    "restart": "a person ordered a restart",
    "complete": "a person marked it done",
    "remove": "it is to be removed",
    "replace": "the file has changed it",
    "down": "the service ended, and the worker with it",
}


def deaths(place: Place, selection: Selection, *, most: int, full: bool, as_json: bool) -> int:
    """Print them."""
    known = _found(place, selection, MOST)
    found, colour = known[:most], colours.has_colour(sys.stdout)
    if as_json:
        print(json.dumps(found))
    elif not found:
        print("no death is on record")
    elif full or (selection.patterns and most == 1):
        print("\n\n".join("\n".join(account(record, time.time(), colour=colour)) for record in found))
    else:
        width = colours.cells_of(sys.stdout)
        print("\n".join(table(found, time.time(), colour=colour, width=width)))
    if found and len(known) > most and not as_json:
        print(f"… and {len(known) - most} more (-n shows more of them)")
    return 0


def _found(place: Place, selection: Selection, most: int) -> list[Record]:
    try:
        client = Client.connect(place.socket)
    except CommandError as error:
        if error.code != "no-service":
            raise
        return _on_disk(place, selection, most)
    with client:
        if selection.empty or selection.all:
            return list(client.call("deaths", n=most))
        return list(call_for(client, "deaths", selection, n=most))


def _on_disk(place: Place, selection: Selection, most: int) -> list[Record]:
    known = read_deaths(place.state_dir / DEATHS)
    names: set[str] | None = None
    if selection.labels or selection.project is not None:
        names = set(named(place, selection))
    elif selection.patterns:
        names = set(match(selection.patterns, sorted({death.worker for death in known})))
    return [plain_death(death) for death in chosen(known, names, most)]


# ── what people read ──────────────────────────────────────────────────────────────────────────────────────────────


def table(records: Sequence[Record], now: float, *, colour: bool = False, width: int | None = None) -> list[str]:
    """Return the lines of the table, at most `width` cells wide. `now` is Unix time, clock times are local."""
    return laid_out(_COLUMNS, [_cells(record, now) for record in records], cells=width, colour=colour)


def account(record: Record, now: float, *, colour: bool = False) -> list[str]:
    """Return one death in full, with its last words."""
    at, worker, how, uptime, memory, decided = _cells(record, now)
    lived = "" if record["uptime_s"] is None else f" after {uptime}"
    used = "" if record["rss_bytes"] is None else f", {memory} of memory at last"
    if colour:
        at, worker = colours.dim(at), colours.painted(worker, colours.BOLD)
        how, decided = colours.ends(how), colours.verdict(decided)
    first = f"{at}  {worker}: {how}{lived}{used}; {decided}  (life {visible(record['life'])})"
    left = [f"  {visible(record['reason'])}"] if record["cause"] == BACKGROUND else []
    return [first, *left, *(list(last_words(record)) or ["  (it printed nothing)"])]


def last_words(record: Record) -> Iterator[str]:
    """Yield the lines that it printed last, made safe to print, behind a bar."""
    for line in record["lines"]:
        yield f"  | {visible(line, keep=chr(9))}"


def how(record: Record) -> str:
    """Return how it ended: "exit 3", "signal 9 (KILL)"."""
    if record["exit_signal"] is not None:
        return f"signal {named_signal(record['exit_signal'])}"
    return "not known" if record["exit_code"] is None else f"exit {record['exit_code']}"


def decided(record: Record) -> str:
    """Return what policy decided, or who had ordered its end."""
    if record["cause"] in _ORDERED:
        return _ORDERED[record["cause"]]
    why = {"ended": f"{record['reason']}; ", BACKGROUND: "went into the background; "}.get(record["cause"], "")
    if record["state"] == "backoff":
        return f"{why}restart {record['attempt']} after {short_time(record['delay_s'])}"
    return why + {"pending": "starts again"}.get(record["state"], str(record["state"]))


def _cells(record: Record, now: float) -> tuple[str, ...]:
    return (
        clock(timestamp(record["ended_at"]), now),
        visible(record["worker"]),
        how(record),
        short_time(record["uptime_s"]),
        short_size(record["rss_bytes"]),
        visible(decided(record)),
    )
