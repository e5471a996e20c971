"""What N workers cost a service that has nothing to do: CPU, memory, threads, context switches (targets 5, 12)."""

import time
from collections.abc import Iterator, Sequence

from benchmarks.clocks import cold_page, cpu_of_all, switches_of, touched_pages
from benchmarks.figures import Figure
from benchmarks.keepers import Keeper, Panevisor, kept, started

SECONDS = 60
BEAT = 10.0  # seconds between two health beats
CPU_TARGETS = {10: 0.2, 500: 2.0, 1000: 4.0}  # % of a core
RSS_TARGETS = {10: 42.0, 500: 55.0, 1000: 70.0}  # MB


def idle(kinds: Sequence[type[Keeper]], n: int) -> Iterator[Figure]:
    """Yield the cost of standing still, with the default beats, for each keeper in turn."""
    for kind in kinds:
        with kept(kind, n) as keeper:
            started(keeper)
            time.sleep(15)
            processes = keeper.processes()
            service = processes[0]
            before, switches = cpu_of_all([service]), switches_of(service)
            others = sum(cpu_of_all([process]) for process in processes[1:])
            time.sleep(SECONDS)
            ours = kind is Panevisor
            used = cpu_of_all([service]) - before
            beside = sum(cpu_of_all([process]) for process in processes[1:]) - others
            share = 100 * (used + beside) / SECONDS
            target = CPU_TARGETS.get(n) if ours else None
            yield Figure(5, f"idle, CPU of all: {kind.name}", n, share, "% of 1", target)
            if ours:
                yield Figure(5, "of it the service", n, 100 * used / SECONDS, "% of 1")
                pages, cost = touched_pages(service.pid, BEAT), cold_page()
                yield Figure(0, "pages that the service touches in 10 s", n, pages, "")
                yield Figure(
                    5, "of it for pages that the host had taken, about", n, 100e-6 * cost * pages / BEAT, "% of 1"
                )
                yield Figure(0, "threads of the service", n, service.num_threads(), "")
                rate = (switches_of(service) - switches) / SECONDS
                yield Figure(0, "context switches of the service", n, rate, "/s")
            rss = service.memory_info().rss / 1e6
            yield Figure(12, f"RSS of the service: {kind.name}", n, rss, "MB", RSS_TARGETS.get(n) if ours else None)
