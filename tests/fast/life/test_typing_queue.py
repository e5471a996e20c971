"""What waits to be typed: in order, in pieces, and never too far ahead of a program that reads nothing."""

from dataclasses import replace

from actors.life.typing_queue import (
    AHEAD,
    MOST_INPUTS,
    MOST_WAITING,
    PATIENCE,
    PAUSE,
    PIECE,
    TypingQueue,
    held,
    in_time,
    is_stuck,
    next_piece,
    refusal,
    typed,
    without_first,
)
from actors.values.facts import InputGiven


def queue_of(*contents: bytes) -> TypingQueue:
    return TypingQueue(waiting=tuple(InputGiven(number, content) for number, content in enumerate(contents, 1)))


def test_a_long_input_goes_in_pieces_and_is_done_with_the_last() -> None:
    content = bytes(range(256)) * 100
    queue, sent, done = queue_of(content, b"next"), b"", None
    while done is None:
        queue, piece = next_piece(queue, 0.0)
        assert piece is not None
        assert len(piece.content) <= PIECE
        sent += piece.content
        queue, done = typed(queue)
    assert (sent, done) == (content, 1)
    assert [given.number for given in queue.waiting] == [2]


def test_one_piece_is_under_way_at_a_time() -> None:
    queue, _ = next_piece(queue_of(b"a"), 0.0)
    assert next_piece(queue, 0.0) == (queue, None)


def test_far_ahead_a_piece_goes_only_when_all_before_was_read() -> None:
    queue = replace(queue_of(b"x" * PIECE), ahead=AHEAD)
    queue, piece = next_piece(queue, 0.0)
    assert piece is not None
    assert piece.if_taken
    queue, _ = typed(queue)
    assert queue.ahead == PIECE  # the terminal was empty when it was typed


def test_a_held_piece_is_tried_again_after_a_pause_and_given_up_at_last() -> None:
    queue, _ = next_piece(queue_of(b"x"), 10.0)
    queue = held(queue, 10.0)
    assert next_piece(queue, 10.0)[1] is None
    queue, piece = next_piece(queue, 10.0 + PAUSE)
    assert piece is not None
    assert is_stuck(held(queue, 10.0 + PATIENCE), 10.0 + PATIENCE)
    assert not is_stuck(held(queue, 11.0), 11.0)


def test_what_was_typed_ends_the_patience_anew() -> None:
    queue, _ = next_piece(queue_of(b"x", b"y"), 0.0)
    queue, _ = next_piece(held(queue, 0.0), PAUSE)
    queue, _ = typed(queue)
    assert queue.held_since is None


def test_too_much_is_refused() -> None:
    assert refusal(queue_of(b"x" * MOST_WAITING), InputGiven(9, b"y")) is not None
    assert refusal(queue_of(*[b""] * MOST_INPUTS), InputGiven(9, b"")) is not None
    assert refusal(queue_of(b"x"), InputGiven(9, b"y")) is None


def test_an_input_nobody_knows_the_fate_of_is_dropped_whole() -> None:
    queue, _ = next_piece(queue_of(b"x" * 3 * PIECE, b"y"), 0.0)
    queue, number = without_first(queue)
    assert (number, queue.done, queue.under_way) == (1, 0, None)
    assert [given.number for given in queue.waiting] == [2]


def test_what_nobody_waits_for_any_more_is_given_up_but_for_a_piece_under_way() -> None:
    queue = TypingQueue(waiting=tuple(InputGiven(number, b"x", until=until) for number, until in ((1, 5.0), (2, 9.0))))
    assert in_time(queue, 4.9) == (queue, ())
    rest, dropped = in_time(queue, 5.0)
    assert ([given.number for given in rest.waiting], dropped) == ([2], ((1, False),))
    queue, piece = next_piece(queue, 0.0)
    assert piece is not None
    assert piece.until == 5.0
    assert in_time(queue, 5.0) == (queue, ())
    rest, dropped = in_time(queue, 9.0)
    assert ([given.number for given in rest.waiting], dropped) == ([1], ((2, False),))


def test_an_input_that_is_given_up_half_way_says_so_and_the_next_begins_at_its_beginning() -> None:
    queue = TypingQueue(waiting=(InputGiven(1, b"x" * 10, until=5.0), InputGiven(2, b"y")), done=4)
    rest, dropped = in_time(queue, 5.0)
    assert (rest.done, dropped) == (0, ((1, True),))
