"""`panevisor why NAME`: the account of a worker, as lines or as JSON.

data of the service ──explain──▶ lines        the same data, with `next` and `can` ──▶ -o json
"""

import json

from supervisor.commands.workers.panes import call_for_one
from supervisor.state.place import Place
from supervisor.text.tables import timestamp
from supervisor.wire.client import Client


def why(place: Place, name: str, *, as_json: bool, command: str) -> int:
    """Print it. `command` is how the next command line begins: panevisor, and what tells it which service."""
    with Client.connect(place.socket) as client:
        data = call_for_one(client, "why", name)
    from actors.values.snapshot import iso  # only now: the lifecycle, which they judge with, takes 0.1 s
    from supervisor.explain.account import explain
    from supervisor.explain.outlook import next_of, remedies

    if as_json:
        coming = next_of(data)
        can = [f"{command} {remedy.command}" for remedy in remedies(data)]
        print(json.dumps({**data, "next": {"what": coming.what, "at": iso(coming.at)}, "can": can}))
    else:
        print("\n".join(explain(data, timestamp(data["now"]), command)))
    return 0
