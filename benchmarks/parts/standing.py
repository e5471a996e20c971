"""What N workers cost a service that has nothing to do: CPU, memory, threads, context switches (targets 5, 12).

Beside it, in the same time: a bare Python that wakes as often and reads objects of as many pages. That is what sleeping
costs on this machine, where others use its caches and take its memory meanwhile.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from benchmarks.clocks import cpu_of, cpu_of_all, switches_of, touched_pages
from benchmarks.figures import Figure
from benchmarks.keepers import Keeper, Panevisor, kept, started

SECONDS = 60
CAPTURE, HEALTH = 5.0, 10.0  # seconds between two beats, by default
OFTEN = 50  # times as often, for beats between which nothing gets cold
CPU_TARGETS = {10: 0.2, 500: 2.0, 1000: 4.0}  # % of a core
RSS_TARGETS = {10: 42.0, 500: 55.0, 1000: 70.0}  # MB
READER = """
import sys, time
pages, pause = int(sys.argv[1]), float(sys.argv[2])
objects = [{"read": number} for number in range(pages * 4096 // sys.getsizeof({"read": 0}))]
while True:
    time.sleep(pause)
    for one in objects:
        one["read"]
"""


def idle(kinds: Sequence[type[Keeper]], n: int) -> Iterator[Figure]:
    """Yield the cost of standing still, with the default beats, for each keeper in turn."""
    for kind in kinds:
        with kept(kind, n) as keeper:
            started(keeper)
            time.sleep(15)
            if kind is Panevisor:
                yield from _idle_service(keeper)
                continue
            yield Figure(5, f"idle, CPU of all: {kind.name}", n, _share_of_all(keeper, SECONDS), "% of 1")
            yield Figure(12, f"RSS of the service: {kind.name}", n, keeper.processes()[0].memory_info().rss / 1e6, "MB")
    if n == min(CPU_TARGETS):
        yield _without_pauses(n)


def _idle_service(keeper: Keeper) -> Iterator[Figure]:
    n, service = len(keeper.names), keeper.processes()[0]
    pages = touched_pages(service.pid, HEALTH)
    with _reader(pages // 2, CAPTURE) as reader:
        before, switches, read = cpu_of_all([service]), switches_of(service), cpu_of(reader)
        share = _share_of_all(keeper, SECONDS)
        used, read = cpu_of_all([service]) - before, cpu_of(reader) - read
        rate = (switches_of(service) - switches) / SECONDS
    yield Figure(5, "idle, CPU of all: panevisor", n, share, "% of 1", CPU_TARGETS.get(n))
    yield Figure(5, "of it the service", n, 100 * used / SECONDS, "% of 1")
    yield Figure(0, "pages that the service touches in 10 s", n, pages, "")
    yield Figure(5, "a bare Python that reads half as many each 5 s", n, 100 * read / SECONDS, "% of 1")
    yield Figure(0, "threads of the service", n, service.num_threads(), "")
    yield Figure(0, "context switches of the service", n, rate, "/s")
    yield Figure(12, "RSS of the service: panevisor", n, service.memory_info().rss / 1e6, "MB", RSS_TARGETS.get(n))


def _without_pauses(n: int) -> Figure:
    """Return what the default beats would cost if nothing got cold between them."""
    often = f'capture_interval = "{CAPTURE / OFTEN}s"\nhealth_interval = "{HEALTH / OFTEN}s"\n'
    with kept(Panevisor, n, settings=often) as keeper:
        started(keeper)
        time.sleep(5)
        share = _share_of_all(keeper, SECONDS / 3) / OFTEN
        return Figure(5, f"the same beats {OFTEN} times as often, CPU of as many", n, share, "% of 1")


def _share_of_all(keeper: Keeper, seconds: float) -> float:
    """Return the CPU that the supervision takes in this time, in % of one core."""
    processes = keeper.processes()
    before = cpu_of_all(processes)
    time.sleep(seconds)
    return 100 * (cpu_of_all(processes) - before) / seconds


@contextlib.contextmanager
def _reader(pages: int, pause: float) -> Iterator[int]:
    """Yield the pid of a Python that sleeps this long, and then reads objects of that many pages."""
    with subprocess.Popen([sys.executable, "-c", READER, str(pages), str(pause)]) as reader:
        try:
            time.sleep(1.0)  # it makes them
            yield reader.pid
        finally:
            reader.kill()
