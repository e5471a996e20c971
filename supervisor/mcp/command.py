"""`panevisor mcp`: finds the service that is meant, then becomes the small process that serves an agent on stdio.

-c, --socket, --state-dir ──▶ that service
none of them, within a worker ──▶ the worker's own, by its mark     else ──▶ as any command finds it
"""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from supervisor.mcp.calls import words_for
from supervisor.state.living_sites import own_site
from supervisor.state.place import Place, locate
from supervisor.wire.client import Client
from supervisor.wire.errors import CommandError

MARK, TMUX = b"PANEVISOR_WORKER", b"TMUX"
_MOST_ANCESTORS = 32


def become(place: Place | None, *, operate: bool, project: str | None, own_project: bool) -> NoReturn:
    """Serve on stdio; `place` None: nobody named a service. `own_project`: of the worker that this runs in.

    Agents start their servers with few variables, so the mark is also looked for in the processes above.
    """
    environment = {} if place is not None and not own_project else marked_environment()
    name = environment.get("PANEVISOR_WORKER", "//").split("/")[1]
    place = place or _own_place(environment) or locate(None)
    if own_project:
        project = _project_of(place, name)
    given = {
        "socket": str(place.socket),
        "words": words_for(place.state_dir, place.socket),
        "operate": operate,
        "project": project,
        "by": f"mcp:{name}" if name else "mcp",
        "version": version("panevisor"),
    }
    # a new program: what was imported to find the place takes 8 MB, and there is one server for each agent
    os.execv(sys.executable, [sys.executable, "-P", "-m", "supervisor.mcp.stdio", json.dumps(given)])


def marked_environment() -> dict[str, str]:
    """Return the variables of the worker that this runs in, from this process or one above; {} if it runs in none."""
    pid = os.getpid()
    for _ in range(_MOST_ANCESTORS):
        try:
            found = dict(entry.split(b"=", 1) for entry in _content(pid, "environ").split(b"\0") if b"=" in entry)
            if found.get(MARK, b"").count(b"/") == 2:
                return {os.fsdecode(key): os.fsdecode(found[key]) for key in (MARK, TMUX) if key in found}
            pid = int(_content(pid, "stat").rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
        if pid <= 1:
            break
    return {}


def _content(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()


def _own_place(environment: dict[str, str]) -> Place | None:
    if not environment:
        return None
    state_dir = own_site(environment["PANEVISOR_WORKER"], environment)
    if state_dir is None:
        raise CommandError("no-service", "the service of the worker that this runs in is not found")
    return locate(None, None, str(state_dir))


def _project_of(place: Place, name: str) -> str:
    if not name:
        raise CommandError("usage", "--own-project is for a server within a worker; elsewhere say --project NAME")
    with Client.connect(place.socket) as client:
        (worker,) = client.call("status", names=[name])["workers"]
    if not worker["project"]:
        raise CommandError("usage", f"--own-project: worker {name} has no project")
    return str(worker["project"])
