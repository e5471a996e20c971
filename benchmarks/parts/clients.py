"""What readers cost: commands, subscribers, and an order in a busy service (targets 3, 11, 13, 16)."""

import resource
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.bare import bare_tmux
from benchmarks.clocks import cpu_of_all
from benchmarks.figures import Figure, NotDone, median, percentile
from benchmarks.keepers import PRINTING, ROOT, Keeper, Panevisor, kept, started, surroundings
from supervisor.state.place import tmux_servers
from supervisor.tmux.command import argv_of
from supervisor.wire import frames
from supervisor.wire.client import Client

CHANGING = "while :; do date +%N; sleep 0.5; done"
TIMES = 9
REPORTED = ("waiting", "working")


def commands(kinds: Sequence[type[Keeper]], n: int) -> Iterator[Figure]:
    """Yield the wall and CPU time of `status` of each keeper, and of `--help`."""
    for kind in kinds:
        with kept(kind, n) as keeper:
            started(keeper)
            time.sleep(2)
            wall, cpu = _timed(keeper.status)
            yield Figure(11, f"status, wall: {kind.name}", n, 1000 * wall, "ms")
            yield Figure(11, f"status, CPU: {kind.name}", n, 1000 * cpu, "ms")
    helped = [sys.executable, "-m", "supervisor", "--help"]
    usual = surroundings({})
    _, cpu = _timed(lambda: subprocess.run(helped, cwd=ROOT, env=usual, stdout=subprocess.DEVNULL, check=True))
    _, bare = _timed(lambda: subprocess.run([sys.executable, "-c", "import click"], env=usual, check=True))
    yield Figure(11, "--help, CPU", n, 1000 * cpu, "ms", 60.0)
    yield Figure(11, "python -c 'import click', CPU", n, 1000 * bare, "ms")


def _timed(act: "object") -> tuple[float, float]:
    assert callable(act)
    walls, cpus = [], []
    for _ in range(TIMES):
        usage, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        act()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        walls.append(time.perf_counter() - began)
        cpus.append(after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime)
    return median(walls), median(cpus)


def beats(n: int) -> Iterator[Figure]:
    """Yield how long a beat takes from the sweep to the bytes at a subscriber, beyond tmux's own list of panes."""
    for name, program, target in (("idle", "exec sleep 86399", 60.0), ("changing", PRINTING, 400.0)):
        settings = 'capture_interval = "1s"\nhealth_interval = "2s"\n'
        with kept(Panevisor, n, program, settings) as keeper:
            started(keeper)
            time.sleep(5)
            with Client.connect(keeper.place / "state" / "panevisor.sock") as wire:
                first = wire.call("status")["supervisor"]
                ticks = []
                for _ in range(15):
                    time.sleep(1)
                    ticks.append(wire.call("status")["supervisor"]["tick_ms"])
                last = wire.call("status")["supervisor"]
            floor = 1000 * median([_listed(keeper) for _ in range(5)])
            beyond = median(ticks) - floor
            yield Figure(3, f"capture beat, {name}: beyond tmux's list of panes", n, beyond, "ms", target)
            overruns = last["overruns"] - first["overruns"]
            yield Figure(3, f"overruns at 1 s, {name}", n, overruns, "", 0.0 if name == "idle" else None)


def _listed(keeper: Keeper) -> float:
    """Return the seconds in which tmux lists all panes, one server after the other."""
    state = keeper.place / "state"
    format = "#{pane_id},#{window_activity},#{pane_pid}"
    began = time.perf_counter()
    for server in tmux_servers(state):
        ask = argv_of("list-panes", "-a", "-F", format, server=server)
        subprocess.run(ask, cwd=state, capture_output=True, check=True)
    return time.perf_counter() - began


