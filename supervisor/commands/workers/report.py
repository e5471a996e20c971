"""`panevisor report`: a worker says what it is at, from a hook that runs within it."""

import os
from collections.abc import Callable
from typing import Any

from supervisor.state.living_sites import own_site
from supervisor.state.place import Place, locate
from supervisor.wire.client import Client
from supervisor.wire.errors import CommandError


def report(
    word: str | None, text: str, name: str | None, *, place_of: Callable[[], Place], meant: bool, **numbers: Any
) -> int:
    """Tell the service of the worker that this process runs in; that at `place_of()` if that one is `meant`."""
    mark = os.environ.get("PANEVISOR_WORKER", "")
    told = {"word": word, **numbers}
    if mark.count("/") == 2 and not meant:
        place, (_, own, life) = _own_place(mark), mark.split("/")
        told |= {"name": name or own, "life": life if name in (None, own) else None}
    elif name is None:
        raise CommandError("usage", "report runs within a worker, by its hook; from outside say --name NAME")
    else:
        place, told = place_of(), told | {"name": name}
    with Client.connect(place.socket) as client:
        client.call("report", text=text, **{key: value for key, value in told.items() if value is not None})
    return 0


def _own_place(mark: str) -> Place:
    state_dir = own_site(mark, os.environ)
    if state_dir is None:
        raise CommandError("no-service", "the service of the worker that this runs in is not found")
    return locate(None, None, str(state_dir))
