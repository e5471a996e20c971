"""What is typed into a worker's terminal: its queue moves on with each answer, and who gave it is told how it went."""

from dataclasses import replace

from actors.life import stall
from actors.life.state import Phase, Step, Worker
from actors.life.typing_queue import (
    NOBODYS,
    TypingQueue,
    in_time,
    next_piece,
    refusal,
    typed,
    without_first,
)
from actors.values.effects import Acknowledge, Effect, Emit, Type
from actors.values.facts import InputGiven, Instant, Typed, TypeHeld, TypeRefused, TypeUnknown


def input_given(w: Worker, given: InputGiven, now: Instant) -> Step:
    alive = w.life is not None and w.life.phase is Phase.ALIVE
    problem = refusal(w.typing, given) if alive else f"{w.name} is {w.state}, there is no program to type to"
    if problem:
        return w, (Acknowledge(given.number, problem),)
    queue = replace(w.typing, waiting=(*w.typing.waiting, given))
    return type_next(replace(w, typing=queue), now)


def type_next(w: Worker, now: Instant) -> Step:
    """Order the next piece to be typed, if there is one and it may be now."""
    if w.life is None or w.life.phase is not Phase.ALIVE or w.pane is None:
        return w, ()
    queue, late = in_time(w.typing, now.mono)
    told = given_up(w, "no one waits for it any more", late)
    queue, piece = next_piece(queue, now.mono)
    if piece is None:
        return replace(w, typing=queue), told
    order = Type(w.life.id, piece.number, w.pane, piece.content, piece.keys, piece.if_taken, piece.until)
    return replace(w, typing=queue), (*told, order)


def was_typed(w: Worker, fact: Typed, now: Instant) -> Step:
    if not under_way(w, fact):
        return w, ()
    queue, number = typed(w.typing)
    if number == NOBODYS and w.life:  # it may have waited to be typed: its echo is as of now
        w = replace(w, life=replace(w.life, stall=stall.echoing(w.life.stall, now)))
    w, more = type_next(replace(w, typing=queue), now)
    return w, (*_acknowledged(number, None), *more)


def type_unknown(w: Worker, fact: TypeUnknown, now: Instant) -> Step:
    """It may have been typed, so it is not typed again; what waits behind it has its turn."""
    if not under_way(w, fact):
        return w, ()
    queue, number = without_first(w.typing)
    w, more = type_next(replace(w, typing=queue), now)
    return w, (*_acknowledged(number, "tmux has not answered: it may be typed, or in part"), *more)


def under_way(w: Worker, answer: Typed | TypeHeld | TypeRefused | TypeUnknown) -> bool:
    """Claim that this is the answer to the piece under way."""
    queue = w.typing
    ours = w.life is not None and w.life.id == answer.life and queue.pieces == answer.piece
    return ours and queue.under_way is not None


def _acknowledged(number: int | None, problem: str | None) -> tuple[Effect, ...]:
    return () if number in (None, NOBODYS) else (Acknowledge(number, problem),)


def drop_input(w: Worker, reason: str) -> Step:
    """Give up all that waits, and tell each who gave it; of a piece under way nobody knows whether it arrived."""
    waiting, queue = w.typing.waiting, w.typing
    begun = queue.done > 0 or queue.under_way is not None
    dropped = tuple((given.number, begun and place == 0) for place, given in enumerate(waiting))
    if not waiting:
        return w, ()
    told = given_up(w, reason, tuple((number, begun) for number, begun in dropped if number != NOBODYS))
    return replace(w, typing=TypingQueue(ahead=queue.ahead, pieces=queue.pieces)), told


def given_up(w: Worker, reason: str, inputs: tuple[tuple[int, bool], ...]) -> tuple[Effect, ...]:
    """Say which inputs are not typed, by number and whether it was begun."""
    if not inputs:
        return ()
    facts = {"worker": w.name, "life": w.life.id if w.life else None, "inputs": len(inputs), "reason": reason}
    part = {True: "it may have been typed in part", False: "it was not typed"}
    told = [Acknowledge(number, f"{reason}; {part[begun]}") for number, begun in inputs]
    return (Emit("worker.input_dropped", facts), *told)
