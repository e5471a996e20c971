"""How the environment of workers differs from that of the shell in which a person orders them, in names alone.

A worker has the environment of the tmux server, thus of the `up` that began it, and what its own keys set. In another
shell, with a virtual environment or a token, a person takes it for the one that they see.
"""

import contextlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence

from actors.events.words import some_of
from supervisor.kernel.proc_table import environment_of
from supervisor.state.place import Place, living_servers, names_one_of
from supervisor.text.plain import visible
from supervisor.tmux.environment import scrubbed
from supervisor.wire.client import Client, ServiceError
from supervisor.wire.frames import MAX_ARRAY
from supervisor.wire.selection import Worker

_EVERYWHERE_ANOTHER = {"PWD", "TERM", "XDG_SESSION_ID"}  # in each shell, and nobody wonders
_NAMED = 5


def left_out(place: Place, given: Collection[str]) -> str | None:
    """Return which variables of this shell a worker has not, or has with another value; None where there are none."""
    there, here = _of_the_service(place), _here()
    ways = "-e NAME passes one on, -E all"
    if not there:
        return f"of this shell's environment it has PATH alone ({ways})"
    unset = sorted(here.keys() - there.keys() - set(given))
    others = sorted(key for key in here.keys() & there.keys() - set(given) if here[key] != there[key])
    parts = [f"without {_some(unset)}"] if unset else []
    parts += [f"with another {_some(others)}"] if others else []
    return f"of this shell's environment it has PATH alone: {', '.join(parts)} ({ways})" if parts else None


def not_as_here(client: Client, place: Place, names: Sequence[str]) -> Iterator[str]:
    """Yield a line for workers that go on with another value of a variable than this shell has."""
    there, here = _of_the_service(place), _here()
    alike: dict[tuple[bool, tuple[str, ...]], list[str]] = {}
    for worker in _rows(client, names):
        by_file = names_one_of([worker["name"]], place.config)
        old = environment_of(worker["pid"]) if worker["pid"] else {}
        differs = (key for key in sorted(here.keys() & old.keys()) if here[key] != old[key])
        if found := tuple(key for key in differs if not by_file or old[key] == there.get(key)):
            alike.setdefault((by_file, found), []).append(worker["name"])
    for (by_file, variables), workers in alike.items():
        old_ones = "is the old one" if len(variables) == 1 else "are the old ones"
        who, which = visible(some_of(workers, _NAMED)), f"{_some(variables)} {old_ones}, not this shell's"
        yield f"{who}: {which}: {_MEND[by_file]}"


def _rows(client: Client, names: Sequence[str]) -> list[Worker]:
    """Return the rows of these workers; none where one of them was removed meanwhile."""
    with contextlib.suppress(ServiceError):
        if len(names) > MAX_ARRAY:
            return [row for row in client.call("status")["workers"] if row["name"] in set(names)]
        return list(client.call("status", names=list(names))["workers"])
    return []


_MEND = {
    True: "set it by `env` in the file, or `panevisor down` and `up` from here",
    False: "`panevisor remove` it, and `run` it again from here",
}


def _some(variables: Sequence[str]) -> str:
    return visible(some_of(list(variables), _NAMED))


def _here() -> Mapping[str, str]:
    return {key: value for key, value in scrubbed(os.environ).items() if key not in _EVERYWHERE_ANOTHER}


def _of_the_service(place: Place) -> Mapping[str, str]:
    servers = living_servers(place.state_dir)  # all have the same environment
    return environment_of(next(iter(servers.values()))) if servers else {}