def orders(n: int) -> Iterator[Figure]:
    """Yield the p99 of a `why` and a `send` while n workers change, beyond an idle service.

    The workers that print twice a second in the shell begin two processes for each line. At 500 that fills the machine
    under any supervisor. The time that tmux alone needs to answer then is the limit of the machine.
    """
    worst = {}
    for kind, program in (("idle", "exec sleep 86399"), ("changing", PRINTING), ("filling the machine", CHANGING)):
        with kept(Panevisor, n, program) as keeper:
            started(keeper)
            time.sleep(3)
            with Client.connect(keeper.place / "state" / "panevisor.sock") as wire:
                times = []
                for i in range(100):
                    name = f"w{i % n}"
                    times.append(_answered(partial(wire.call, "why", name=name)))
                    times.append(_answered(partial(wire.call, "send", name=name, content=b"x")))
                    time.sleep(0.02)
            worst[kind] = 1000 * percentile(times, 0.99)
            yield Figure(16, f"a why or a send while all are {kind}, p99", n, worst[kind], "ms")
    yield Figure(16, "an order while all change, p99 beyond idle", n, worst["changing"] - worst["idle"], "ms", 60.0)
    with bare_tmux(n, CHANGING) as tmux:
        time.sleep(3)
        times = []
        for _ in range(100):
            times.append(_answered(lambda: tmux.ask("display-message -p x")))
            time.sleep(0.02)
    yield Figure(16, "tmux alone while all are filling the machine, p99", n, 1000 * percentile(times, 0.99), "ms")


def _answered(order: Callable[[], object]) -> float:
    """Return the seconds until an order is answered."""
    began = time.perf_counter()
    order()
    return time.perf_counter() - began


def subscribers(n: int) -> Iterator[Figure]:
    """Yield what a publication of one changed row costs the service without and with 1,000 subscribers of `changes`."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, max(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    with kept(Panevisor, n) as keeper:
        started(keeper)
        time.sleep(3)
        path = keeper.place / "state" / "panevisor.sock"
        yield Figure(13, "a publication, no subscriber, CPU", n, 1000 * _publications(keeper, path), "ms", 10.0)
        readers = [_subscriber(path) for _ in range(1000)]
        try:
            cpu, last = _watched(keeper, path, readers)
            yield Figure(13, "a publication, 1,000 subscribers of changes, CPU", n, 1000 * cpu, "ms", 40.0)
            yield Figure(13, "a publication, 1,000 subscribers: last byte", n, 1000 * last, "ms", 120.0)
        finally:
            for reader in readers:
                reader.close()


def _subscriber(path: Path) -> socket.socket:
    reader = socket.socket(socket.AF_UNIX)
    reader.connect(str(path))
    reader.sendall(b"".join(frames.frame(frames.pack({"id": 1, "do": "subscribe", "topics": ["changes"]}))))
    reader.setblocking(False)
    return reader


def _publications(keeper: Keeper, path: Path, count: int = 100) -> float:
    """Return the service's CPU seconds of one publication: the row of a worker changes by what it reports."""
    service = keeper.processes()[:1]
    with Client.connect(path) as wire:
        seq = wire.call("status")["seq"]
        before = cpu_of_all(service)
        for i in range(count):
            wire.call("report", name="w0", word=REPORTED[i % 2])
            time.sleep(0.1)  # longer than two publications are apart
        used = cpu_of_all(service) - before
        published: int = wire.call("status")["seq"] - seq
    if published < count:
        raise NotDone(f"only {published} publications of {count} changes")
    return used / published


def _watched(keeper: Keeper, path: Path, readers: list[socket.socket]) -> tuple[float, float]:
    """Return the CPU of a publication, and the median seconds from its first byte to the last subscriber's last."""
    selector = selectors.DefaultSelector()
    for reader in readers:
        selector.register(reader, selectors.EVENT_READ)

    def drain(quiet: float) -> list[float]:
        """Return when each read happened, until nothing has come for a while."""
        at = []
        while ready := selector.select(quiet):
            for key, _ in ready:
                if not key.fileobj.recv(1 << 20):  # type: ignore[union-attr]
                    raise NotDone("a subscriber was dropped")
                at.append(time.perf_counter())
        return at

    drain(3.0)
    spreads, service = [], keeper.processes()[:1]
    with Client.connect(path) as wire:
        seq = wire.call("status")["seq"]
        before = cpu_of_all(service)
        for i in range(20):
            wire.call("report", name="w0", word=REPORTED[i % 2])
            at = drain(0.5)
            if len(at) < len(readers):
                raise NotDone(f"{len(at)} reads by {len(readers)} subscribers")
            spreads.append(at[len(readers) - 1] - at[0])
        used = cpu_of_all(service) - before
        published: int = wire.call("status")["seq"] - seq
    return used / published, median(spreads)
