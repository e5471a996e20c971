"""A simulated hour of crashing workers: time is handed to the state machine, nothing is waited for.

    Crashes (when each life ends, and how) ──▶ step, judge ──▶ Record of what was decided, and when

Used by its tests; `PYTHONPATH=tests python -m kit.crash_hour` prints what an hour comes to.
"""

import heapq
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from actors.life import due, step
from actors.life.adoption import define
from actors.life.state import State, Worker
from actors.values.facts import Admitted, Fact, Handle, Instant, Pane, PaneSeen, ProcessEnded, Started, TreeGone, Woken
from actors.values.spec import Backoff, ExitAction, ExitRule, Growth, Restart, Window, WorkerSpec

HOUR = 3600.0
WORKERS = 100
HEALTHY_AFTER = 60.0
TICK = 1e-6
AT_ONCE = 75  # an exit code for which one policy has a rule


def _spec(name: str, **policy: Any) -> WorkerSpec:
    return WorkerSpec(name=name, command="crash", cwd="/", healthy_after=HEALTHY_AFTER, **policy)


POLICIES = {
    "exponential": _spec("exponential"),
    "never": _spec("never", restart=Restart.NEVER),
    "constant": _spec("constant", max_restarts=-1, backoff=Backoff(kind=Growth.CONSTANT, initial=5.0)),
    "linear": _spec(
        "linear", max_restarts=-1, backoff=Backoff(kind=Growth.LINEAR, initial=2.0, max=30.0, jitter="full")
    ),
    "window": _spec(
        "window",
        max_restarts=-1,
        max_restarts_in=Window(5, 60.0),
        backoff=Backoff(steps=(1.0, 1.0, 5.0, 30.0), jitter=0.0),
        on_exit=(ExitRule(do=ExitAction.RESTART_NOW, codes=(AT_ONCE,)),),
    ),
    "slow-lane": _spec("slow-lane", max_restarts=3, retry=600.0),
}


@dataclass(frozen=True, slots=True)
class End:
    """One life as it was: began, ended (seconds), its exit code, and when the next one began; None: there was none."""

    began: float
    ended: float
    code: int
    next_began: float | None


@dataclass(slots=True)
class Simulated:
    """One worker in the simulated hour, and the ends of its lives in order."""

    worker: Worker
    lives: Iterator[tuple[float, int]]
    began: float = 0.0
    ends_at: float | None = None
    code: int = 0
    ends: list[End] = field(default_factory=list)

    def next_moment(self) -> float | None:
        return due(self.worker) if self.ends_at is None else min(self.ends_at, due(self.worker) or self.ends_at)


def random_lives(seed: str) -> Iterator[tuple[float, int]]:
    """Give forever how long a life lasts and with which code it ends: most are short, one in ten is healthy."""
    dice = random.Random(seed)
    while True:
        healthy = dice.random() < 0.1
        seconds = dice.uniform(HEALTHY_AFTER, 200.0) if healthy else dice.choice([0.01, dice.uniform(0.01, 20.0)])
        yield round(seconds, 3), dice.choice([1, 2, AT_ONCE])


def hour(spec: WorkerSpec, workers: int = WORKERS, until: float = HOUR) -> list[Simulated]:
    """Return what became of so many workers of one policy that crash at random for an hour."""
    crowd = [_begun(spec, f"{spec.name}-{n}", random_lives(f"{spec.name}/{n}")) for n in range(workers)]
    moments = [(moment, n) for n, one in enumerate(crowd) if (moment := one.next_moment()) is not None]
    heapq.heapify(moments)
    while moments and moments[0][0] < until:
        now, n = heapq.heappop(moments)
        _advance(crowd[n], now + TICK)  # (since + 60) - since can be less than 60: a clock never stands still
        if (moment := crowd[n].next_moment()) is not None:
            heapq.heappush(moments, (moment, n))
    return crowd


