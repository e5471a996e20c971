"""Does anything grow? `python -m benchmarks.cycles [N]`: N ad-hoc workers started, crashed and removed in one service.

Prints threads, descriptors, memory, tmux sessions, files and table sizes before, on the way, and at the end.
"""

import os
import sys
import time
from pathlib import Path

import psutil

from benchmarks.site import IDLE, Site, site
from supervisor.wire.client import Client

AT_ONCE = 20
WARM_UP = 200  # cycles before the baseline: caches and free lists fill up


def main(cycles: int) -> None:
    with (
        site(3, IDLE, capture="1s", health="1s") as measured,
        Client.connect(measured.state / "panevisor.sock") as wire,
    ):
        began = time.monotonic()
        heads = ("cycles", "threads", "fds", "RSS MB", "tmux fds", "tmux MB", "sessions", "files", "workers", "records")
        print(" ".join(f"{head:>8}" for head in heads))
        run(wire, 0, WARM_UP)
        show(WARM_UP, measured, wire)
        for done in range(WARM_UP, WARM_UP + cycles, max(AT_ONCE, cycles // 5)):
            run(wire, done, min(cycles // 5, WARM_UP + cycles - done))
            show(min(done + cycles // 5, WARM_UP + cycles), measured, wire)
        time.sleep(12)
        show(WARM_UP + cycles, measured, wire)
        print(f"{cycles + WARM_UP} cycles in {time.monotonic() - began:.0f} s")


def run(wire: Client, first: int, count: int) -> None:
    """Start, crash (once, with a restart) and remove `count` workers, `AT_ONCE` at a time."""
    for begin in range(first, first + count, AT_ONCE):
        names = [f"job{number}" for number in range(begin, min(begin + AT_ONCE, first + count))]
        policy = {"max_restarts": 1, "backoff": {"initial": "1ms", "max": "1ms"}}
        for name in names:
            wire.call("run", name=name, command=["sh", "-c", "echo out; exit 3"], cwd="/", policy=policy)
        failed = False
        while not failed:
            states = {worker["name"]: worker["state"] for worker in wire.call("status")["workers"]}
            failed = all(states[name] == "failed" for name in names)
            time.sleep(0.02)
        wire.call("remove", names=names, wait=30.0)


def show(cycles: int, measured: Site, wire: Client) -> None:
    service, tmux = psutil.Process(measured.service_pid()), psutil.Process(measured.tmux_pid())
    rss, tmux_rss = (round(process.memory_info().rss / 1e6, 1) for process in (service, tmux))
    sessions = len(measured.tmux("list-sessions", "-F", "x").split())
    files = sum(1 for path in measured.state.rglob("*") if not path.is_dir())
    records = sum(1 for _ in (measured.state / "records.jsonl").open())
    workers = len(wire.call("status")["workers"])
    found = (cycles, service.num_threads(), service.num_fds(), rss, fds(tmux.pid), tmux_rss, sessions, files, workers)
    print(" ".join(f"{value:>8}" for value in (*found, records)), flush=True)


def fds(pid: int) -> int:
    return len(os.listdir(Path(f"/proc/{pid}/fd")))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
