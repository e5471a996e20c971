"""What waits to be typed: in order, in pieces, and never too far ahead of a program that reads nothing."""

from dataclasses import replace
from typing import Any

import pytest
from kit.life import at

from actors.life.typing_queue import (
    AHEAD,
    LONG_PAUSE,
    MOST_INPUTS,
    MOST_WAITING,
    PATIENCE,
    PAUSE,
    PIECE,
    Glance,
    Piece,
    Stage,
    TypingQueue,
    for_next_life,
    hands_off,
    held,
    in_time,
    is_interrupted,
    is_stuck,
    next_order,
    refusal,
    set_aside,
    typed,
    with_input,
    without_first,
)
from actors.values.facts import NO_SENDER, InputGiven
from actors.values.typing import Manner, Rows, Sight


def queue_of(*contents: bytes, **given: Any) -> TypingQueue:
    inputs = (InputGiven(number, content, force=True, **given) for number, content in enumerate(contents, 1))
    return TypingQueue(waiting=tuple(inputs))


def order(queue: TypingQueue, now: float = 0.0) -> tuple[TypingQueue, Piece]:
    queue, piece = next_order(queue, now)
    assert isinstance(piece, Piece)
    return queue, piece


def numbers(queue: TypingQueue) -> list[int]:
    return [given.number for given in queue.waiting]


def test_a_long_input_goes_in_pieces_and_is_done_with_the_last() -> None:
    content = bytes(range(256)) * 100
    queue, sent, done = queue_of(content, b"next"), b"", None
    while done is None:
        queue, piece = order(queue)
        assert len(piece.content) <= PIECE
        sent += piece.content
        queue, done = typed(queue, at(0.0))
    assert (sent, done) == (content, 1)
    assert numbers(queue) == [2]


def test_a_paste_goes_as_one_piece_however_long_it_is() -> None:
    _, piece = order(queue_of(b"x" * 3 * PIECE, manner=Manner.PASTE))
    assert (len(piece.content), piece.paste) == (3 * PIECE, True)


def test_one_piece_is_under_way_at_a_time() -> None:
    queue, _ = order(queue_of(b"a"))
    assert next_order(queue, 0.0) == (queue, None)


def test_the_terminal_is_looked_at_once_before_an_input_unless_it_is_forced_or_interrupts() -> None:
    queue, look = next_order(TypingQueue(waiting=(InputGiven(1, b"x" * 2 * PIECE),)), 0.0)
    assert look == Glance(1, Rows.TOUCHED)
    queue, piece = order(hands_off(queue, Sight(touched=77)))
    assert piece.touched == 77  # it is typed only where nobody has pressed a key since
    queue, _ = typed(queue, at(0.0))
    queue, piece = order(queue)
    assert piece.touched is None
    for given in (InputGiven(1, b"x", force=True), InputGiven(1, keys=("C-c",))):
        assert isinstance(next_order(TypingQueue(waiting=(given,)), 0.0)[1], Piece)
    assert isinstance(next_order(TypingQueue(waiting=(InputGiven(NO_SENDER, keys=("C-c",)),)), 0.0)[1], Glance)


def test_enter_is_a_key_of_its_own_some_time_after_the_program_has_read_the_text() -> None:
    queue, piece = order(queue_of(b"text", manner=Manner.LINE))
    assert (piece.content, piece.keys) == (b"text", ())
    queue, done = typed(queue, at(0.0), 0.1)
    queue, question = order(queue)
    assert (done, question.content, question.keys, question.if_taken) == (None, b"", (), True)
    queue = held(queue, 0.0)  # it has not read it yet
    queue, question = order(queue, PAUSE)
    queue, done = typed(queue, at(5.0), 0.1)
    assert next_order(queue, 5.05)[1] is None
    queue, enter = order(queue, 5.1)
    assert (done, enter.keys, enter.if_taken) == (None, ("Enter",), True)
    queue, done = typed(queue, at(5.1), 0.1)
    assert (done, queue.waiting, queue.left.entered) == (1, (), "text")


def test_far_ahead_a_piece_goes_only_when_all_before_was_read() -> None:
    queue, piece = order(replace(queue_of(b"x" * PIECE), ahead=AHEAD))
    assert piece.if_taken
    queue, _ = typed(queue, at(0.0))
    assert queue.ahead == PIECE  # the terminal was empty when it was typed


def test_a_held_piece_is_tried_again_after_a_pause_and_given_up_at_last() -> None:
    queue, _ = order(queue_of(b"x"), 10.0)
    queue = held(queue, 10.0)
    assert next_order(queue, 10.0)[1] is None
    queue, _ = order(queue, 10.0 + PAUSE)
    assert is_stuck(held(queue, 10.0 + PATIENCE), 10.0 + PATIENCE)
    assert not is_stuck(held(queue, 11.0), 11.0)


def test_what_has_moved_since_the_look_is_looked_at_again_and_is_no_deafness() -> None:
    queue, _ = next_order(TypingQueue(waiting=(InputGiven(1, b"x"),)), 0.0)
    queue, _ = order(hands_off(queue, Sight()))
    queue = held(queue, 0.0, moved=True)
    assert not is_stuck(queue, 100.0)
    assert isinstance(next_order(queue, PAUSE)[1], Glance)


def test_what_was_typed_ends_the_patience_anew() -> None:
    queue, _ = order(queue_of(b"x", b"y"))
    queue, _ = order(held(queue, 0.0), PAUSE)
    queue, _ = typed(queue, at(0.0))
    assert queue.held_since is None


