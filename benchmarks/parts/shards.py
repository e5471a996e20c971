"""What several tmux servers would cost and save: the same workers on one server, or up to 128, 64, 32 on each.

Bare tmux, with the log pipes and log readers of the service: what a shard changes happens in tmux.
"""

import contextlib
import subprocess
import time
from collections.abc import Iterator, Sequence

import psutil

from benchmarks.bare import BareTmux, bare_tmux
from benchmarks.figures import Figure, NotDone, median
from benchmarks.parts.lifecycle import BORN, KILLS, killed_in
from benchmarks.parts.output import CHATTY
from supervisor.tmux.words import PANE_FORMAT

SECONDS = 30
SIZES = (0, 128, 64, 32)  # workers a server; 0: all on one


def shards(n: int) -> Iterator[Figure]:
    """Yield, for each size of a shard, what n chatty and n idle workers cost, and kills, and looks at all panes."""
    for size in SIZES:
        each = f"{size} a server" if size else "one server"
        with _servers(n, size or n, CHATTY) as servers:
            yield Figure(0, f"{each}, a line a second each: tmux, log readers, {SECONDS} s", n, _used(servers), "s CPU")
        with _servers(n, size or n, BORN) as servers:
            yield Figure(0, f"{each}, idle: tmux, log readers, {SECONDS} s", n, _used(servers), "s CPU")
            listed = [_listed(n, servers) for _ in range(9)]
            yield Figure(0, f"{each}, idle: a list of all panes", n, 1000 * median(listed), "ms")
            adopted = [_adopted(n, servers) for _ in range(9)]
            yield Figure(0, f"{each}, idle: the same by new clients, as for adoption", n, 1000 * median(adopted), "ms")
            kills = [killed_in(servers[0], f"w{i % ((size or n) - 1) + 1}") for i in range(KILLS)]
            yield Figure(0, f"{each}, idle: kill -9 → next life, median", n, 1000 * median(kills), "ms")


@contextlib.contextmanager
def _servers(n: int, size: int, program: str) -> Iterator[list[BareTmux]]:
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(bare_tmux(min(size, n - first), program, logs=True)) for first in range(0, n, size)
        ]
        time.sleep(5)
        yield servers


def _used(servers: Sequence[BareTmux]) -> float:
    """Return the CPU seconds of `SECONDS` seconds."""
    before = sum(_cpu(server.pid) for server in servers)
    time.sleep(SECONDS)
    return sum(_cpu(server.pid) for server in servers) - before


def _cpu(server: int) -> float:
    """Return the CPU seconds of the server and of its log readers; the workers do not count."""
    parent = psutil.Process(server)
    seconds = 0.0
    for process in (parent, *parent.children()):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process == parent or process.name() == "split":
                times = process.cpu_times()
                seconds += times.user + times.system
    return seconds


def _listed(n: int, servers: Sequence[BareTmux]) -> float:
    began = time.perf_counter()
    answers = [server.ask(f"list-panes -a -F '{PANE_FORMAT}'") for server in servers]
    return _took(began, sum(line[1:2].isdigit() for answer in answers for line in answer.splitlines()) - n)


def _adopted(n: int, servers: Sequence[BareTmux]) -> float:
    began = time.perf_counter()
    argv = [["tmux", "-S", f"{server.place}/s", "list-panes", "-a", "-F", PANE_FORMAT] for server in servers]
    clients = [subprocess.Popen(one, stdout=subprocess.PIPE, text=True) for one in argv]
    return _took(began, sum(len(client.communicate()[0].splitlines()) for client in clients) - n)


def _took(began: float, beyond: int) -> float:
    if beyond:
        raise NotDone("a pane is missing")
    return time.perf_counter() - began
