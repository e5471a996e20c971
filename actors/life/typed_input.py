"""Input for a worker's terminal: each answer of tmux moves the queue on, and each sender gets an answer."""

from dataclasses import replace

from actors.life import stall
from actors.life.state import Phase, Step, Worker, renewed
from actors.life.typing_queue import NO_SENDER, TypingQueue, in_time, next_piece, refusal, typed, without_first
from actors.values.effects import Acknowledge, Effect, Emit, Type
from actors.values.facts import InputGiven, Instant, Typed, TypeHeld, TypeRefused, TypeUnknown


def input_given(w: Worker, given: InputGiven, now: Instant) -> Step:
    alive = w.life is not None and w.life.phase is Phase.ALIVE
    problem = refusal(w.typing, given) if alive else f"{w.name} is {w.state}, so no program reads input"
    if problem:
        return w, (Acknowledge(given.number, problem),)
    queue = replace(w.typing, waiting=(*w.typing.waiting, given))
    return type_next(replace(w, typing=queue), now)


def type_next(w: Worker, now: Instant) -> Step:
    """Order the next piece, if there is one and it may be typed now."""
    if w.life is None or w.life.phase is not Phase.ALIVE or w.pane is None:
        return w, ()
    queue, late = in_time(w.typing, now.mono)
    told = given_up(w, "no one waits for it any more", late)
    queue, piece = next_piece(queue, now.mono)
    if piece is None:
        return renewed(w, typing=queue), told
    order = Type(w.life.id, piece.number, w.pane, piece.content, piece.keys, piece.if_taken, piece.until)
    return replace(w, typing=queue), (*told, order)


def was_typed(w: Worker, fact: Typed, now: Instant) -> Step:
    if not under_way(w, fact):
        return w, ()
    queue, number = typed(w.typing)
    if number == NO_SENDER and w.life:  # it may have waited in the queue: its echo comes now
        w = replace(w, life=replace(w.life, stall=stall.echoing(w.life.stall, now)))
    w, more = type_next(replace(w, typing=queue), now)
    return w, (*_acknowledged(number, None), *more)


def type_unknown(w: Worker, fact: TypeUnknown, now: Instant) -> Step:
    """Go on with the next input. The piece may have been typed, so it is not repeated."""
    if not under_way(w, fact):
        return w, ()
    queue, number = without_first(w.typing)
    w, more = type_next(replace(w, typing=queue), now)
    return w, (*_acknowledged(number, "tmux did not answer: it may be typed, or in part"), *more)


def under_way(w: Worker, answer: Typed | TypeHeld | TypeRefused | TypeUnknown) -> bool:
    """Whether this is the answer to the piece under way."""
    queue = w.typing
    ours = w.life is not None and w.life.id == answer.life and queue.pieces == answer.piece
    return ours and queue.under_way is not None


def _acknowledged(number: int | None, problem: str | None) -> tuple[Effect, ...]:
    return () if number in (None, NO_SENDER) else (Acknowledge(number, problem),)


def drop_input(w: Worker, reason: str) -> Step:
    """Drop all input, and tell each sender. A piece under way may have been typed."""
    waiting, queue = w.typing.waiting, w.typing
    begun = queue.done > 0 or queue.under_way is not None
    dropped = tuple((given.number, begun and place == 0) for place, given in enumerate(waiting))
    if not waiting:
        return w, ()
    told = given_up(w, reason, tuple((number, begun) for number, begun in dropped if number != NO_SENDER))
    return replace(w, typing=TypingQueue(ahead=queue.ahead, pieces=queue.pieces)), told


def given_up(w: Worker, reason: str, inputs: tuple[tuple[int, bool], ...]) -> tuple[Effect, ...]:
    """Tell the senders of dropped inputs; each input has its number and whether a part of it was ordered."""
    if not inputs:
        return ()
    facts = {"worker": w.name, "life": w.life.id if w.life else None, "inputs": len(inputs), "reason": reason}
    part = {True: "it may have been typed in part", False: "it was not typed"}
    told = [Acknowledge(number, f"{reason}; {part[begun]}") for number, begun in inputs]
    return (Emit("worker.input_dropped", facts), *told)
