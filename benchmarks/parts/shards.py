"""What several tmux servers would cost and save: the same workers on one server, or up to 128, 64, 32 on each.

Bare tmux, with the options, log pipes and log readers of the service: what a shard changes happens in tmux.
"""

import contextlib
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.bare import log_pipe
from benchmarks.figures import Figure, NotDone, median
from benchmarks.keepers import SLEEP
from benchmarks.parts.output import CHATTY
from supervisor.tmux.words import PANE_FORMAT

SECONDS = 30
SIZES = (0, 128, 64, 32)  # workers a server; 0: all on one


class Server:
    """One tmux server with its workers."""

    def __init__(self, place: Path, number: int) -> None:
        self.place = place / str(number)
        (self.place / "logs").mkdir(parents=True)
        (self.place / "conf").write_text("set -s exit-empty off\nset -g remain-on-exit on\nset -g history-limit 2000\n")
        self._argv = ["tmux", "-u", "-S", "./s", "-f", "conf"]

    def tmux(self, *arguments: str, given: str = "") -> str:
        argv = [*self._argv, *arguments]
        done = subprocess.run(argv, input=given, cwd=self.place, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotDone(f"tmux: {done.stderr[-500:]}")
        return done.stdout

    def start(self, names: list[str], program: str) -> None:
        lines = []
        for name in names:
            start = f"new-session -d -s {name} -x 200 -y 50 -- /bin/sh -c {shlex.quote(program)} sh {name}"
            lines.append(f"{start} ; {log_pipe(name)}\n")
        self.tmux("start-server", ";", "source-file", "-", given="".join(lines))
        self.pid = int(self.tmux("display-message", "-p", "#{pid}"))

    def listed(self) -> int:
        return len(self.tmux("list-panes", "-a", "-F", PANE_FORMAT).splitlines())

    def cpu(self) -> float:
        """Return the CPU seconds of the server and of its log readers; the workers do not count."""
        server = psutil.Process(self.pid)
        seconds = 0.0
        for process in (server, *server.children()):
            with contextlib.suppress(psutil.NoSuchProcess):
                if process == server or process.name() == "split":
                    times = process.cpu_times()
                    seconds += times.user + times.system
        return seconds


def shards(n: int) -> Iterator[Figure]:
    """Yield, for each size of a shard, the cost of n chatty and of n idle workers, and of a look at all panes."""
    for size in SIZES:
        for name, program in (("a line a second each", CHATTY), ("idle", SLEEP)):
            with _servers(n, size or n, program) as servers:
                time.sleep(5)
                before = sum(server.cpu() for server in servers)
                looks = []
                for _ in range(SECONDS // 5):
                    time.sleep(5)
                    began = time.perf_counter()
                    if sum(server.listed() for server in servers) != n:
                        raise NotDone("a pane is missing")
                    looks.append(time.perf_counter() - began)
                used = sum(server.cpu() for server in servers) - before
                each = f"{size} a server" if size else "one server"
                yield Figure(0, f"{each}, {name}: tmux and log readers, {SECONDS} s", n, used, "s CPU")
                yield Figure(0, f"{each}, {name}: a list of all panes", n, 1000 * median(looks), "ms")


@contextlib.contextmanager
def _servers(n: int, size: int, program: str) -> Iterator[list[Server]]:
    servers: list[Server] = []
    with tempfile.TemporaryDirectory(prefix="pvb-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        try:
            for number, first in enumerate(range(0, n, size)):
                server = Server(Path(folder), number)
                servers.append(server)
                server.start([f"w{i}" for i in range(first, min(first + size, n))], program)
            yield servers
        finally:
            for server in servers:
                with contextlib.suppress(NotDone):
                    server.tmux("kill-server")
