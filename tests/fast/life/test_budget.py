"""How often a worker may come back: the verdict as a table, the pause, and what forgives."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.life.budget import Budget, Complete, Fail, Retry, Verdict, forgiven, judge, pause
from actors.values.facts import Exit, Instant
from actors.values.spec import Backoff, ExitAction, ExitRule, Growth, Restart, Window, WorkerSpec

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


@given(st.integers(0, 10**6))
def test_minus_one_never_gives_up(attempt: int) -> None:
    assert isinstance(verdict(BADLY, attempt, max_restarts=-1), Retry)


def test_a_life_that_never_got_ready_forgives_nothing_however_long() -> None:
    assert isinstance(verdict(NOT_READY, 5, uptime=1e6), Fail)
    assert verdict(NOT_READY, 2, uptime=1e6) == Retry(4.0, Budget(3, 3))


@given(st.integers(0, 100), st.floats(0, 1e6), st.floats(0.001, 1e6))
def test_forgiveness_touches_nothing_but_the_attempts(attempt: int, uptime: float, healthy_after: float) -> None:
    before = Budget(attempt, attempt + 3)
    after = forgiven(before, uptime, healthy_after)
    assert after == (Budget(0, attempt + 3) if uptime >= healthy_after else before)


def test_the_pause_doubles_up_to_its_maximum() -> None:
    assert [pause(STEADY, attempt, 0.5) for attempt in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


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


# on_exit


def rules(*given: tuple[ExitAction, tuple[int, ...], tuple[int, ...]]) -> tuple[ExitRule, ...]:
    return tuple(ExitRule(do=action, codes=codes, signals=signals) for action, codes, signals in given)


@pytest.mark.parametrize("restart", list(Restart))
def test_the_first_rule_that_names_the_exit_decides_whatever_restart_says(restart: Restart) -> None:
    first, second = (ExitAction.COMPLETE, (1,), ()), (ExitAction.FAIL, (0, 1), (9,))
    on_exit = rules(first, second, (ExitAction.RESTART_NOW, (0,), (11,)))
    assert verdict(BADLY, restart=restart, on_exit=on_exit) == Complete()
    assert verdict(WELL, restart=restart, on_exit=on_exit) == Fail('on_exit: do = "fail"')
    assert verdict(KILLED, restart=restart, on_exit=on_exit) == Fail('on_exit: do = "fail"')
    assert verdict(Exit(None, 11, 1.0), restart=restart, on_exit=on_exit) == Retry(0.0, Budget(1, 1))


def test_a_code_rule_does_not_take_a_signal_for_its_code_nor_a_signal_rule_a_code() -> None:
    assert isinstance(verdict(KILLED_WITH_CODE, on_exit=rules((ExitAction.FAIL, (0,), ()))), Retry)
    assert isinstance(verdict(Exit(9, None, 1.0), on_exit=rules((ExitAction.FAIL, (), (9,)))), Retry)


def test_an_exit_that_no_rule_names_is_judged_by_restart() -> None:
    on_exit = rules((ExitAction.BACKOFF, (2,), ()))
    assert verdict(BADLY, restart=Restart.NEVER, on_exit=on_exit) == Fail('restart = "never"')


def test_a_restart_at_once_is_charged_and_converges() -> None:
    on_exit = rules((ExitAction.RESTART_NOW, (1,), ()))
    assert verdict(BADLY, 4, on_exit=on_exit) == Retry(0.0, Budget(5, 5))
    assert isinstance(verdict(BADLY, 5, on_exit=on_exit), Fail)


# the window


def at(seconds: float) -> Instant:
    return Instant(NOW.mono + seconds, NOW.wall + seconds)


def crashes(times: list[float], **policy: Any) -> list[Verdict]:
    """Return the verdicts on crashes at these times; each life is over before it is healthy."""
    budget, found = Budget(), []
    for seconds in times:
        found.append(judge(spec(**({"max_restarts": -1} | policy)), budget, BADLY, 0.0, 0.5, at(seconds)))
        if isinstance(found[-1], Retry):
            budget = found[-1].budget
    return found


def test_the_window_allows_so_many_restarts_and_not_one_more() -> None:
    window = Window(3, 60.0)
    assert isinstance(crashes([0, 1, 2], max_restarts_in=window)[-1], Retry)
    assert crashes([0, 1, 2, 59.9], max_restarts_in=window)[-1] == Fail("3 restarts within 1m: budget spent")
    assert isinstance(crashes([0, 1, 2, 60.0], max_restarts_in=window)[-1], Retry)


@given(st.lists(st.floats(0, 20), max_size=60), st.integers(1, 5))
def test_the_budget_keeps_no_more_times_than_the_window_counts(gaps: list[float], most: int) -> None:
    times = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    for found in crashes(times, max_restarts_in=Window(most, 10.0), retry=5.0):
        assert isinstance(found, Retry)
        assert 0 < len(found.budget.recent) <= most


# the slow lane


def test_where_there_is_a_slow_lane_a_spent_budget_leads_there_for_ever_and_is_counted_on() -> None:
    said = "5 restarts without a healthy life of 1m: budget spent, tried every 10m"
    first = verdict(BADLY, 5, retry=600.0)
    assert first == Retry(600.0, Budget(6, 6, slow=True), said)
    assert isinstance(first, Retry)
    second = judge(spec(retry=600.0), first.budget, BADLY, 59.0, 0.5, NOW)
    assert second == Retry(600.0, Budget(7, 7, slow=True), said.replace("5", "6", 1))


def test_the_slow_lane_lasts_though_the_window_has_emptied_meanwhile() -> None:
    verdicts = crashes([0, 1, 700, 1400], max_restarts_in=Window(1, 60.0), retry=600.0)
    assert [v.delay for v in verdicts if isinstance(v, Retry)] == [1.0, 600.0, 600.0, 600.0]


def test_a_healthy_life_ends_the_slow_lane_and_forgives_the_window_with_it() -> None:
    slow = Budget(9, 9, (NOW, NOW), slow=True)
    policy = spec(max_restarts_in=Window(2, 3600.0), retry=600.0)
    assert judge(policy, slow, BADLY, 60.0, 0.5, NOW) == Retry(1.0, Budget(1, 10, (NOW,)))


# kinds of back-off


@pytest.mark.parametrize(
    ("backoff", "pauses"),
    [
        (Backoff(kind=Growth.LINEAR, initial=2.0, max=7.0, jitter=0.0), [2, 4, 6, 7, 7]),
        (Backoff(kind=Growth.CONSTANT, initial=3.0, jitter=0.0), [3, 3, 3, 3, 3]),
        (Backoff(steps=(1.0, 0.0, 300.0), jitter=0.0), [1, 0, 300, 300, 300]),
    ],
)
def test_the_pauses_of_each_kind(backoff: Backoff, pauses: list[float]) -> None:
    assert [pause(backoff, attempt, 0.5) for attempt in range(5)] == pauses
    assert pause(backoff, 10**9, 0.5) == pauses[-1]


@given(st.floats(0.0, 1.0, exclude_max=True), st.sampled_from(Growth), st.integers(0, 50))
def test_full_jitter_takes_any_time_up_to_the_pause_but_none(dice: float, kind: Growth, attempt: int) -> None:
    whole = pause(Backoff(kind=kind, jitter=0.0), attempt, dice)
    assert 0.0 < pause(Backoff(kind=kind, jitter="full"), attempt, dice) <= whole
    assert pause(Backoff(kind=kind, jitter="full"), attempt, 0.0) == whole
