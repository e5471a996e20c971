"""What N workers cost: `python -m benchmarks.idle [N]`. Prints plain figures, and the sweep beside a fork per pane."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.site import CHANGING, IDLE, Site, site
from supervisor.tmux.sweep import PaneSweeper

SECONDS = 20


def main(workers: int) -> None:
    for name, command in (("idle", IDLE), ("a line each 0.5 s", CHANGING)):
        with site(workers, command) as measured:
            time.sleep(3)
            figures(name, workers, measured)


def figures(name: str, workers: int, measured: Site) -> None:
    service, tmux = psutil.Process(measured.service_pid()), psutil.Process(measured.tmux_pid())
    ticks, before = [], (cpu(service), cpu(tmux))
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        ticks.append(measured.status()["supervisor"]["tick_ms"])
        time.sleep(1)
    used = [now - then for now, then in zip((cpu(service), cpu(tmux)), before, strict=True)]
    print(f"\n{workers} workers, {name} (capture 1 s, health 2 s), {SECONDS} s:")
    print(f"  tick                median {statistics.median(ticks):.1f} ms, longest {max(ticks):.1f} ms")
    print(f"  CPU                 service {used[0] / SECONDS:.1%}, tmux {used[1] / SECONDS:.1%} of one core")
    rss = [process.memory_info().rss / 1e6 for process in (service, tmux)]
    print(f"  RSS                 service {rss[0]:.0f} MB, tmux {rss[1]:.0f} MB")
    print(f"  status -o json      {timed(lambda: measured.run('status', '-o', 'json')) * 1000:.0f} ms (a new process)")
    compare(measured)


def cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def timed(act: Callable[[], object], times: int = 5) -> float:
    def once() -> float:
        began = time.perf_counter()
        act()
        return time.perf_counter() - began

    return statistics.median(once() for _ in range(times))


def compare(measured: Site) -> None:
    """Sweep all panes, every one captured, as the service does; then with a tmux process a pane, as its peers do."""
    sweeper = PaneSweeper(measured.state, print)
    names = [worker["pane"] for worker in measured.status()["workers"]]

    def sweep() -> None:
        sweeper._captured.clear()
        sweeper._sweep()

    sweep()
    batch = timed(sweep)

    def fork_each() -> None:
        for pane in names:
            fork(measured.state, pane)

    forks = timed(fork_each, 1)
    sweeper.close()
    ratio = forks / batch
    print(f"  all panes captured  one sweep {batch * 1000:.0f} ms; a process each {forks * 1000:.0f} ms, {ratio:.0f} ×")


def fork(state: Path, pane: str) -> None:
    argv = ["tmux", "-u", "-S", "./tmux.sock", "-N", "capture-pane", "-p", "-e", "-t", pane]
    subprocess.run(argv, cwd=state, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
