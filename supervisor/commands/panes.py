"""The panes of workers. This works without a service, because tmux and its marks outlive it.

Every command is bounded in time, and none of them starts a server. They run with the state directory as cwd, so that
no path is too long.
"""

import json
import os
import shutil
import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NoReturn

from actors.errors import TerminalError
from supervisor.kernel.programs import NOT_INSTALLED
from supervisor.state.place import RECORDS, Place
from supervisor.text.plain import visible
from supervisor.tmux.command import NoServer, NotInstalled, argv_of, run
from supervisor.wire.client import Client, ServiceError
from supervisor.wire.errors import CommandError
from supervisor.wire.selection import Worker, families, require_one

TIMEOUT = 5.0
_NAMED = 5
_FORMAT = "#{pane_id}\t#{session_name}\t#{pane_dead}\t#{@panevisor}"


@dataclass(frozen=True, slots=True)
class WorkerPane:
    """One pane with our mark."""

    id: str
    session: str
    dead: bool
    name: str
    life: str


def marked_panes(place: Place) -> dict[str, WorkerPane]:
    """Return the panes of workers by name; raises CommandError when no tmux server of this place answers."""
    return {pane.name: pane for pane in map(_pane, _lines(place, _FORMAT)) if pane}


def living(place: Place) -> list[str]:
    """Return the names of the workers that live, sorted: none where no tmux server runs. Raises CommandError."""
    try:
        return sorted(name for name, pane in marked_panes(place).items() if not pane.dead)
    except CommandError as error:
        if error.code == "no-service":
            return []
        raise  # it does not say who lives there


def some(names: list[str]) -> str:
    """Say how many workers these are, and name the first of them."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    plural = "" if len(names) == 1 else "s"
    return f"{len(names)} living worker{plural}, {', '.join(names[:_NAMED])}{more}"


def foreign_panes(place: Place) -> int:
    """Return how many panes are neither a worker's nor the service's own: a person's."""
    from supervisor.tmux.words import IDLE_SESSION  # the service's own

    fields = [line.split("\t", 3) for line in _lines(place, _FORMAT)]
    return sum(1 for field in fields if len(field) == 4 and not field[3] and field[1] != IDLE_SESSION)


def pane_of(place: Place, name: str) -> WorkerPane:
    """Return the pane of one worker; raises not-met where it has none, unknown-worker where there is no such worker."""
    panes = marked_panes(place)
    return panes[name] if name in panes else _missing(place, panes, name)


def _missing(place: Place, panes: Collection[str], name: str) -> NoReturn:
    workers = {worker["name"]: worker for worker in known_workers(place)}
    require_one(name, sorted({*panes, *workers}), families(workers.values()))
    raise CommandError("not-met", f"{name} has no pane: it is {state_of(workers[name])}")


def screen(place: Place, pane: WorkerPane, *, ansi: bool) -> str:
    """Return what the pane shows now, without the empty lines at its end; `ansi` keeps colours and line drawing."""
    colours = ("-e",) if ansi else ()
    shown_now = _tmux(place, "capture-pane", "-p", *colours, "-t", pane.id).decode(errors="replace").rstrip("\n")
    return visible(f"{shown_now}\n", keep="\n\x1b\x0e\x0f" if ansi else "\n") if shown_now else ""


def attach(place: Place, pane: WorkerPane, *, read_only: bool) -> None:
    """Become a tmux client on the worker's session; does not return. Leaving it never ends the worker."""
    if not sys.stdin.isatty():
        raise CommandError("usage", "attach needs a terminal; `panevisor screen NAME` prints what the pane shows")
    if pane.dead:
        print(f"{pane.name} has ended; this is its last screen (C-b d leaves it)", file=sys.stderr)
    argv = argv_of("attach-session", *(("-r",) if read_only else ()), "-t", f"={pane.session}")
    os.chdir(place.state_dir)
    try:
        os.execvpe(argv[0], argv, _environment())
    except FileNotFoundError:
        raise _no_tmux() from None


def pane_lines(place: Place) -> list[str]:
    """Return a line of `PANE_FORMAT` for each pane, also for those of people."""
    from supervisor.tmux.words import PANE_FORMAT

    return _lines(place, PANE_FORMAT)


def _lines(place: Place, format: str) -> list[str]:
    return _tmux(place, "list-panes", "-a", "-F", format).decode(errors="replace").split("\n")


def _tmux(place: Place, *arguments: str) -> bytes:
    try:
        done = run(place.state_dir, *arguments, timeout=TIMEOUT)
    except NotInstalled:
        raise _no_tmux() from None
    except NoServer:
        raise _no_server(place) from None
    except TerminalError as error:
        if isinstance(error.__cause__, PermissionError):
            raise CommandError("not-permitted", f"no permission to use {place.state_dir}") from None
        raise CommandError("timeout" if "answered within" in str(error) else "failed", str(error)) from None
    if done.code:
        raise CommandError("failed", f"tmux: {done.said}")
    return done.stdout


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in ("TMUX", "TMUX_PANE")}


def need_tmux() -> None:
    """Raise CommandError where tmux is not installed."""
    if shutil.which("tmux") is None:
        raise _no_tmux()


def _no_tmux() -> CommandError:
    return CommandError("failed", NOT_INSTALLED)


def _no_server(place: Place) -> CommandError:
    return CommandError("no-service", f"no tmux server runs at {place.tmux_socket}; start with `panevisor up`")


def _pane(line: str) -> WorkerPane | None:
    fields = line.split("\t", 3)
    try:
        mark = json.loads(fields[3])
        return WorkerPane(fields[0], fields[1], fields[2] == "1", str(mark["name"]), str(mark["life"]))
    except (ValueError, KeyError, TypeError, IndexError):
        return None


# ── which workers there are: by the service, or by the records without one ──────────────────────────────────────────


_WITHOUT_A_PICTURE = ("no-service", "starting")


def known_workers(place: Place) -> list[Worker]:
    """Return the workers, each with at least name, labels, state and reason."""
    try:
        with Client.connect(place.socket) as client:
            return list(client.call("status")["workers"])
    except CommandError as error:
        if error.code not in _WITHOUT_A_PICTURE:
            raise
    return _on_record(place)


def call_for_one(client: Client, verb: str, name: str, **fields: Any) -> Any:
    """Ask about one worker. An unknown name is reported with the nearest one, a family's with its replicas."""
    try:
        return client.call(verb, name=name, **fields)
    except ServiceError as error:
        if error.code == "unknown-worker":
            workers = client.call("status")["workers"]
            require_one(name, [worker["name"] for worker in workers], families(workers))
        raise


def state_of(worker: Worker) -> str:
    """Return the state in words, with its reason."""
    return visible(f"{worker['state']}: {worker['reason']}" if worker["reason"] else worker["state"])


def _on_record(place: Place) -> list[Worker]:
    from actors.values.records import Intent  # only where no service runs
    from supervisor.state.records import read_records

    records = read_records(place.state_dir / RECORDS).workers
    waits = {"state": "not running", "reason": "no service runs that would start it"}
    return [
        {"name": record.spec.name, "labels": dict(record.spec.labels)}
        | (waits if record.intent is Intent.WANTED else {"state": record.intent.value, "reason": record.reason})
        for record in records
    ]
