"""Starts, stops, kills and adoption, beside the peers (targets 6, 7, 8, 9, 10)."""

import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from benchmarks.bare import BareTmux, bare_tmux, log_pipe
from benchmarks.clocks import cpu_of_all
from benchmarks.figures import Figure, NotDone, median, percentile
from benchmarks.keepers import SLEEP, Keeper, Panevisor, begun, gone, kept, latest_in, script_of, started, until
from supervisor.wire.client import Client
from supervisor.wire.errors import CommandError

KILLS = 200  # so that the 99th of a hundred is not the first one after a pause
PEER_KILLS = 40  # two of the peers take a second each
BORN = script_of(Path("{place}/births"), SLEEP)  # the program of a worker of bare tmux


def waves(kinds: Sequence[type[Keeper]], n: int) -> Iterator[Figure]:
    """Yield the time of `up`, of `stop` of all and of `down`: first of tmux alone, then of each keeper in turn."""
    yield from _waves_of_tmux(n)
    for kind in kinds:
        with kept(kind, n) as keeper:
            first, last = begun(keeper)
            yield _figure(6, f"up until all have begun: {kind.name}", n, last, "s")
            yield _figure(6, f"of it until the first one has begun: {kind.name}", n, first, "s")
            began = time.time()
            keeper.stop_all()
            ended = until(lambda keeper=keeper: gone(keeper), "all have stopped")  # type: ignore[misc]
            yield _figure(7, f"stop all: {kind.name}", n, ended - began, "s", _ours(kind, n, 2.0))
        with kept(kind, n) as keeper:
            started(keeper)
            began = time.time()
            keeper.down()
            ended = until(lambda keeper=keeper: gone(keeper), "all are down")  # type: ignore[misc]
            yield _figure(7, f"down: {kind.name}", n, ended - began, "s", _ours(kind, n, 3.0))


def _waves_of_tmux(n: int) -> Iterator[Figure]:
    """Yield how long tmux alone needs to start n programs with their log pipes, and to reap them when all are ended."""
    began = time.time()
    with bare_tmux(n, BORN, logs=True) as tmux:
        births = tmux.place / "births"
        until(lambda: len(latest_in(births)) == n, "all have begun", every=0.02)
        yield _figure(6, "up until all have begun: tmux alone", n, _last(births) - began, "s")
        began = time.time()
        for birth in latest_in(births).values():
            os.kill(birth.pid, signal.SIGTERM)

        def reaped() -> bool:
            tmux.look_for_the_dead()
            return not any(psutil.pid_exists(birth.pid) for birth in latest_in(births).values())

        yield _figure(7, "all end: tmux alone", n, until(reaped, "all have ended") - began, "s")


def _last(births: Path) -> float:
    return max(birth.at for birth in latest_in(births).values())


def _ours(kind: type[Keeper], n: int, target: float) -> float | None:
    return target if kind is Panevisor and n == 500 else None


def _figure(number: int, measure: str, n: int, value: float, unit: str, target: float | None = None) -> Figure:
    return Figure(number, measure, n, value, unit, target)


# ── kill -9 to the next pid ───────────────────────────────────────────────────────────────────────────────────────────


def kills(kinds: Sequence[type[Keeper]], n: int) -> Iterator[Figure]:
    """Yield the times from kill -9 to the birth of the next life, beside tmux's own floor in the same run."""
    floor = _floor(n)
    yield Figure(8, "kill -9 → next life: tmux alone, median", n, 1000 * median(floor), "ms", samples=_in_ms(floor))
    yield Figure(8, "kill -9 → next life: tmux alone, p99", n, 1000 * percentile(floor, 0.99), "ms")
    yield _many_of_tmux(n, min(100, n))
    for kind in kinds:
        with kept(kind, n) as keeper:
            started(keeper)
            time.sleep(3)
            ours = kind is Panevisor
            victims = random.Random(1).choices(keeper.names, k=KILLS if ours else PEER_KILLS)
            times = [_killed(keeper, name) for name in victims]
            measure = f"kill -9 → next life: {kind.name}, median"
            yield Figure(8, measure, n, 1000 * median(times), "ms", samples=_in_ms(times))
            yield Figure(8, f"kill -9 → next life: {kind.name}, p99", n, 1000 * percentile(times, 0.99), "ms")
            if ours:
                ratio, worst = median(times) / median(floor), percentile(times, 0.99) / median(floor)
                yield Figure(8, "kill -9 → next life, median", n, ratio, "× floor", 2.0, "tmux alone")
                yield Figure(8, "kill -9 → next life, p99", n, worst, "× floor", 6.0, "tmux alone")
            yield _many(keeper, min(100, n))


def _in_ms(times: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(1000 * time, 2) for time in times)


