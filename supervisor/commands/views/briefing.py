"""`panevisor briefing`: what an operator or an agent should know now."""

import json
import sys
import time

from supervisor.explain.briefing import brief
from supervisor.state.place import Place
from supervisor.text.cells import wrapped
from supervisor.text.colours import cells_of, counts, has_colour
from supervisor.wire.client import Client


def briefing(place: Place, since: float, project: str | None, *, as_json: bool) -> int:
    """Print it, with the changes since a Unix time."""
    with Client.connect(place.socket) as client:
        picture, entries = client.call("status"), client.call("events")
    found = brief(picture, entries, now=time.time(), since=since, project=project)
    if as_json:
        print(json.dumps(found.to_dict()))
        return 0
    colour, cells = has_colour(sys.stdout), cells_of(sys.stdout)
    for line in found.lines():
        print("\n".join(wrapped(counts(line) if colour else line, cells, 2)))
    return 0
