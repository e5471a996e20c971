"""Which service a command means: the config file, its state directory and the socket in it.

A command finds a running service by the pointer that the service left, though the file be broken by now; a service
that begins goes by the file. Both read no more of the file than a key or two, so neither needs the heavy imports.
"""

import hashlib
import os
import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from actors.frozen import frozen
from supervisor.kernel.files import absolute, claim
from supervisor.kernel.unix_socket import listening_pid
from supervisor.state import paths

# the state directory: every name in it
LOCK = "lock"  # with the pid of the service
KEEPER = "keeper"  # with the pid of its keeper, which has locked it
NEXT_KEEPER = "keeper.next"  # the keeper of a service that is about to take over
OUTPUT = "serve.out"  # what a service in the background, and its keeper, print
SOCKET = "panevisor.sock"  # of the service
RECORDS = "records.jsonl"
DEATHS = "deaths.jsonl"
JUDGED = "judged.json"  # how far the logs are judged by rules
STATUS = "status.json"
WEB_TOKENS = "web-tokens.json"  # who may use the page and the HTTP API
NOTICES = "notices.json"  # which incidents were told to whom
SERVICE_LOG = "service.log"
LOGS = "logs"  # a directory: what workers printed
TMUX_SOCKET = "tmux.sock"  # of the first server; see `tmux_socket`
TMUX_CONF = "tmux.conf"
_SOCKET = re.compile(r"tmux-([1-9][0-9]{0,2})\.sock")


def tmux_socket(server: int) -> str:
    """Return the name of the socket of the tmux server with this number."""
    return f"tmux-{server}.sock" if server else TMUX_SOCKET


def tmux_servers(state_dir: Path) -> list[int]:
    """Return the numbers of the tmux servers whose sockets lie there, and 0; any of them may have ended."""
    names = (_SOCKET.fullmatch(path.name) for path in state_dir.glob("tmux-*.sock"))
    return [0, *sorted(int(name[1]) for name in names if name)]


def living_servers(state_dir: Path) -> dict[int, int]:
    """Return who listens on the sockets of the tmux servers, by the servers' numbers."""
    pids = {number: listening_pid(state_dir / tmux_socket(number)) for number in tmux_servers(state_dir)}
    return {number: pid for number, pid in pids.items() if pid is not None}


@frozen
class Place:
    """Where one service lives; all paths are absolute.

    `of_any_file`: nobody named a file, only a socket or a state directory, so whatever file its service runs is meant.
    """

    config: Path
    state_dir: Path
    socket: Path
    of_any_file: bool = False

    @property
    def logs(self) -> Path:
        return self.state_dir / LOGS

    @property
    def tmux_socket(self) -> Path:
        """That of the first server."""
        return self.state_dir / TMUX_SOCKET

    @property
    def marker(self) -> str:
        """The first part of the marks of its workers."""
        return hashlib.sha256(os.fsencode(self.state_dir)).hexdigest()[:8]

    def claim(self) -> None:
        """Make the directories that a service writes to, and see that they are ours alone; raises OSError."""
        claim(self.state_dir)
        claim(self.logs)


def locate(config_arg: str | None, socket_arg: str | None = None, state_dir_arg: str | None = None) -> Place:
    """Return where to look for the service: by the pointer, else by the file, else the default place.

    With a state directory, or a socket, and no config, the config is that of whichever service lives there.
    """
    if state_dir_arg is not None:
        state_dir = absolute(state_dir_arg)
        place = _place(state_dir / paths.FILE_NAME, state_dir, socket_arg)
        known = config_arg is not None
        return replace(place, config=paths.config_path(config_arg)) if known else replace(place, of_any_file=True)
    if socket_arg is not None and config_arg is None:
        socket = absolute(socket_arg)
        return Place(socket.parent / paths.FILE_NAME, socket.parent, socket, of_any_file=True)
    config = paths.config_path(config_arg)
    state_dir = paths.read_pointer(config) or state_dir_in(config) or paths.default_state_dir(config)
    return _place(config, state_dir, socket_arg)


def place_to_serve(config_arg: str | None, socket_arg: str | None = None, state_dir_arg: str | None = None) -> Place:
    """Return where a service of this file has to live: by the file; by the pointer where the file can't be read."""
    config = paths.config_path(config_arg)
    if state_dir_arg is not None:
        return _place(config, absolute(state_dir_arg), socket_arg)
    state_dir = state_dir_in(config) or paths.read_pointer(config) or paths.default_state_dir(config)
    return _place(config, state_dir, socket_arg)


def words_of(place: Place) -> list[str]:
    """Return the options before a verb that mean this place, also when the file's state_dir is changed."""
    words = ["-c", str(place.config), "--socket", str(place.socket)]
    named = place.state_dir != place_to_serve(str(place.config)).state_dir
    return [*words, "--state-dir", str(place.state_dir)] if named else words


def state_dir_in(config: Path) -> Path | None:
    """Return the state directory that the file asks for, its default included; None when it can't be read."""
    tables = _tables(config)
    if tables is None:
        return None
    supervisor = tables.get("supervisor", {})
    written = supervisor.get("state_dir") if isinstance(supervisor, dict) else None
    if not isinstance(written, str) or not written or "\0" in written:
        return paths.default_state_dir(config)
    return paths.below(config, written)


def is_family(place: Place, name: str) -> bool:
    """Whether the file has a table of this name with `replicas`, however many there are now."""
    tables = None if place.of_any_file else _tables(place.config)
    workers, defaults = ((tables or {}).get(key) for key in ("workers", "defaults"))
    own = workers.get(name) if isinstance(workers, dict) else None
    if not isinstance(own, dict):
        return False
    inherited = defaults.get("replicas", 1) if isinstance(defaults, dict) else 1
    return bool(own.get("replicas", inherited) != 1)


def names_one_of(workers: Iterable[str], config: Path) -> bool:
    """Whether the file has a table of one of these workers, or of its family; any file that can't be read might."""
    named = (_tables(config) or {}).get("workers")
    if not isinstance(named, dict):
        return True
    return any(name in named or name.rpartition("-")[0] in named for name in workers)


def _tables(config: Path) -> dict[str, Any] | None:
    try:
        return tomllib.loads(paths.regular_content(config, paths.MOST_BYTES).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None


def _place(config: Path, state_dir: Path, socket_arg: str | None) -> Place:
    socket = state_dir / SOCKET if socket_arg is None else absolute(socket_arg)
    return Place(config, state_dir, socket)
