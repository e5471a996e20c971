"""libtmux on our socket, with every command bounded in time: for structure and single operations, never in a tick.

libtmux waits for ever on a tmux server that is stopped, and logs whole command lines; here a command ends after
`DEADLINE`, and nothing of it is logged. Its import costs 77 ms, so whoever needs it imports this module when needed.
"""

import subprocess
from pathlib import Path
from typing import Any

import libtmux
from libtmux.common import tmux_cmd

from actors.ports import TerminalUnreachable
from supervisor.tmux.client import DEADLINE, client_environment, tmux_argv
from supervisor.tmux.words import WHOSE_FORMAT, others_in


class BoundedCommand(tmux_cmd):
    """One tmux command that has ended: `stdout` and `stderr` as lines, `returncode`."""

    def __init__(self, state_dir: Path, *arguments: str, timeout: float) -> None:
        self.cmd = tmux_argv(*arguments)
        try:
            done = subprocess.run(
                self.cmd,
                cwd=state_dir,
                env=client_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="backslashreplace",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise TerminalUnreachable(f"tmux has not answered within {timeout:g} s") from error
        self.returncode = done.returncode
        self.stdout = done.stdout.splitlines()
        self.stderr = done.stderr.splitlines()


class BoundedServer(libtmux.Server):
    """The tmux server of a state directory. Raises `TerminalUnreachable` past the deadline; never starts a server."""

    def __init__(self, state_dir: Path, *, timeout: float = DEADLINE) -> None:
        super().__init__(socket_path=str(state_dir / "tmux.sock"))
        self._state_dir = state_dir
        self._timeout = timeout

    def cmd(self, cmd: str, *args: Any, target: str | int | None = None) -> tmux_cmd:
        where = () if target is None else ("-t", str(target))
        return BoundedCommand(self._state_dir, cmd, *where, *map(str, args), timeout=self._timeout)

    def sessions_of_others(self) -> list[str]:
        """Return the sessions with living panes that are not ours: people's own windows."""
        return others_in(self.cmd("list-panes", "-a", "-F", WHOSE_FORMAT).stdout)
