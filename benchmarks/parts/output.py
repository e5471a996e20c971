"""Workers that print: a line a second each, all started at once, and a flood (targets 14, 15, 17)."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.figures import Figure, NotDone
from benchmarks.keepers import PRINTING, SILENT, SLEEP, Keeper, Panevisor, kept, started
from supervisor.wire.client import Client

CHATTY = 'i=0; while :; do i=$((i+1)); echo "$1 says line $i of many"; sleep 1; done'
SECONDS = 30
FLOOD = 10


def chatty(kinds: Sequence[type[Keeper]], n: int) -> Iterator[Figure]:
    """Yield the CPU of everything but the programs themselves, while n workers print a line a second."""
    for kind in kinds:
        with kept(kind, n, CHATTY) as keeper:
            started(keeper)
            time.sleep(10)
            before = _keepers_cpu(keeper)
            time.sleep(SECONDS)
            used = {name: seconds - before.get(name, 0.0) for name, seconds in _keepers_cpu(keeper).items()}
            target = 10.0 if kind is Panevisor and n == 500 else None
            yield Figure(14, f"a line a second each, {SECONDS} s: {kind.name}", n, sum(used.values()), "s CPU", target)
            for name, seconds in used.items() if kind is Panevisor else ():
                yield Figure(14, f"of it {name}", n, seconds, "s CPU")


def _keepers_cpu(keeper: Keeper) -> dict[str, float]:
    """Return the CPU seconds by program: service, tmux, log readers; the workers' own shells do not count."""
    workers = {birth.pid for birth in keeper.latest().values()}
    seconds: dict[str, float] = {}
    for process in keeper.processes():
        for one in (process, *process.children()):
            if one.pid not in workers:
                times = one.cpu_times()
                name = one.name()
                seconds[name] = seconds.get(name, 0.0) + times.user + times.system
    return seconds


def starts_of_chatty(n: int) -> Iterator[Figure]:
    """Yield the time until n printing workers, started at once, all run; beside silent ones in the same run.

    Both are the same program. A shell would begin a `sleep` for each line, and a thousand of those take a core.
    """
    for setting, name in (("max_starting = 0\n", "max_starting = 0"), ("", "default")):
        times = []
        for program in (SILENT, PRINTING):
            with kept(Panevisor, n, program, setting) as keeper:
                began = time.time()
                started(keeper)
                with Client.connect(keeper.place / "state" / "panevisor.sock") as wire:
                    states = {worker["state"] for worker in wire.call("status")["workers"]}
                if states != {"running"}:
                    raise NotDone(f"after `up` there are {sorted(states)}")
                times.append(time.time() - began)
        yield Figure(17, f"up of silent ones, {name}", n, times[0], "s")
        yield Figure(17, f"up of printing ones, {name}", n, times[1] / times[0], "×", 2.0, "silent ones")


def flood(n: int) -> Iterator[Figure]:
    """Yield whether n lines of one worker are all in its log, and the beats of the service meanwhile."""
    lines = 1_000_000
    program = f'if [ "$1" = w0 ]; then sleep 5; seq {lines}; fi; {SLEEP}'
    with kept(Panevisor, n, program, 'capture_interval = "1s"\n') as keeper:
        started(keeper)
        with Client.connect(keeper.place / "state" / "panevisor.sock") as wire:
            before = wire.call("status")["supervisor"]
            time.sleep(5 + FLOOD)
            after = wire.call("status")["supervisor"]
        beats, overruns = after["tick"] - before["tick"], after["overruns"] - before["overruns"]
        yield Figure(15, "flood of one worker: overruns of beats", n, overruns, "", 0.0, f"{beats} beats")
        kept_bytes = sum(file.stat().st_size for file in Path(keeper.place / "state" / "logs").glob("w0.*.0*"))
        yield Figure(15, "flood of one worker: bytes in its log", n, kept_bytes / 1e6, "MB")