def _begun(spec: WorkerSpec, seed: str, lives: Iterator[tuple[float, int]]) -> Simulated:
    worker, _ = define(spec, seed, Instant(0.0, 0.0))
    one = Simulated(worker, lives)
    _tell(one, Admitted(), 0.0)
    _start(one, 0.0)
    return one


def _advance(one: Simulated, now: float) -> None:
    if one.ends_at is not None and now >= one.ends_at:
        _end(one, now)
    _tell(one, Woken(), now)
    if one.worker.state is State.STARTING:
        _start(one, now)


def _tell(one: Simulated, fact: Fact, now: float) -> None:
    one.worker, _ = step(one.worker, fact, Instant(now, now))


def _start(one: Simulated, now: float) -> None:
    assert one.worker.life is not None
    if one.ends:
        one.ends[-1] = End(one.ends[-1].began, one.ends[-1].ended, one.ends[-1].code, now)
    seconds, one.code = next(one.lives)
    one.began, one.ends_at = now, now + seconds
    _tell(one, Started(one.worker.life.id, "%1", Handle(1, 1)), now)


def _end(one: Simulated, now: float) -> None:
    life = one.worker.life
    assert life is not None
    one.ends.append(End(one.began, now, one.code, None))
    one.ends_at = None
    _tell(one, ProcessEnded(life.id), now)
    _tell(one, PaneSeen(now + 1e-6, _corpse(life.id, one.code)), now)
    _tell(one, TreeGone(life.id), now)


def _corpse(life: str, code: int) -> Pane:
    facts = {"pid": 1, "process": None, "dead": True, "status": code, "signal": None, "dead_at": 0.0, "activity": 0}
    return Pane(id="%1", columns=200, rows=50, piped=True, attached=False, name="x", life=life, **facts)  # type: ignore[arg-type]


def pauses_after_one_crash(backoff: Backoff, workers: int = WORKERS) -> list[float]:
    """Return the pauses of so many workers that crash at one moment for the first time."""
    spec = _spec("together", backoff=backoff)
    crowd = [_begun(spec, f"together-{n}", iter([(10.0, 1), (1e9, 1)])) for n in range(workers)]
    for one in crowd:
        _end(one, 10.0)
    return [one.worker.next_start.mono - 10.0 for one in crowd if one.worker.next_start]


def histogram(pauses: list[float], low: float, high: float, bins: int = 10) -> list[int]:
    """Return how many fall into each of `bins` equal parts of [low, high]."""
    counts = [0] * bins
    for pause in pauses:
        counts[min(bins - 1, int((pause - low) / (high - low) * bins))] += 1
    return counts


def report(tell: Callable[[str], None] = print) -> None:
    begun = time.perf_counter()
    tell(f"{WORKERS} workers in an hour; restarts of all, of the one with the least, with the most; now failed, slow")
    for name, spec in POLICIES.items():
        crowd = hour(spec)
        restarts = [one.worker.budget.restarts for one in crowd]
        failed = sum(one.worker.state is State.FAILED for one in crowd)
        slow = sum(one.worker.budget.slow for one in crowd)
        tell(f"{name:12} {sum(restarts):8} {min(restarts):6} {max(restarts):5}  {failed:6} {slow:5}")
    tell(f"{time.perf_counter() - begun:.1f} s of real time")
    for jitter, low, high in ((0.2, 24.0, 36.0), ("full", 0.0, 30.0)):
        pauses = pauses_after_one_crash(Backoff(kind=Growth.CONSTANT, initial=30.0, jitter=jitter))  # type: ignore[arg-type]
        tell(f"\n{WORKERS} crashes at one moment, pause 30 s, jitter {jitter}: starts in each tenth of the window")
        width = (high - low) / 10
        for n, count in enumerate(histogram(pauses, low, high)):
            tell(f"  {low + n * width:4.1f}–{low + (n + 1) * width:4.1f} s  {'█' * count} {count}")


if __name__ == "__main__":
    report()
