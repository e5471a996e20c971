"""Count the tmux processes that the service starts in ten capture beats: `python -m benchmarks.tmux_processes`.

Needs strace. At most 3 a beat are allowed, whatever the number of workers.
"""

import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.site import CHANGING, IDLE, site

BEATS = 10


def main() -> None:
    print(f"{'workers':>8} {'panes':>10} {'beats':>6} {'tmux processes':>15} {'a beat':>7}")
    for workers in (5, 200):
        for name, command in (("idle", IDLE), ("changing", CHANGING)):
            with site(workers, command) as measured:
                time.sleep(3)
                beats, processes = count(measured.service_pid(), lambda: measured.status()["supervisor"]["tick"])
            print(f"{workers:>8} {name:>10} {beats:>6} {processes:>15} {processes / beats:>7.2f}")


def count(pid: int, tick: Callable[[], int]) -> tuple[int, int]:
    with tempfile.NamedTemporaryFile(prefix="pvb-") as out:
        trace = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=execve", "-o", out.name, "-p", str(pid)])
        time.sleep(0.5)
        first = tick()
        time.sleep(BEATS)
        beats = tick() - first
        trace.terminate()
        trace.wait()
        lines = Path(out.name).read_text().splitlines()
    return beats, sum('"tmux"' in line and "= 0" in line for line in lines)


if __name__ == "__main__":
    main()
