"""An hour of crashing workers under each of 6 policies, against bounds that are written here by hand.

Time is handed to the state machine, nothing is waited for: `hour` decides when each life ends, and how.
"""

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from kit.life import backoff, corpse_of, ordered, running, starting

from actors.life.adoption import define
from actors.life.budget import Budget
from actors.life.machine import due, step
from actors.life.state import State, Worker
from actors.values.facts import (
    Admitted,
    Fact,
    Handle,
    Instant,
    PaneSeen,
    ProcessEnded,
    ServerDied,
    Started,
    TreeGone,
    Woken,
)
from actors.values.spec import Backoff, ExitAction, ExitRule, Growth, Restart, Window, WorkerSpec

HOUR = 3600.0
WORKERS = 25  # of each policy
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


def hour(spec: WorkerSpec) -> list[Simulated]:
    """Return what became of the workers of one policy that crash at random for an hour."""
    crowd = [_begun(spec, f"{spec.name}-{n}", random_lives(f"{spec.name}/{n}")) for n in range(WORKERS)]
    moments = [(moment, n) for n, one in enumerate(crowd) if (moment := one.next_moment()) is not None]
    heapq.heapify(moments)
    while moments and moments[0][0] < HOUR:
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
    _tell(one, PaneSeen(now + 1e-6, corpse_of(life.id, one.code, dead_at=0.0)), now)
    _tell(one, TreeGone(life.id), now)


# ── the bounds ─────────────────────────────────────────────────────────────────────────────────────────────────────

ROUNDING = 0.001  # seconds
LIMITS = {"exponential": 5, "slow-lane": 3}  # restarts without a healthy life between
SLOW = (480.0, 720.0)


def pause_bounds(policy: str, attempt: int, code: int) -> tuple[float, float]:
    """Return the shortest and the longest pause before restart number `attempt` since the last healthy life."""
    match policy:
        case "constant":
            return 4.0, 6.0
        case "linear":
            return 0.0, min(2.0 * (attempt + 1), 30.0)
        case "window":
            pause = 0.0 if code == AT_ONCE else [1.0, 1.0, 5.0, 30.0][min(attempt, 3)]
            return pause, pause
    return 0.8 * 2**attempt, 1.2 * 2**attempt


def check(policy: str, one: Simulated) -> None:
    """Walk through its lives and compare each decision with what is due by hand."""
    attempt, slow, restarts = 0, False, []
    for number, end in enumerate(one.ends):
        if end.ended - end.began >= HEALTHY_AFTER:
            attempt, slow = 0, False
        spent = slow or attempt == LIMITS.get(policy, -1)
        if policy == "window":
            spent = sum(end.ended - at < 60.0 for at in restarts) >= 5
        if policy == "never" or (spent and policy != "slow-lane"):
            assert number == len(one.ends) - 1
            assert one.worker.state is State.FAILED
            return
        least, most = SLOW if spent else pause_bounds(policy, attempt, end.code)
        slow, attempt = spent, attempt + 1
        restarts.append(end.ended)
        if end.next_began is None:  # the hour is over
            assert number == len(one.ends) - 1
            assert end.ended + most > HOUR - ROUNDING
        else:
            assert least - ROUNDING <= end.next_began - end.ended <= most + ROUNDING
    assert one.worker.state is not State.FAILED


@pytest.mark.parametrize("policy", POLICIES)
def test_no_restart_of_a_simulated_hour_is_outside_the_bounds_of_its_policy(policy: str) -> None:
    crowd = hour(POLICIES[policy])
    assert len(crowd) == WORKERS
    for one in crowd:
        check(policy, one)
        assert len(one.ends) - one.worker.budget.restarts == (one.worker.state is State.FAILED)
        assert len(one.worker.budget.recent) <= 5


@pytest.mark.parametrize(("jitter", "low", "high"), [(0.2, 24.0, 36.0), ("full", 0.0, 30.0)])
def test_jitter_spreads_crashes_at_one_moment_over_the_whole_window(jitter: Any, low: float, high: float) -> None:
    spec = _spec("together", backoff=Backoff(kind=Growth.CONSTANT, initial=30.0, jitter=jitter))
    pauses = []
    for n in range(100):
        one = _begun(spec, f"together-{n}", iter([(10.0, 1), (1e9, 1)]))
        _end(one, 10.0)
        assert one.worker.next_start is not None
        pauses.append(one.worker.next_start.mono - 10.0)
    assert low - ROUNDING <= min(pauses)
    assert max(pauses) <= high + ROUNDING
    assert {int(10 * (pause - low) / (high - low)) for pause in pauses} >= set(range(10))  # some in each tenth
    assert len({round(pause, 3) for pause in pauses}) > 90


def test_the_death_of_the_tmux_server_charges_none_of_200_workers_and_all_come_back() -> None:
    policy = {"max_restarts": 2}
    stories = [[running, starting, ordered, backoff][n % 4](**policy) for n in range(200)]
    for s in stories:
        before: Budget = s.w.budget
        s.tell(ServerDied())
        assert s.w.budget == before
        if s.w.life is None:  # an order in flight is answered, or looked for
            assert s.w.state is State.PENDING
            if s.w.ending:
                s.gone()
            s.tell(Admitted())
            assert s.w.state is State.STARTING
            assert s.w.budget == before
