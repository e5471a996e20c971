"""When a receiver is told of what: on a virtual clock."""

import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.values.facts import Instant
from supervisor.config.settings import Occasion, Receiver
from supervisor.notify.incidents import Incident
from supervisor.notify.plan import GRACE, Plan, concerns, in_quiet, step, taken_up

WALL = time.mktime((2026, 11, 29, 12, 0, 0, 0, 0, -1))


def receiver(**keys: Any) -> Receiver:
    return Receiver(name="ops", command=("true",), **{"settle": 10.0, "batch": 0.0} | keys)


def failed(worker: str = "api", **keys: Any) -> Incident:
    return Incident(**{"occasion": Occasion.FAILED, "worker": worker, "text": "failed", "since": WALL} | keys)


class Told:
    """A receiver, and what it was told so far: worker and news. Time goes on in seconds."""

    def __init__(self, to: Receiver, plan: Plan | None = None) -> None:
        self.to, self.plan, self.now, self.at = to, plan or Plan(), GRACE * to.settle, None

    def sees(self, *incidents: Incident, after: float = 0.0) -> list[tuple[str, str]]:
        self.now += after
        there: Mapping[str, Incident] = {each.key: each for each in incidents}
        self.plan, message, self.at = step(self.to, self.plan, there, Instant(self.now, WALL + self.now), begun=0.0)
        return [(line.incident.worker, line.news) for line in message]


def test_an_incident_is_told_once_when_it_has_settled_and_its_end_once_when_that_has() -> None:
    told = Told(receiver())
    assert told.sees(failed()) == []
    assert told.at == told.now + 10
    assert told.sees(failed(), after=10) == [("api", "new")]
    assert told.at is None
    assert told.sees(failed(), after=1000) == []
    assert told.sees(after=1) == []
    assert told.sees(after=10) == [("api", "over")]
    assert told.sees(after=1000) == []


def test_what_is_over_before_it_settles_is_not_told_and_what_comes_back_at_once_is_no_end() -> None:
    told = Told(receiver())
    told.sees(failed())
    assert told.sees(after=9) == told.sees(after=9) == []
    told.sees(failed())
    told.sees(failed(), after=10)
    assert told.sees(after=1) == told.sees(failed(), after=5) == told.sees(failed(), after=20) == []


def test_nobody_is_told_while_workers_are_still_coming_up() -> None:
    told = Told(receiver(settle=10.0))
    told.now = 1.0
    assert told.sees(failed()) == told.sees(failed(), after=10) == []
    assert told.at == GRACE * 10
    assert told.sees(failed(), after=20) == [("api", "new")]


def test_what_comes_together_is_one_message() -> None:
    told = Told(receiver(settle=0.0, batch=5.0))
    assert told.sees(failed()) == told.sees(failed(), failed("b"), after=2) == []
    assert told.sees(failed(), failed("b"), failed("c"), after=3) == [("api", "new"), ("b", "new"), ("c", "new")]


def test_a_lasting_incident_is_repeated_where_the_receiver_asks_for_it() -> None:
    told = Told(receiver(repeat=60.0))
    told.sees(failed())
    assert told.sees(failed(), after=10) == [("api", "new")]
    assert told.at == told.now + 60
    assert told.sees(failed(), after=60) == told.sees(failed(), after=60) == [("api", "still")]


def test_quiet_hours_hold_what_lasts_and_forget_what_does_not() -> None:
    told = Told(receiver(quiet=(22 * 60, 7 * 60)))
    told.now = 11 * 3600.0  # 23:00
    told.sees(failed(), failed("short"))
    assert told.sees(failed(), failed("short"), after=10) == told.sees(failed(), after=10) == []
    assert told.at == told.now + 60
    assert told.sees(failed(), after=8 * 3600) == [("api", "new")]


@pytest.mark.parametrize(
    ("quiet", "held"), [((22 * 60, 13 * 60), True), ((11 * 60, 13 * 60), True), ((13 * 60, 11 * 60), False)]
)
def test_quiet_hours_may_go_past_midnight(quiet: tuple[int, int], held: bool) -> None:
    assert in_quiet(receiver(quiet=quiet), Instant(0, WALL)) is held


def test_a_worker_that_somebody_is_attached_to_is_left_out_where_the_receiver_asks_for_it() -> None:
    told = Told(receiver(settle=0.0, unless_attached=True))
    assert told.sees(failed(attended=True)) == []
    assert told.sees(failed(), after=60) == [("api", "new")]


def test_a_moment_is_told_once_without_an_end() -> None:
    died = Incident(occasion=Occasion.TMUX_DIED, text="tmux died", since=WALL, moment=True)
    told = Told(receiver(batch=5.0))
    assert told.sees(died) == []
    assert told.sees(after=5) == [("", "new")]
    assert told.sees(after=1000) == []


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ({}, True),
        ({"on": (Occasion.WAITING,)}, False),
        ({"projects": ("shop",)}, True),
        ({"projects": ("other",)}, False),
        ({"labels": (("tier", "front"),)}, True),
        ({"labels": (("tier", "back"),)}, False),
    ],
)
def test_a_receiver_chooses_by_occasion_project_and_labels(keys: dict[str, Any], wanted: bool) -> None:
    assert concerns(receiver(**keys), failed(project="shop", labels=(("tier", "front"), ("x", "y")))) is wanted


def test_the_next_service_tells_no_incident_again_and_tells_its_end() -> None:
    told = Told(receiver(), taken_up(receiver(), [failed(), failed("b")], Instant(0, WALL)))
    assert told.sees(failed(), after=60) == []
    assert told.sees(failed(), after=10) == [("b", "over")]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=60))
def test_new_and_over_alternate_whatever_comes_and_goes(moves: list[tuple[bool, int]]) -> None:
    told = Told(receiver())
    news = [each for there, after in moves for each in told.sees(*[failed()] * there, after=after)]
    assert [said for _, said in news] == ["new", "over"] * (len(news) // 2) + ["new"] * (len(news) % 2)
