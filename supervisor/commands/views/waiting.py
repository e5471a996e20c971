"""`panevisor status --waiting`: who waits for a person, oldest first, each with the last rows of its screen."""

import json
import time
from typing import Any

from supervisor.commands.views.status import chosen
from supervisor.explain.need import waiting
from supervisor.state.place import Place
from supervisor.text.plain import visible
from supervisor.text.tables import attention
from supervisor.wire.client import Client
from supervisor.wire.selection import Selection

_ROWS = 3  # of each screen


def who_waits(place: Place, selection: Selection, *, as_json: bool) -> int:
    """Print them; JSON has their rows of the picture, each with `last_rows`."""
    with Client.connect(place.socket) as client:
        picture = chosen(client, selection)
        workers = waiting(picture["workers"])
        screens = _screens(client) if workers else {}
    shown = [{**worker, "last_rows": _last_rows(screens.get(worker["name"], ""))} for worker in workers]
    if as_json:
        print(json.dumps(shown))
    elif not shown:
        print("no worker waits for a person, as far as is known")
    else:
        now = time.time()
        print("\n\n".join("\n".join(_lines(worker, now)) for worker in shown))
    return 0


def _screens(client: Client) -> dict[str, str]:
    """Return the last rows of all screens."""
    for message in client.subscribe("screens"):
        return dict(message["data"])
    return {}


def _last_rows(screen: str) -> list[str]:
    return [row.rstrip() for row in screen.split("\n") if row.strip()][-_ROWS:]


def _lines(worker: dict[str, Any], now: float) -> list[str]:
    attached = "; a person is attached" if worker["hands_on"] else ""
    head = f"{worker['name']}  {attention(worker, now)}{attached}"
    return [visible(head), *(f"  | {visible(row)}" for row in worker["last_rows"])]
