"""A tmux server without Panevisor, and one control client at it: the floor that others are measured against."""

import contextlib
import itertools
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import NotDone
from supervisor.logs.names import pipe_command

_SIZE = 10_000_000  # of a segment; none is filled


class BareTmux:
    """A standing control client. `place`: the server's folder; `pid`: the server's."""

    def __init__(self, place: Path, pid: int, client: "subprocess.Popen[str]") -> None:
        self.place = place
        self.pid = pid
        self._client = client
        self._tokens = (f"asked-{number}" for number in itertools.count())

    def look_for_the_dead(self) -> None:
        """Have tmux reap what has ended: Debian's misses some of it."""
        os.kill(self.pid, signal.SIGCHLD)

    def ask(self, line: str) -> str:
        """Return what tmux prints for the line. Raises `NotDone` when the server has ended."""
        token = next(self._tokens)
        assert self._client.stdin
        assert self._client.stdout
        self._client.stdin.write(f"{line}\ndisplay-message -p {token}\n")
        text = ""
        while (read := self._client.stdout.readline()).strip() != token:
            if not read:
                raise NotDone("the control client has ended")
            text += read
        return text


def log_pipe(name: str, life: int = 1) -> str:
    """Return the tmux command that writes what a worker prints to the log of this life, as the service's does."""
    command = pipe_command("logs", name, f"{life}-1", 0, _SIZE, number=0).replace("#", "##").replace("%", "%%")
    return f"pipe-pane -t ={name}: {shlex.quote(command)}"


@contextlib.contextmanager
def bare_tmux(n: int, program: str, *, logs: bool = False) -> Iterator[BareTmux]:
    """Yield a tmux server with n panes, w0 to w(n-1); each runs the shell's program with its name as $1.

    `{place}` in the program is the server's folder. With `logs`, each pane has a log pipe.
    """
    with tempfile.TemporaryDirectory(prefix="pvb-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        (place / "logs").mkdir()
        (place / "worker.sh").write_text(program.replace("{place}", folder))
        (place / "conf").write_text("set -s exit-empty off\nset -g remain-on-exit on\n")
        tmux = ["tmux", "-u", "-S", f"{place}/s", "-f", f"{place}/conf"]
        script = shlex.quote(f"{place}/worker.sh")
        lines = [
            f"new-session -d -s w{i} -x 200 -y 50 -- /bin/sh {script} w{i}" + logs * f" ; {log_pipe(f'w{i}')}" + "\n"
            for i in range(n)
        ]
        start = [*tmux, "start-server", ";", "source-file", "-"]
        subprocess.run(start, input="".join(lines), text=True, check=True, cwd=place)
        ask = [*tmux, "display-message", "-p", "#{pid}"]
        pid = int(subprocess.run(ask, capture_output=True, text=True, check=True).stdout)
        client = subprocess.Popen(
            [*tmux, "-C", "attach", "-t", "=w0", "-f", "no-output,ignore-size"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        try:
            yield BareTmux(place, pid, client)
        finally:
            subprocess.run([*tmux, "kill-server"], check=False)
            client.kill()
            client.wait()
