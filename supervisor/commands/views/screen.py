"""`panevisor screen`: what panes show now. With several workers each screen stands below its name, as in `tail`."""

import sys

from supervisor.commands.workers.panes import Look, known_workers, pane_of, screen, state_of
from supervisor.state.place import Place
from supervisor.text.plain import visible
from supervisor.tmux.panes import marked_panes
from supervisor.wire.selection import Selection, select


def screens(place: Place, selection: Selection, look: Look) -> int:
    """Print them. Of several workers those without a pane are named on stderr, which is no failure."""
    selection.require()
    panes = marked_panes(place)
    if selection.one in panes:
        _write(screen(place, panes[selection.one], look))
        return 0
    workers = {worker["name"]: worker for worker in known_workers(place)}
    strangers = [{"name": name} for name in sorted(panes.keys() - workers.keys())]
    names = select([*workers.values(), *strangers], selection)
    if len(names) == 1:
        _write(screen(place, pane_of(place, names[0]), look))
        return 0
    for name in names:
        if name in panes:
            _write(f"==> {visible(name)} <==\n{screen(place, panes[name], look)}\n")
        else:
            print(f"{visible(name)} has no pane: it is {state_of(workers[name])}", file=sys.stderr)
    return 0


def _write(text: str) -> None:
    sys.stdout.buffer.write(text.encode())
