"""The panes of workers, and which workers there are; without a service too, because tmux and its marks outlive it."""

import shutil
from typing import Any

from actors.frozen import frozen
from supervisor.kernel.programs import NOT_INSTALLED
from supervisor.state.place import RECORDS, Place
from supervisor.text.plain import visible
from supervisor.tmux.panes import WorkerPane, ask, marked_panes
from supervisor.wire.client import Client, ServiceError
from supervisor.wire.errors import CommandError
from supervisor.wire.selection import Selection, Worker, families, require_one, select, the_one


def pane_of(place: Place, pattern: str) -> WorkerPane:
    """Return the pane of the one worker that is meant, by its name, its family's or a glob.

    Raises not-met where it has none, unknown-worker where there is no such worker, usage where several are meant.
    """
    panes = marked_panes(place)
    if pattern in panes:
        return panes[pattern]
    workers = {worker["name"]: worker for worker in known_workers(place)}
    name = the_one(pattern, sorted({*panes, *workers}), families(workers.values()))
    if name not in panes:
        raise CommandError("not-met", f"{name} has no pane: it is {state_of(workers[name])}")
    return panes[name]


@frozen(kw_only=True)
class Look:
    """How a screen is read: with colours and line drawing, row by row also where a line was wrapped, and how many of
    the rows that have left the screen.
    """

    ansi: bool = False
    rows: bool = False
    history: int = 0

    @property
    def options(self) -> tuple[str, ...]:
        """Those of capture-pane."""
        scrolled = ("-S", str(-self.history)) if self.history else ()
        return (*(("-e",) if self.ansi else ()), *(() if self.rows else ("-J",)), *scrolled)


def screen(place: Place, pane: WorkerPane, look: Look) -> str:
    """Return what the pane shows now, without blanks at the ends of lines and empty lines at the end."""
    said = ask(place, "capture-pane", "-p", *look.options, "-t", pane.id, server=pane.server)
    printed = said.decode(errors="replace")
    shown_now = "\n".join(line.rstrip(" ") for line in printed.split("\n")).rstrip("\n")
    ansi = look.ansi
    return visible(f"{shown_now}\n", keep="\n\x1b\x0e\x0f" if ansi else "\n") if shown_now else ""


def need_tmux() -> None:
    """Raise CommandError where tmux is not installed."""
    if shutil.which("tmux") is None:
        raise CommandError("failed", NOT_INSTALLED)


# ── which workers there are: by the service, or by the records without one ──────────────────────────────────────────


_WITHOUT_A_PICTURE = ("no-service", "starting")


def known_workers(place: Place) -> list[Worker]:
    """Return the workers, each with at least name, labels, project, state and reason."""
    try:
        with Client.connect(place.socket) as client:
            return list(client.call("status")["workers"])
    except CommandError as error:
        if error.code not in _WITHOUT_A_PICTURE:
            raise
    return _on_record(place)


def named(place: Place, selection: Selection) -> list[str]:
    """Return the names of the selected workers; all where nothing is selected."""
    return select(known_workers(place), selection)


def call_for(client: Client, verb: str, selection: Selection, **fields: Any) -> Any:
    """Ask about the selected workers. An unknown name is reported as by `call_for_one`."""
    try:
        return client.call(verb, select=selection.to_wire(), **fields)
    except ServiceError as error:
        if error.code == "unknown-worker":
            select(client.call("status")["workers"], selection)
        raise


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
        {"name": record.spec.name, "labels": dict(record.spec.labels), "project": record.spec.project}
        | (waits if record.intent is Intent.WANTED else {"state": record.intent.value, "reason": record.reason})
        for record in records
    ]
