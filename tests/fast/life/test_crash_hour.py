"""An hour of 100 crashing workers under each of 6 policies, against bounds that are written here by hand."""

from typing import Any

import pytest
from kit.crash_hour import (
    AT_ONCE,
    HEALTHY_AFTER,
    HOUR,
    POLICIES,
    WORKERS,
    Simulated,
    histogram,
    hour,
    pauses_after_one_crash,
)
from kit.life import backoff, ordered, running, starting

from actors.life.budget import Budget
from actors.life.state import State
from actors.values.facts import Admitted, ServerDied
from actors.values.spec import Backoff, Growth

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
    pauses = pauses_after_one_crash(Backoff(kind=Growth.CONSTANT, initial=30.0, jitter=jitter))
    assert len(pauses) == WORKERS
    assert low - ROUNDING <= min(pauses)
    assert max(pauses) <= high + ROUNDING
    counts = histogram(pauses, low, high)  # 10 in each on average, with a deviation of 3
    assert min(counts) >= 1
    assert max(counts) <= 22
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
