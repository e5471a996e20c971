"""What a look at all panes costs: beside a process per pane, and beside tmux's own time (targets 1, 2, 4)."""

import contextlib
import json
import shlex
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from actors.ports import PaneSweep
from actors.servers import server_for, servers_for
from actors.values.spec import PaneSize
from benchmarks.clocks import cpu_of, own_cpu
from benchmarks.figures import Figure, NotDone, median
from supervisor.state.place import TMUX_SOCKET, tmux_socket
from supervisor.tmux.server import TmuxServers
from supervisor.tmux.sweep import PaneSweeper
from supervisor.tmux.words import MARK_OPTION

SCREEN = r"""for r in $(seq 50); do printf '\033[3%dm%s %0160d\033[0m\n' $((r % 7)) "$1 row $r, coloured" 0; done"""
LOOKS = 9
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of one look: ours with our clients, and tmux's; and its wall time."""

    ours: float
    tmux: float
    wall: float

    @property
    def cpu(self) -> float:
        return self.ours + self.tmux


def captures(n: int) -> Iterator[Figure]:
    """Yield the costs of an idle and of an all-changing sweep of n coloured screens."""
    forks = _with_panes(n, 1, lambda place, tmux: _forks(place, tmux, n))
    idle, changing = _with_panes(n, servers_for(n), lambda place, tmux: _sweeps(place, tmux, n))
    yield Figure(0, "a process per pane, one server, CPU", n, 1000 * forks.cpu, "ms")
    yield Figure(1, "capture beat, all idle, CPU", n, 1000 * idle.cpu, "ms")
    yield Figure(1, "capture beat, all idle, CPU", n, idle.cpu / forks.cpu, "×", 1 / 500, "a process per pane")
    yield Figure(2, "capture beat, all changing, CPU", n, 1000 * changing.cpu, "ms")
    yield Figure(2, "capture beat, all changing, CPU", n, changing.cpu / forks.cpu, "×", 1 / 20, "a process per pane")
    share = changing.ours / changing.tmux
    yield Figure(2, "capture beat, all changing, service's own CPU", n, share, "×", 0.3, "tmux's")


def growth(n: int) -> Iterator[Figure]:
    """Yield by how much a beat's CPU grows from a tenth of the workers to all."""
    few = _with_panes(n // 10, servers_for(n // 10), lambda place, tmux: _sweeps(place, tmux, n // 10))
    many = _with_panes(n, servers_for(n), lambda place, tmux: _sweeps(place, tmux, n))
    for name, small, large, target in (("idle", few[0], many[0], 11.0), ("changing", few[1], many[1], 13.0)):
        yield Figure(4, f"a beat's CPU, all {name}", n, large.cpu / small.cpu, "×", target, f"{n // 10} workers")


def _with_panes(n: int, servers: int, measure: Callable[[Path, list[int]], T]) -> T:
    """Measure in a directory whose tmux servers have n marked panes with coloured screens."""
    with tempfile.TemporaryDirectory(prefix="pvb-", dir="/tmp") as folder, contextlib.ExitStack() as ended:
        place = Path(folder)
        (place / "conf").write_text("set -s exit-empty off\nset -g remain-on-exit on\n")
        pids = [_server(place, n, number, servers, ended) for number in range(servers)]
        time.sleep(2 + n / 200)  # until all screens are drawn
        return measure(place, pids)


def _server(place: Path, n: int, number: int, servers: int, ended: contextlib.ExitStack) -> int:
    """Start the tmux server with this number, and in it the panes that the service would make there."""
    tmux = ["tmux", "-u", "-S", f"./{tmux_socket(number)}", "-f", "conf"]
    lines = [
        f"new-session -d -s w{i} -x 200 -y 50 -- /bin/sh -c {shlex.quote(SCREEN + '; exec sleep 86399')} sh w{i} ; "
        f"set-option -p -t =w{i}: {MARK_OPTION} {shlex.quote(json.dumps({'name': f'w{i}', 'life': '1-1'}))}\n"
        for i in range(n)
        if server_for(f"w{i}", servers) == number
    ]
    start = [*tmux, "start-server", ";", "source-file", "-"]
    done = subprocess.run(start, input="".join(lines), text=True, cwd=place, check=False)
    ended.callback(subprocess.run, [*tmux, "kill-server"], cwd=place, check=False)
    if done.returncode:
        raise NotDone("tmux has not made the panes")
    ask = [*tmux, "display-message", "-p", "#{pid}"]
    return int(subprocess.run(ask, cwd=place, capture_output=True, text=True, check=True).stdout)


def _forks(place: Path, tmux: list[int], n: int) -> Cost:
    def all_panes() -> None:
        for i in range(n):
            argv = ["tmux", "-u", "-S", f"./{TMUX_SOCKET}", "capture-pane", "-p", "-e", "-t", f"=w{i}:"]
            if len(subprocess.run(argv, cwd=place, capture_output=True, check=True).stdout) < 5000:
                raise NotDone("a screen was not read")

    return _cost(all_panes, tmux)


def _sweeps(place: Path, tmux: list[int], n: int) -> tuple[Cost, Cost]:
    sweeper = PaneSweeper(place, TmuxServers(place, PaneSize()), lambda error: None)
    try:
        everything = _sweep(sweeper)
        if len(everything.screens) != n:
            raise NotDone(f"{len(everything.screens)} of {n} panes were read")
        time.sleep(2)
        _sweep(sweeper)
        idle = [_cost(lambda: _sweep(sweeper, screens=0), tmux) for _ in range(LOOKS)]
        changing = []
        for _ in range(LOOKS):
            for each in sweeper._panes:
                each._captured.clear()
            changing.append(_cost(lambda: _sweep(sweeper, screens=n), tmux))
        return _median(idle), _median(changing)
    finally:
        sweeper.close()


def _sweep(sweeper: PaneSweeper, screens: int | None = None) -> PaneSweep:
    answered = threading.Event()
    answers: list[PaneSweep] = []

    def take(answer: object) -> None:
        if isinstance(answer, PaneSweep):
            answers.append(answer)
        answered.set()

    sweeper.sweep_panes(take)
    answered.wait()
    if not answers or (screens is not None and len(answers[0].screens) != screens):
        raise NotDone(f"a sweep read {len(answers[0].screens) if answers else 'nothing'}, not {screens} screens")
    return answers[0]


def _cost(act: Callable[[], object], tmux: list[int]) -> Cost:
    before = own_cpu(), sum(map(cpu_of, tmux)), time.perf_counter()
    act()
    return Cost(own_cpu() - before[0], sum(map(cpu_of, tmux)) - before[1], time.perf_counter() - before[2])


def _median(costs: list[Cost]) -> Cost:
    return Cost(median([c.ours for c in costs]), median([c.tmux for c in costs]), median([c.wall for c in costs]))
