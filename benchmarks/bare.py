"""A tmux server without Panevisor, and one control client at it: the floor that others are measured against."""

import contextlib
import itertools
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import NotDone


class BareTmux:
    """A standing control client. `place`: the server's folder."""

    def __init__(self, place: Path, client: "subprocess.Popen[str]") -> None:
        self.place = place
        self._client = client
        self._tokens = (f"asked-{number}" for number in itertools.count())

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


@contextlib.contextmanager
def bare_tmux(n: int, program: str) -> Iterator[BareTmux]:
    """Yield a tmux server with n panes, w0 to w(n-1); each runs the shell's program with its name as $1.

    `{place}` in the program is the server's folder.
    """
    with tempfile.TemporaryDirectory(prefix="pvb-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        (place / "worker.sh").write_text(program.replace("{place}", folder))
        (place / "conf").write_text("set -s exit-empty off\nset -g remain-on-exit on\n")
        tmux = ["tmux", "-u", "-S", f"{place}/s", "-f", f"{place}/conf"]
        script = shlex.quote(f"{place}/worker.sh")
        lines = [f"new-session -d -s w{i} -x 200 -y 50 -- /bin/sh {script} w{i}\n" for i in range(n)]
        subprocess.run([*tmux, "start-server", ";", "source-file", "-"], input="".join(lines), text=True, check=True)
        client = subprocess.Popen(
            [*tmux, "-C", "attach", "-t", "=w0", "-f", "no-output,ignore-size"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        try:
            yield BareTmux(place, client)
        finally:
            subprocess.run([*tmux, "kill-server"], check=False)
            client.kill()
            client.wait()
