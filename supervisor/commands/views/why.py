"""`panevisor why NAME`: the account of a worker, as lines or as JSON; of several one after the other, or a list.

data of the service ──explain──▶ lines        the same data, with `next` and `can` ──▶ -o json
"""

import json
import sys
from typing import Any

from actors.events.words import iso
from supervisor.state.place import Place
from supervisor.text.colours import cells_of, has_colour
from supervisor.text.tables import timestamp
from supervisor.wire.client import Client
from supervisor.wire.selection import Selection, select


def why(place: Place, selection: Selection, *, as_json: bool, command: str) -> int:
    """Print it. `command` is how the next command line begins: panevisor, and what tells it which service."""
    selection.require()
    with Client.connect(place.socket) as client:
        names = select(client.call("status")["workers"], selection)
        found = [client.call("why", name=name) for name in names]
    from supervisor.explain.account import explain  # only now: the lifecycle, which it judges with, takes 0.1 s
    from supervisor.explain.outlook import next_of, remedies

    def with_next(data: dict[str, Any]) -> dict[str, Any]:
        coming = next_of(data)
        can = [f"{command} {remedy.command}" for remedy in remedies(data)]
        return {**data, "next": {"what": coming.what, "at": iso(coming.at)}, "can": can}

    if as_json:
        told = [with_next(data) for data in found]
        print(json.dumps(told[0] if names == [selection.one] else told))
    else:
        colour, cells = has_colour(sys.stdout), cells_of(sys.stdout)
        accounts = (explain(data, timestamp(data["now"]), command, colour=colour, cells=cells) for data in found)
        print("\n\n\n".join(map("\n".join, accounts)))
    return 0
