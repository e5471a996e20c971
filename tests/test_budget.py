"""How often a worker may come back: the verdict as a table, the pause, and what forgives."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.budget import Budget, Complete, Fail, Retry, Verdict, forgiven, judge, pause
from actors.messages import Exit, Instant
from actors.spec import Backoff, Restart, WorkerSpec

NOW = Instant(1000.0, 1_700_000_000.0)
STEADY = Backoff(initial=1.0, factor=2.0, max=60.0, jitter=0.0)

WELL = Exit(0, None, 1.0)
ALSO_WELL = Exit(7, None, 1.0)
BADLY = Exit(1, None, 1.0)
KILLED = Exit(None, 9, 1.0)
KILLED_WITH_CODE = Exit(0, 9, 1.0)
LOST = Exit(None, None, 1.0)
NOT_READY = None


def spec(**policy: Any) -> WorkerSpec:
    plain: dict[str, Any] = {"name": "api", "command": "x", "cwd": "/", "backoff": STEADY, "ok_exit_codes": (0, 7)}
    return WorkerSpec(**(plain | policy))


def verdict(exit: Exit | None, attempt: int = 0, uptime: float = 0.0, **policy: Any) -> Verdict:
    return judge(spec(**policy), Budget(attempt, attempt), exit, uptime, 0.5, NOW)


@pytest.mark.parametrize(
    ("exit", "always", "on_failure", "never"),
    [
        pytest.param(WELL, Retry, Complete, Complete, id="0"),
        pytest.param(ALSO_WELL, Retry, Complete, Complete, id="another ok code"),
        pytest.param(BADLY, Retry, Retry, Fail, id="1"),
        pytest.param(KILLED, Retry, Retry, Fail, id="signal"),
        pytest.param(KILLED_WITH_CODE, Retry, Retry, Fail, id="signal, whatever the code"),
        pytest.param(LOST, Retry, Retry, Fail, id="nobody was told"),
        pytest.param(NOT_READY, Retry, Retry, Fail, id="not ready in time"),
    ],
)
def test_the_verdict_follows_from_cause_and_policy(exit: Exit | None, always: Any, on_failure: Any, never: Any) -> None:
    policies = {Restart.ALWAYS: always, Restart.ON_FAILURE: on_failure, Restart.NEVER: never}
    for restart, wanted in policies.items():
        assert isinstance(verdict(exit, restart=restart), wanted), restart


@pytest.mark.parametrize("exit", [BADLY, KILLED, LOST, NOT_READY])
@pytest.mark.parametrize("most", [0, 1, 5])
def test_there_are_as_many_restarts_as_the_policy_says(exit: Exit | None, most: int) -> None:
    assert all(isinstance(verdict(exit, attempt, max_restarts=most), Retry) for attempt in range(most))
    assert isinstance(verdict(exit, most, max_restarts=most), Fail)
    assert isinstance(verdict(exit, most + 1, max_restarts=most), Fail)  # it was lowered meanwhile


def test_a_budget_that_is_spent_says_so() -> None:
    spent = verdict(BADLY, 5)
    assert spent == Fail("5 restarts without a healthy spell of 60 s: budget spent")


def test_always_spends_the_budget_on_good_exits_too() -> None:
    assert isinstance(verdict(WELL, 5, restart=Restart.ALWAYS), Fail)


@given(st.integers(0, 10**6))
def test_minus_one_never_gives_up(attempt: int) -> None:
    assert isinstance(verdict(BADLY, attempt, max_restarts=-1), Retry)


def test_a_restart_is_charged_once_to_both_counters() -> None:
    assert verdict(BADLY, 2) == Retry(4.0, Budget(3, 3, NOW))


def test_a_healthy_life_forgives_what_was_before_and_counts_itself() -> None:
    assert verdict(BADLY, 5, uptime=60.0) == Retry(1.0, Budget(1, 6, NOW))
    assert isinstance(verdict(BADLY, 5, uptime=59.9), Fail)


def test_a_healthy_life_does_not_help_where_there_are_no_restarts() -> None:
    assert isinstance(verdict(BADLY, 0, uptime=1e6, max_restarts=0), Fail)


def test_a_life_that_never_got_ready_forgives_nothing_however_long() -> None:
    assert isinstance(verdict(NOT_READY, 5, uptime=1e6), Fail)
    assert verdict(NOT_READY, 2, uptime=1e6) == Retry(4.0, Budget(3, 3, NOW))


@given(st.integers(0, 100), st.floats(0, 1e6), st.floats(0.001, 1e6))
def test_forgiveness_touches_nothing_but_the_attempts(attempt: int, uptime: float, healthy_after: float) -> None:
    before = Budget(attempt, attempt + 3, NOW)
    after = forgiven(before, uptime, healthy_after)
    assert after == (Budget(0, attempt + 3, NOW) if uptime >= healthy_after else before)


def test_the_pause_doubles_up_to_its_maximum() -> None:
    assert [pause(STEADY, attempt, 0.5) for attempt in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_factor_of_one_keeps_the_pause() -> None:
    assert {pause(Backoff(initial=3.0, factor=1.0, jitter=0.0), attempt, 0.5) for attempt in range(100)} == {3.0}


def test_no_initial_pause_means_none_ever() -> None:
    assert [pause(Backoff(initial=0.0), attempt, 0.9) for attempt in (0, 5, 10**6)] == [0.0, 0.0, 0.0]


@given(
    initial=st.floats(0.0, 3600.0),
    factor=st.floats(1.0, 1e300),
    longest=st.floats(0.0, 86400.0),
    jitter=st.floats(0.0, 1.0),
    attempt=st.integers(0, 10**9),
    dice=st.floats(0.0, 1.0, exclude_max=True),
)
def test_a_pause_stays_within_its_jitter(
    initial: float, factor: float, longest: float, jitter: float, attempt: int, dice: float
) -> None:
    backoff = Backoff(initial=initial, factor=factor, max=initial + longest, jitter=jitter)
    seconds = pause(backoff, attempt, dice)
    assert initial * (1 - jitter) * 0.999 <= seconds <= backoff.max * (1 + jitter) * 1.001


@pytest.mark.parametrize(("dice", "seconds"), [(0.0, 8.0), (0.5, 10.0), (0.75, 11.0)])
def test_jitter_spreads_to_both_sides(dice: float, seconds: float) -> None:
    assert pause(Backoff(initial=10.0, jitter=0.2), 0, dice) == pytest.approx(seconds)
