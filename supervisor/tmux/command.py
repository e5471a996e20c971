"""One tmux command as a process of its own, bounded in time; a standing client (client.py) is cheaper for many.

    run(state_dir, "list-panes", …) ──▶ tmux -S ./tmux.sock -N …, in the state directory ──▶ Done(stdout, stderr, code)

`server` is the number of the one that is meant (actors/servers.py).
It never starts a server. The state directory is its cwd, so no path is too long for a socket.
"""

import os
import subprocess
from pathlib import Path

from actors.errors import TerminalError, TerminalUnreachable
from actors.events.words import exact
from actors.frozen import frozen
from supervisor.kernel.programs import NOT_INSTALLED
from supervisor.state.place import tmux_socket
from supervisor.tmux.environment import scrubbed

DEADLINE = 2.0  # seconds for a single command; a healthy server answers within 0.2 s even in a batch of starts


class NotInstalled(TerminalError):
    """There is no tmux program to run."""

    def __init__(self) -> None:
        super().__init__(NOT_INSTALLED)


class NoServer(TerminalUnreachable):
    """No tmux server listens on the socket of this state directory."""


@frozen
class Done:
    """A command that has ended; `code` is not 0 where tmux refused it, and `stderr` then says why."""

    stdout: bytes
    stderr: bytes
    code: int

    @property
    def said(self) -> str:
        return self.stderr.decode(errors="replace").strip()


def argv_of(*arguments: str, server: int = 0) -> list[str]:
    """Return a tmux command line for our socket, to be run with the state directory as cwd."""
    return ["tmux", "-u", "-S", f"./{tmux_socket(server)}", "-N", *arguments]


def run(state_dir: Path, *arguments: str, server: int = 0, given: bytes = b"", timeout: float = DEADLINE) -> Done:
    """Run one command, with `given` on its standard input.

    Raises NotInstalled, NoServer, and TerminalUnreachable when there is no answer within `timeout` seconds or no
    process can be started.
    """
    try:
        ended = subprocess.run(
            argv_of(*arguments, server=server),
            input=given,
            capture_output=True,
            cwd=state_dir,
            env=environment(),
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TerminalUnreachable(f"tmux has not answered within {exact(round(timeout, 1))}") from error
    except FileNotFoundError as error:
        raise (NotInstalled() if state_dir.is_dir() else NoServer(f"there is no directory {state_dir}")) from error
    except OSError as error:
        from supervisor.kernel.shortage import of_fork  # only now: a command that prints a screen needs none of it

        raise TerminalUnreachable(f"no tmux client can be started: {error}") from of_fork(error)
    done = Done(ended.stdout, ended.stderr, ended.returncode)
    if "no server running" in done.said or "error connecting" in done.said:
        raise NoServer(done.said)
    return done


def batch(state_dir: Path, commands: str, *, server: int = 0, timeout: float = DEADLINE) -> bytes:
    """Run commands, a line each, by one `source-file -`; return what they printed. Raises as `run` does.

    A line that fails does not stop the others.
    """
    return run(state_dir, "source-file", "-", server=server, given=commands.encode(), timeout=timeout).stdout


def environment() -> dict[str, str]:
    """Return the environment of a tmux client of ours: no outer tmux, and a UTF-8 locale."""
    return scrubbed(os.environ) | {"LC_ALL": "C.UTF-8"}
