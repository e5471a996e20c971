"""`panevisor attach`: become a tmux client on the session of one worker.

NAME or --next ──▶ its pane ──▶ what the caller's terminal can do ──exec──▶ tmux
"""

import os
import sys
import time

from supervisor.commands.workers import outer
from supervisor.commands.workers.panes import known_workers, state_of
from supervisor.explain.need import needs_person
from supervisor.kernel.programs import NOT_INSTALLED
from supervisor.state.place import Place
from supervisor.text.plain import visible
from supervisor.text.tables import attention
from supervisor.tmux.command import argv_of
from supervisor.tmux.panes import WorkerPane, marked_panes
from supervisor.wire.errors import CommandError
from supervisor.wire.selection import Worker

_LEFT_BY_TMUX = 1  # rows: its status line
_TO_BE_READ = 0.1  # s: tmux throws away what its terminal has not read yet when it begins to draw


def next_pane(place: Place) -> WorkerPane:
    """Return the pane of the worker in need of a person that was attached to the longest time ago; raises not-met.

    One that somebody is attached to is theirs.
    """
    panes = marked_panes(place)
    in_need = {worker["name"]: worker for worker in known_workers(place) if needs_person(worker)}
    free = [panes[name] for name in in_need if name in panes and not panes[name].attached]
    if not in_need:
        raise CommandError(
            "not-met", "no worker needs a person: none waits, has failed, is stalled, unready or quarantined"
        )
    if not free:
        names = visible(", ".join(in_need))
        raise CommandError("not-met", f"somebody is attached to each worker in need that has a pane (in need: {names})")
    found = min(free, key=lambda pane: pane.last_attached)
    worker = in_need[found.name]
    _say(f"{found.name}: {_need_of(worker)}")
    return found


def _need_of(worker: Worker) -> str:
    if worker.get("attention") == "waiting" and worker["health"] == "ok":
        return visible(attention(worker, time.time()))
    health = f"{worker['health']}: " if worker.get("health") else ""
    return f"{health}{state_of(worker)}"


def attach(place: Place, pane: WorkerPane, *, read_only: bool, fit: bool) -> None:
    """Become a tmux client on the worker's session; does not return. Leaving it never ends the worker.

    The pane keeps its size, whatever the size of the terminal. With `fit` it takes the terminal's size until the last
    person has left.
    """
    if not sys.stdin.isatty():
        raise CommandError("usage", "attach needs a terminal; `panevisor screen NAME` prints what the pane shows")
    if os.environ.get("PANEVISOR_WORKER", "").startswith(f"{place.marker}/{pane.name}/"):
        raise CommandError("usage", f"this is the terminal of {pane.name} itself")
    if fit and pane.attached:
        raise CommandError("conflict", f"somebody is attached to {pane.name}: --fit would resize their view")
    keys = outer.through(pane.prefix, os.environ)
    if pane.dead:
        _say(f"{pane.name} has ended; this is its last screen ({keys or pane.prefix} d leaves it)")
    _become(place, pane.server, [*_size(pane, fit=fit), *_hint(pane, keys), *_client(pane, read_only=read_only)])


def _size(pane: WorkerPane, *, fit: bool) -> list[str]:
    """Return the command that keeps the pane's size; it can be no default, with which tmux 3.3a crashes."""
    if not fit:
        return ["set-option", "-w", "-t", f"={pane.session}:", "window-size", "manual", ";"]
    columns, rows = os.get_terminal_size(0)
    return [
        *("resize-window", "-t", f"={pane.session}:", "-x", str(columns)),
        *("-y", str(max(1, rows - _LEFT_BY_TMUX)), ";"),
    ]


def _hint(pane: WorkerPane, keys: str) -> list[str]:
    """Return the commands by which the status line tells this client which keys come before `d`; see `tmux.conf`."""
    if not keys:
        return []
    session = ["-t", f"={pane.session}:"]
    others = ["-a"] if pane.attached else []
    nested = ["set-option", *session, *others, "@nested", f":{os.getpid()}:", ";"]
    return ["set-option", *session, "@through", keys, ";", *nested]


def _client(pane: WorkerPane, *, read_only: bool) -> list[str]:
    return ["attach-session", *(("-r",) if read_only else ()), "-t", f"={pane.session}"]


def _become(place: Place, server: int, commands: list[str]) -> None:
    term = os.environ.get("TERM", "")
    argv = argv_of(*commands, server=server)
    if outer.has_true_colour(os.environ):
        argv[1:1] = ["-T", "RGB"]
    if not outer.usable(term):
        _say(f'tmux can\'t draw on TERM="{term}" here: it is taken for {outer.FALLBACK}')
        term = outer.FALLBACK
    environment = {key: value for key, value in os.environ.items() if key not in ("TMUX", "TMUX_PANE")}
    os.chdir(place.state_dir)
    try:
        os.execvpe(argv[0], argv, environment | {"TERM": term})
    except FileNotFoundError:
        raise CommandError("failed", NOT_INSTALLED) from None


def _say(text: str) -> None:
    print(f"panevisor: {visible(text)}", file=sys.stderr, flush=True)
    time.sleep(_TO_BE_READ)