def _killed(keeper: Keeper, name: str) -> float:
    """Kill a worker and return the seconds until its next life has begun."""
    birth = keeper.latest()[name]
    began = time.time()
    os.kill(birth.pid, signal.SIGKILL)
    until(lambda: keeper.latest()[name].pid != birth.pid, f"{keeper.name}: {name} is back")
    time.sleep(0.05)
    return keeper.latest()[name].at - began


def _many(keeper: Keeper, count: int) -> Figure:
    before = keeper.latest()
    victims = keeper.names[:count]
    began = time.time()
    for name in victims:
        os.kill(before[name].pid, signal.SIGKILL)
    until(lambda: all(keeper.latest()[name].pid != before[name].pid for name in victims), "all are back")
    took = max(keeper.latest()[name].at for name in victims) - began
    return Figure(9, f"{count} killed at once → all have begun again: {keeper.name}", len(keeper.names), took, "s")


def _floor(n: int) -> list[float]:
    """Return how long tmux alone needs: a kill, its pane known to be dead, a respawn; over one control client."""
    with bare_tmux(n, BORN) as tmux:
        time.sleep(2)
        return [killed_in(tmux, f"w{i % (n - 1) + 1}") for i in range(KILLS)]


def killed_in(tmux: BareTmux, name: str) -> float:
    """Kill a worker of bare tmux, respawn it, and return the seconds until its next life has begun."""
    births = tmux.place / "births"
    pid = latest_in(births)[name].pid

    def dead() -> bool:
        tmux.look_for_the_dead()
        return "dead 1" in tmux.ask(f"display-message -p -t ={name}: 'dead #{{pane_dead}}'")

    began = time.time()
    os.kill(pid, signal.SIGKILL)
    until(dead, "tmux knows that it is dead", every=0.001)
    tmux.ask(f"respawn-pane -t ={name}:")
    until(lambda: latest_in(births)[name].pid != pid, "it is back")
    time.sleep(0.02)
    return latest_in(births)[name].at - began


def _many_of_tmux(n: int, count: int) -> Figure:
    """Return how long tmux alone needs for many kills at once: each respawned, with its log pipe, once it is dead."""
    with bare_tmux(n, BORN, logs=True) as tmux:
        time.sleep(2)
        births = tmux.place / "births"
        before = latest_in(births)
        dying = {f"w{i}" for i in range(count)}
        began = time.time()
        for name in dying:
            os.kill(before[name].pid, signal.SIGKILL)
        victims = set(dying)

        def answered() -> bool:
            tmux.look_for_the_dead()
            listed = tmux.ask("list-panes -a -f '#{pane_dead}' -F 'dead #{session_name}'").splitlines()
            dead = dying & {line.removeprefix("dead ") for line in listed}
            dying.difference_update(dead)
            if dead:
                tmux.ask(" ; ".join(f"respawn-pane -t ={name}: ; {log_pipe(name, 2)}" for name in sorted(dead)))
            return not dying

        until(answered, "all are known to be dead")
        until(lambda: all(latest_in(births)[name].pid != before[name].pid for name in victims), "all are back")
        return Figure(9, f"{count} killed at once → all have begun again: tmux alone", n, _last(births) - began, "s")


# ── adoption ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def adoption(n: int) -> Iterator[Figure]:
    """Yield the time from the exec of `serve` to a complete picture, and of `up` to its table, when all workers live.

    Nobody may be started again.
    """
    with kept(Panevisor, n) as keeper:
        assert isinstance(keeper, Panevisor)
        started(keeper)
        time.sleep(3)
        tables, pictures, cpu, before = [], [], [], keeper.latest()
        for _ in range(3):
            _end_service(keeper)
            began = time.time()
            service = keeper.serve()
            pictures.append(until(lambda: _all_are_shown(keeper), "all are in the picture") - began)
            cpu.append(cpu_of_all([psutil.Process(service.pid)]))
            service.kill()
            service.wait()
            began = time.time()
            keeper.up()
            tables.append(time.time() - began)
        if keeper.latest() != before:
            raise NotDone("a worker was started again")
        yield Figure(10, "serve that adopts, until a complete picture", n, median(pictures), "s", 1.2)
        yield Figure(10, "serve that adopts, CPU until then", n, median(cpu), "s")
        yield Figure(10, "up that adopts, until its table", n, median(tables), "s", 1.6)


def _all_are_shown(keeper: Panevisor) -> bool:
    """Whether the service answers with a picture in which every worker runs; it gives none before that is complete."""
    try:
        with Client.connect(keeper.socket) as wire:
            workers = wire.call("status")["workers"]
    except CommandError:
        return False
    return [worker["state"] for worker in workers] == ["running"] * len(keeper.names)


def _end_service(keeper: Keeper) -> None:
    """Kill the service and who would start it again, the workers living on."""
    service = keeper.processes()[0]
    os.kill(int((keeper.place / "state" / "keeper").read_text().split()[0]), signal.SIGKILL)
    service.kill()
    until(lambda: not service.is_running(), "the service has ended")
