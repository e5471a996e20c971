"""libtmux on our socket, by the bounded command runner: for structure and single operations, never in a tick.

libtmux alone waits forever on a tmux server that is stopped, and logs whole command lines. Its import costs 77 ms, so
its callers import this module where they need it.
"""

from pathlib import Path
from typing import Any

import libtmux
from libtmux.common import tmux_cmd

from supervisor.state.place import tmux_socket
from supervisor.tmux.command import DEADLINE, NoServer, argv_of, run
from supervisor.tmux.words import WHOSE_FORMAT, others_in


class BoundedCommand(tmux_cmd):
    """One tmux command that has ended: `stdout` and `stderr` as lines, `returncode`."""

    def __init__(self, state_dir: Path, *arguments: str, server: int, timeout: float) -> None:
        done = run(state_dir, *arguments, server=server, timeout=timeout)
        self.cmd, self.returncode = argv_of(*arguments, server=server), done.code
        self.stdout = done.stdout.decode(errors="backslashreplace").splitlines()
        self.stderr = done.stderr.decode(errors="backslashreplace").splitlines()


class BoundedServer(libtmux.Server):
    """A tmux server of a state directory. Raises `TerminalError` as `command.run` does; never starts a server."""

    def __init__(self, state_dir: Path, number: int = 0, *, timeout: float = DEADLINE) -> None:
        super().__init__(socket_path=str(state_dir / tmux_socket(number)))
        self._state_dir = state_dir
        self._number = number
        self._timeout = timeout

    def cmd(self, cmd: str, *args: Any, target: str | int | None = None) -> tmux_cmd:
        where = () if target is None else ("-t", str(target))
        return BoundedCommand(self._state_dir, cmd, *where, *map(str, args), server=self._number, timeout=self._timeout)

    def sessions_of_others(self) -> list[str]:
        """Return the sessions with living panes that are not ours: people's own windows."""
        try:
            return others_in(self.cmd("list-panes", "-a", "-F", WHOSE_FORMAT).stdout)
        except NoServer:
            return []
