"""A prompt: its text is known again on the screen, and Enter is pressed only while it stands there."""

from typing import Any

import pytest
from kit.life import at

from actors.life.input_line import standing
from actors.life.prompting import (
    AGAIN_AFTER,
    APPEAR_WITHIN,
    Done,
    Move,
    Press,
    Prompting,
    Wait,
    look,
    out_of_time,
    pressed,
)
from actors.values.typing import Sight, Why

TEXT = "Please do three things:\n1. read the log\n2. fix it\n3. run the tests"
LONG = "one two three four five six seven " * 10


def drawn(before: str, *above: str, **seen: Any) -> Sight:
    return Sight(before=before, above=above, canonical=False, **seen)


@pytest.mark.parametrize(
    ("sight", "text"),
    [
        (drawn("> fix the bug"), "fix the bug"),
        (drawn("  3. run the tests", "> Please do three things:", "  1. read the log", "  2. fix it"), TEXT),
        (
            drawn(
                "│   3. run the tests", "│ > Please do three things:  │", "│   1. read the log   │", "│   2. fix it │"
            ),
            TEXT,
        ),
        (drawn("... }", ">>> f() {", "...   go"), "f() {\n  go\n}"),
        (drawn("> [Pasted text #1 +200 lines]"), "x\n" * 200),
        (drawn("› [Pasted Content 1234 chars]"), "y" * 1234),
        (drawn(" > [Pasted Text: 12 lines]"), "z\n" * 12),
        (drawn(LONG[-44:], "> " + LONG[:-44]), LONG),
        (drawn("", "x" * 200, columns=200), "x" * 200),  # the cursor has gone to the next row
        (drawn("> 東京 へ"), "東京 へ"),
        (Sight(before="hello"), "hello"),  # a terminal that echoes
    ],
)
def test_a_text_is_known_again_wrapped_framed_indented_or_collapsed(sight: Sight, text: str) -> None:
    assert standing(sight, text)


@pytest.mark.parametrize(
    ("sight", "text"),
    [
        (drawn("> ", "> fix the bug"), "fix the bug"),  # submitted: it stands above
        (Sight(before="", above=("fix the bug",)), "fix the bug"),
        (drawn("", "fix the bug"), "fix the bug"),
        (drawn("Update now? [Y/n] ", "> fix the bug"), "fix the bug"),  # a dialog
        (drawn("> fix the bug and more"), "fix the bug"),  # a person goes on with it
        (drawn("}", "something else"), "f() {\n  go\n}"),  # too little to be known by
        (drawn("> "), "fix the bug"),
    ],
)
def test_a_text_that_stands_elsewhere_or_goes_on_does_not_stand_at_the_cursor(sight: Sight, text: str) -> None:
    assert not standing(sight, text)


class Told:
    """A prompt that is told looks, at times."""

    def __init__(self) -> None:
        self.now, self.p, self.presses = 0.0, Prompting(0.0), 0

    def sees(self, sight: Sight, after: float = 0.1) -> Move:
        self.now += after
        self.p, move = look(self.p, "fix the bug", sight, at(self.now), 0.1)
        if isinstance(move, Press):
            self.presses += 1
            self.p = pressed(self.p, at(self.now))
        return move


STANDS, EMPTY = drawn("> fix the bug", cursor=(13, 4)), drawn("> ", "fix the bug")


def entered() -> Told:
    told = Told()
    told.sees(STANDS)
    assert told.sees(STANDS) == Press((13, 4))
    return told


def test_a_text_that_is_seen_twice_is_entered_and_one_that_is_gone_twice_was_submitted() -> None:
    told = entered()
    assert told.sees(EMPTY) == Wait(0.1)
    assert told.sees(EMPTY) == Done(None)
    assert told.presses == 1


def test_a_text_that_is_never_seen_gets_no_enter() -> None:
    told, move = Told(), None
    while not isinstance(move := told.sees(EMPTY), Done):
        assert told.now < APPEAR_WITHIN + 1
    assert (move.problem.why, told.presses) == (Why.UNKNOWN, 0)  # type: ignore[union-attr]


def test_a_text_that_was_covered_before_its_enter_gets_none() -> None:
    told = Told()
    told.sees(STANDS)
    assert isinstance(told.sees(drawn("Update now? [Y/n] ")), Wait)
    assert told.presses == 0


def test_enter_is_pressed_again_while_the_text_stands_there_and_at_last_it_is_parked() -> None:
    told = entered()
    while not isinstance(move := told.sees(STANDS), Done):
        pass
    assert (move.problem.why, told.presses) == (Why.PARKED, len(AGAIN_AFTER))  # type: ignore[union-attr]
    assert told.now > sum(AGAIN_AFTER)
    lost = entered()
    while lost.presses < 2:
        lost.sees(STANDS)
    lost.sees(EMPTY)
    assert lost.sees(EMPTY) == Done(None)


def test_a_dialog_that_answers_is_no_reason_for_another_enter() -> None:
    told = entered()
    told.sees(drawn("❯ 1. Yes"))
    assert told.sees(drawn("❯ 1. Yes")) == Done(None)
    assert told.presses == 1


def test_a_program_that_has_set_up_its_screen_meanwhile_may_have_lost_the_text() -> None:
    told = Told()
    told.sees(Sight(before="fix the bug"))
    told.sees(Sight(before="fix the bug"))
    assert told.presses == 1
    while not isinstance(move := told.sees(drawn("> ")), Done):
        pass
    assert move.problem.why is Why.UNKNOWN  # type: ignore[union-attr]


def test_a_terminal_that_collects_lines_has_submitted_when_the_program_has_read() -> None:
    told = Told()
    for _ in range(2):
        told.sees(Sight(before="fix the bug"))
    assert isinstance(told.sees(Sight(above=("fix the bug",), unread=12)), Wait)
    told.sees(Sight(above=("fix the bug",)))
    assert told.sees(Sight(above=("fix the bug",))) == Done(None)


def test_a_prompt_out_of_time_says_what_is_known_of_it() -> None:
    told = Told()
    assert out_of_time(told.p).why is Why.UNKNOWN
    told.sees(STANDS)
    assert out_of_time(told.p).why is Why.PARKED
