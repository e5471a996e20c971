"""When a running worker counts as stalled, and its ladder: pure, one look at its pane after the other."""

from dataclasses import replace
from typing import Self

import pytest

from actors.life.stall import (
    ECHO,
    Climbed,
    Moment,
    Sight,
    StallWatch,
    Unstalled,
    ask_at,
    healthy_until,
    look,
    next_rung,
)
from actors.values.facts import Instant
from actors.values.spec import Rung, Stall

WALL = 1_700_000_000.0
LADDER = (
    Rung(do="notify"),
    Rung(do="send", wait=60.0, text="go on"),
    Rung(do="interrupt", wait=30.0),
    Rung(do="restart", wait=20.0),
)
PLAN = Stall(after=100.0, ladder=LADDER)
BY_SCREEN = replace(PLAN, by="screen")


class Watched:
    """One pane, looked at when the test says so; time is monotonic, the wall clock `skew` beside it."""

    def __init__(self, plan: Stall = PLAN) -> None:
        self.plan, self.watch, self.now, self.skew = plan, StallWatch(), 1000.0, 0.0
        self.activity, self.size, self.attached, self.screen = int(WALL + 1000), (200, 50), False, b"a"
        self.moments: tuple[Moment, ...] = ()
        self.looks()

    @property
    def instant(self) -> Instant:
        return Instant(self.now, WALL + self.now + self.skew)

    def prints(self, screen: bytes | None = None) -> Self:
        self.activity, self.screen = int(self.instant.wall), screen or self.screen
        return self

    def at(self, now: float) -> Self:
        self.now = now
        return self

    def looks(self, *, captured: bool = True) -> Self:
        sight = Sight(self.now, self.activity, self.size, self.screen if captured else None, self.attached)
        self.watch, self.moments = look(self.watch, self.plan, sight, self.instant)
        return self

    @property
    def done(self) -> list[str]:
        """What the last look came to, in words."""
        return [m.rung.do if isinstance(m, Climbed) else type(m).__name__ for m in self.moments]


def stalled(plan: Stall = PLAN) -> Watched:
    return Watched(plan).at(1100.0).looks()


def test_each_rung_has_its_own_wait_after_the_one_before() -> None:
    s = stalled()
    told = [(at, s.at(at).looks().done) for at in (1159.0, 1160.0, 1189.0, 1190.0, 1209.0, 1210.0, 9999.0)]
    assert [found for found in told if found[1]] == [(1160.0, ["send"]), (1190.0, ["interrupt"]), (1210.0, ["restart"])]


def test_output_ends_the_stall_and_the_ladder_begins_anew_with_the_next() -> None:
    s = stalled().at(1170.0).looks().at(1180.0).prints().looks()
    assert s.moments == (Unstalled(80.0),)
    assert s.watch.since is None
    assert s.at(1280.0).looks().done == ["Stalled", "notify"]
    assert next_rung(s.watch, s.plan) == LADDER[1]


@pytest.mark.parametrize("late", [0.0, 0.9, ECHO])
def test_the_echo_of_what_the_ladder_typed_is_no_sign_of_life(late: float) -> None:
    s = stalled().at(1160.0).looks()
    assert s.done == ["send"]
    assert s.at(1160.0 + late).prints().at(1165.0).looks().done == []
    assert s.at(1190.0).looks().done == ["interrupt"]


def test_an_echo_in_the_second_of_the_typing_is_dated_before_it_and_is_no_sign_of_life() -> None:
    s = stalled().at(1160.7).looks()
    assert s.at(1160.8).prints().looks().done == []  # tmux dates it 1160


def test_what_is_printed_after_the_echo_is_a_sign_of_life() -> None:
    s = stalled().at(1160.0).looks().prints().at(1161.0).looks()
    assert s.at(1160.0 + ECHO + 1).prints().looks().done == ["Unstalled"]


def test_a_clock_that_was_set_back_hides_no_sign_of_life() -> None:
    s = stalled().at(1160.0).looks()
    s.skew = -3600.0
    assert s.at(1170.0).prints().looks().done == ["Unstalled"]


def test_while_a_person_is_attached_only_notify_is_done() -> None:
    s = Watched()
    s.attached = True
    assert s.at(1100.0).looks().done == ["Stalled", "notify"]
    assert s.at(1500.0).looks().done == []
    assert ask_at(s.watch, s.plan) is None


def test_when_the_person_has_left_the_wait_begins_anew() -> None:
    s = stalled()
    s.attached = True
    s.at(1150.0).looks()
    s.attached = False
    assert s.at(1400.0).looks().done == []
    assert s.at(1459.0).looks().done == []
    assert s.at(1460.0).looks().done == ["send"]


def test_a_new_size_does_not_end_a_stall_though_the_program_draws_itself_anew() -> None:
    s = stalled()
    s.size, s.attached = (80, 24), True
    assert s.at(1130.0).prints(b"b").looks().done == []
    assert s.at(1131.0).prints(b"c").looks().done == []
    s.size, s.attached = (200, 50), False
    assert s.at(1140.0).prints(b"d").looks().done == []
    assert s.watch.since is not None


@pytest.mark.parametrize("plan", [PLAN, BY_SCREEN], ids=["output", "screen"])
def test_a_mere_new_size_puts_no_stall_off(plan: Stall) -> None:
    s = Watched(plan).at(1050.0)
    s.size, s.screen = (80, 24), b"smaller"
    assert s.looks().done == []
    assert s.at(1100.0).looks().done == ["Stalled", "notify"]


def test_by_screen_a_change_puts_it_off_and_ends_it() -> None:
    s = Watched(BY_SCREEN).at(1050.0).prints(b"b").looks().at(1149.0).looks()
    assert s.done == []
    assert s.at(1150.0).looks().done == ["Stalled", "notify"]
    assert s.at(1155.0).prints(b"c").looks().done == ["Unstalled"]


def test_by_screen_a_look_without_a_capture_decides_only_when_nothing_was_printed() -> None:
    s = Watched(BY_SCREEN)
    assert s.at(1100.0).looks(captured=False).done == ["Stalled", "notify"]
    s = Watched(BY_SCREEN).at(1099.0).prints(b"b").at(1100.0)
    assert s.looks(captured=False).done == []
    assert s.looks().done == []
    assert s.watch.quiet == 1100.0


def test_the_pane_is_asked_for_at_once_and_then_when_an_answer_would_decide() -> None:
    assert ask_at(StallWatch(), PLAN) == 0.0
    assert ask_at(Watched().watch, PLAN) == 1100.0
    assert ask_at(stalled().watch, PLAN) == 1160.0


def test_the_first_question_once_answered_does_not_put_the_next_one_off() -> None:
    plan = Stall(after=2.0)
    asked = replace(StallWatch(), asked=1000.0)
    watch, _ = look(asked, plan, Sight(1000.0, 1, (200, 50), None, False), Instant(1000.0, WALL))
    assert ask_at(watch, plan) == 1002.0


@pytest.mark.parametrize(("plan", "until"), [(PLAN, 1050.0), (Stall(), 1099.0)])
def test_a_watched_life_is_healthy_no_longer_than_its_last_sign(plan: Stall, until: float) -> None:
    watch = Watched().at(1050.0).prints().looks().watch
    assert healthy_until(watch, plan, 1099.0) == until
