"""When a policy gives up, against a crash loop counted by hand; and the warnings of `check`."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.values.spec import Backoff, ExitAction, ExitRule, Growth, Restart, Window, WorkerSpec
from supervisor.command_line import run
from supervisor.explain.arithmetic import GivesUp, gives_up, line, warnings
from supervisor.explain.policy import in_words

DOUBLING = Backoff(initial=1.0, factor=2.0, max=30.0)
FIVE_A_MINUTE = Window(5, 60.0)


def spec(**policy: Any) -> WorkerSpec:
    return WorkerSpec(name="a", command="true", cwd="/", **policy)


def warned(**policy: Any) -> list[str]:
    return list(warnings([spec(**policy)]))


def by_hand(policy: WorkerSpec, life: float, tries: int) -> GivesUp | None:
    """Crash after `life` seconds, `tries` times, and count: written without the budget's own code."""
    backoff, now, attempt, starts = policy.backoff, 0.0, 0, []
    for crash in range(tries):
        now += life
        attempt = 0 if life >= policy.healthy_after else attempt
        window = policy.max_restarts_in
        full = window is not None and len([t for t in starts if now - t < window.within]) >= window.restarts
        if full or attempt == policy.max_restarts:
            return GivesUp(crash, now)
        starts.append(now)
        grown = {
            Growth.CONSTANT: backoff.initial,
            Growth.LINEAR: backoff.initial * (attempt + 1),
            Growth.EXPONENTIAL: backoff.initial * backoff.factor ** min(attempt, 60),
        }[backoff.kind]
        listed = [*backoff.steps[attempt:], *backoff.steps[-1:]]
        now += listed[0] if listed else min(grown, backoff.max)
        attempt += 1
    return None


@given(
    backoff=st.builds(
        Backoff,
        initial=st.integers(0, 4).map(float),
        max=st.integers(4, 20).map(float),
        kind=st.sampled_from(Growth),
        steps=st.lists(st.integers(0, 9).map(float), max_size=4).map(tuple),
    ),
    most=st.integers(-1, 8),
    window=st.none() | st.builds(Window, st.integers(1, 6), st.integers(1, 60).map(float)),
    healthy=st.integers(1, 9).map(float),
    life=st.integers(0, 10).map(float),
)
def test_it_gives_up_exactly_when_a_crash_loop_counted_by_hand_does(
    backoff: Backoff, most: int, window: Window | None, healthy: float, life: float
) -> None:
    policy = spec(backoff=backoff, max_restarts=most, max_restarts_in=window, healthy_after=healthy)
    assert gives_up(policy, life) == by_hand(policy, life, 60)


def test_a_limit_far_away_is_reckoned_and_not_waited_for() -> None:
    found = gives_up(spec(max_restarts=10**9, backoff=Backoff(kind=Growth.CONSTANT, initial=2.0)), 1.0)
    assert found == GivesUp(10**9, pytest.approx(3e9))


def test_the_line_of_check_says_when_and_never() -> None:
    assert line(spec()) == "gives up on lives of 0s: after 31s, 1s: after 37s, 5s: after 1m 1s, 30s: after 3m 31s"
    window = spec(backoff=DOUBLING, max_restarts=-1, max_restarts_in=FIVE_A_MINUTE)
    assert line(window) == "gives up on lives of 0s: after 31s, 1s: after 37s, 5s: after 1m 1s, 30s: never"
    assert (line(spec(max_restarts=0, retry=600.0)) or "").startswith("slows down to 10m on lives of 0s: after 0s, 1s:")
    assert line(spec(restart=Restart.NEVER)) is None
    assert line(spec(restart=Restart.NEVER, on_exit=(ExitRule(do=ExitAction.BACKOFF, codes=(1,)),))) is not None


