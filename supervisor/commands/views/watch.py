"""`panevisor status --watch`: the picture at each change; on a terminal one frame that fits, those in need first."""

import os
import shutil
import signal
import sys
from typing import Any

from supervisor.commands.views.status import lines_of, part_of, show
from supervisor.explain.need import trouble
from supervisor.state.place import Place
from supervisor.text.colours import has_colour
from supervisor.wire.lasting import publications
from supervisor.wire.selection import Selection, select

Picture = dict[str, Any]
_BEGIN, _END = "\x1b[H\x1b[J\x1b[?7l", "\x1b[?7h"  # a line that is too long is cut by the terminal, not wrapped


def watch(place: Place, selection: Selection, *, as_json: bool) -> int:
    """Print until Ctrl-C. A service that ends is waited for; a worker that goes disappears."""
    draws = sys.stdout.isatty() and not as_json
    latest: list[Picture] = []
    if draws:
        signal.signal(signal.SIGWINCH, lambda *_: _draw(latest[0]) if latest else None)
    for number, message in enumerate(publications(place.socket, "changes")):
        picture = message["data"]
        latest[:] = [part_of(picture, set(select(picture["workers"], selection, strict=number == 0)))]
        if draws:
            _draw(latest[0])
            continue
        if number and not as_json:
            print()
        show(latest[0], as_json=as_json)
    return 0


def _draw(picture: Picture) -> None:
    columns, rows = shutil.get_terminal_size()
    lines = frame(picture, columns=columns, rows=rows, colour=has_colour(sys.stdout))
    left = memoryview("".join((_BEGIN, "\r\n".join(lines), _END)).encode(sys.stdout.encoding, "replace"))
    while left:  # not by sys.stdout: a change of the size may come in the middle of a print
        left = left[os.write(sys.stdout.fileno(), left) :]


def frame(picture: Picture, *, columns: int, rows: int, colour: bool) -> list[str]:
    """Return the lines of a picture, at most `rows`; where it is too high, the workers in need come first."""
    lines = _split(lines_of(picture, colour=colour, width=columns))
    workers = picture["workers"]
    below = len(lines) - len(workers)  # the head, the empty line, the summary
    if len(lines) <= rows or not workers:
        return lines[:rows]
    room = max(0, rows - below - 1)
    shown = sorted(workers, key=trouble)[:room]
    fitting = _split(lines_of({**picture, "workers": shown}, colour=colour, width=columns)) if shown else []
    table, rest = fitting[: len(shown) + 1], lines[len(workers) + 1 :]
    return [*table, f"… and {len(workers) - len(shown)} more", *rest][:rows]


def _split(lines: list[str]) -> list[str]:
    return [part for line in lines for part in line.split("\n")]