def test_too_much_is_refused() -> None:
    assert refusal(queue_of(b"x" * MOST_WAITING), InputGiven(9, b"y")) is not None
    assert refusal(queue_of(*[b""] * MOST_INPUTS), InputGiven(9, b"")) is not None
    assert refusal(queue_of(b"x"), InputGiven(9, b"y")) is None


def test_enter_after_other_keys_is_a_key_of_its_own_too() -> None:
    queue = TypingQueue(waiting=(InputGiven(1, keys=("y", "Enter"), force=True),))
    pressed, now = [], 0.0
    while queue.waiting and now < 9:
        queue, order = next_order(queue, now)
        now += 0.5
        if isinstance(order, Piece):
            pressed.append((order.keys, order.if_taken))
            queue, _ = typed(queue, at(now), 0.1)
    assert pressed == [(("y",), False), ((), True), (("Enter",), True)]


def test_keys_overtake_texts_but_no_other_keys_and_nothing_that_has_begun() -> None:
    queue = with_input(with_input(queue_of(b"a", b"b"), InputGiven(3, keys=("Up",))), InputGiven(4, keys=("Down",)))
    assert numbers(with_input(queue, InputGiven(5, b"c"))) == [3, 4, 1, 2, 5]
    begun, _ = order(queue_of(b"a", b"b"))
    assert numbers(with_input(begun, InputGiven(3, keys=("Up",)))) == [1, 3, 2]


def test_an_interrupt_cuts_off_an_input_that_has_begun_once_nothing_of_it_is_under_way() -> None:
    queue, _ = order(queue_of(b"x" * 3 * PIECE))
    queue = with_input(queue, InputGiven(2, keys=("C-c",)))
    assert not is_interrupted(queue)
    queue, _ = typed(queue, at(0.0))
    assert is_interrupted(queue)
    assert not is_interrupted(with_input(typed(order(queue_of(b"x" * 3 * PIECE))[0], at(0.0))[0], InputGiven(2, b"y")))


def test_what_is_set_aside_is_overtaken_and_tried_again() -> None:
    queue, _ = next_order(TypingQueue(waiting=(InputGiven(NO_SENDER, b"ladder"),)), 0.0)
    queue = with_input(set_aside(queue, 0.0), InputGiven(1, b"person", force=True))
    queue, piece = order(queue)
    assert piece.content == b"person"
    queue, _ = typed(queue, at(0.0))
    assert next_order(queue, 0.5)[1] is None
    assert queue.due == LONG_PAUSE
    queue, look = next_order(queue, LONG_PAUSE)
    assert isinstance(look, Glance)
    assert [given.content for given in queue.waiting] == [b"ladder"]


def test_what_has_no_sender_keeps_its_order_when_it_is_set_aside() -> None:
    ladder = tuple(InputGiven(NO_SENDER, content) for content in (b"1", b"2", b"3"))
    queue, _ = next_order(TypingQueue(waiting=(ladder[0], InputGiven(1, b"person"), *ladder[1:])), 0.0)
    queue = set_aside(queue, 0.0)
    assert numbers(queue) == [1]
    queue, _ = next_order(queue, LONG_PAUSE)
    assert [given.content for given in queue.waiting] == [b"1", b"2", b"3", b"person"]


def test_an_input_nobody_knows_the_fate_of_is_dropped_whole() -> None:
    queue, _ = order(queue_of(b"x" * 3 * PIECE, b"y"))
    queue, number = without_first(queue)
    assert (number, queue.done, queue.under_way) == (1, 0, None)
    assert numbers(queue) == [2]


def test_what_nobody_waits_for_any_more_is_given_up_but_for_a_piece_under_way() -> None:
    queue = TypingQueue(
        waiting=tuple(InputGiven(number, b"x", until=until, force=True) for number, until in ((1, 5.0), (2, 9.0)))
    )
    assert in_time(queue, 4.9) == (queue, ())
    rest, dropped = in_time(queue, 5.0)
    assert (numbers(rest), dropped) == ([2], ((1, False),))
    queue, piece = order(queue)
    assert piece.until == 5.0
    assert in_time(queue, 5.0) == (queue, ())
    rest, dropped = in_time(queue, 9.0)
    assert (numbers(rest), dropped) == ([1], ((2, False),))


def test_an_input_that_is_given_up_half_way_says_so_and_the_next_begins_at_its_beginning() -> None:
    waiting = (InputGiven(1, b"x" * 10, until=5.0), InputGiven(2, b"y"))
    rest, dropped = in_time(TypingQueue(waiting=waiting, stage=Stage.CONTENT, done=4), 5.0)
    assert (rest.done, rest.stage, dropped) == (0, Stage.LOOK, ((1, True),))


@pytest.mark.parametrize(("keep", "left", "told"), [(True, [2], [1]), (False, [], [1, 2])])
def test_at_the_end_of_a_life_what_has_not_begun_waits_for_the_next_one_if_there_is_one(
    keep: bool, left: list[int], told: list[int]
) -> None:
    queue, _ = order(with_input(queue_of(b"x" * 2 * PIECE, b"y"), InputGiven(NO_SENDER, b"ladder")))
    after, dropped = for_next_life(queue, keep=keep)
    assert (numbers(after), [number for number, _ in dropped]) == (left, told)
    assert dict(dropped)[1] is True