def test_a_back_off_that_defeats_its_limit_is_warned_of_with_the_life_from_which_it_does() -> None:
    policy: dict[str, Any] = {"backoff": DOUBLING, "max_restarts": -1, "max_restarts_in": FIVE_A_MINUTE}
    (said,) = warned(**policy)
    assert said.startswith('worker "a" has a back-off that defeats its limit: 5 restarts take 31s of 1m in pauses')
    assert "one that lives 5.8s or more is never given up (up to 101 restarts an hour)" in said
    assert isinstance(gives_up(spec(**policy), 5.79), GivesUp)
    assert gives_up(spec(**policy), 5.8) is None


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"max_restarts": 5, "max_restarts_in": FIVE_A_MINUTE, "backoff": DOUBLING},  # the other limit is reached
        {"max_restarts": -1, "max_restarts_in": Window(5, 600.0), "backoff": DOUBLING},
        {"max_restarts": -1, "restart": Restart.NEVER},
        {"max_restarts": 0, "retry": 600.0},
        {"max_restarts": -1, "max_restarts_in": FIVE_A_MINUTE, "backoff": DOUBLING, "healthy_after": 5.0},
    ],
)
def test_a_policy_with_an_end_is_not_warned_of(policy: dict[str, Any]) -> None:
    assert warned(**policy) == []


def test_a_list_is_measured_by_its_shortest_stretch() -> None:
    late = Backoff(steps=(60.0, 1.0, 1.0, 1.0))
    assert warned(backoff=late, max_restarts=-1, max_restarts_in=Window(2, 60.0)) == []
    assert warned(backoff=Backoff(steps=(1.0, 60.0)), max_restarts=-1, max_restarts_in=Window(2, 60.0))


def test_a_policy_that_never_gives_up_is_warned_of() -> None:
    (said,) = warned(max_restarts=-1)
    assert said.startswith('worker "a" is never given up: max_restarts = -1, without max_restarts_in, restarts a crash')
    assert "up to 60 times an hour" in said
    (said,) = warned(max_restarts=-1, retry=600.0)
    assert said.startswith('worker "a" never gets to its retry: max_restarts = -1 sets no limit')


@pytest.mark.parametrize(
    ("news", "said"),
    [
        ({"max_restarts": -1, "max_restarts_in": FIVE_A_MINUTE}, "; failed after 5 restarts within 1m"),
        ({"max_restarts_in": FIVE_A_MINUTE}, "unless a life of 1m forgives them or 5 restarts within 1m"),
        ({"retry": 600.0}, "; tried every 10m after 5 restarts (a crash at once: in 31s)"),
        ({"max_restarts": 0, "retry": 600.0}, "else restarted every 10m (± 20%)"),
        ({"backoff": Backoff(jitter="full"), "max_restarts": 2}, "after 1s, 2s (or any time less); failed after 2"),
        ({"backoff": Backoff(jitter="full"), "max_restarts": -1}, "at most 60 restarts an hour"),
        (
            {"on_exit": (ExitRule(do=ExitAction.RESTART_NOW, codes=(75, 76)),)},
            "restarted at once after exit 75, 76; completed",
        ),
        ({"on_exit": (ExitRule(do=ExitAction.FAIL, codes=(3,), signals=(11,)),)}, "failed after exit 3 or signal 11; "),
        (
            {"restart": Restart.NEVER, "on_exit": (ExitRule(do=ExitAction.BACKOFF, codes=(3,)),)},
            "restarted after a pause after exit 3; otherwise completed after exit 0, else failed; restarted after 1s",
        ),
    ],
)
def test_the_new_parts_of_a_policy_in_words(news: dict[str, Any], said: str) -> None:
    assert said in in_words(spec(**news))


def test_check_prints_line_and_warning_and_finds_nothing_wrong(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "panevisor.toml"
    file.write_text("[workers.a]\ncommand = 'x'\nmax_restarts = -1\n")
    assert run(["check", str(file)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[2] == "    gives up on lives of 0s: never, 1s: never, 5s: never, 30s: never"
    assert printed[3].startswith('warning: worker "a" is never given up: max_restarts = -1')
