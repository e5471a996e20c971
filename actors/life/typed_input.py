"""Input for a worker's terminal: each answer of tmux moves the queue on, and each sender gets an answer.

Everything that is typed goes through here: `send`, `prompt`, stop plans, stall ladders.
"""

import math
from dataclasses import replace

from actors.life import prompting, stall
from actors.life.hands import Hold, entered, has_touched, hold, is_asked, standing_rows
from actors.life.state import Goal, Life, Phase, State, Step, Worker, renewed
from actors.life.typing_queue import (
    PAUSE,
    Dropped,
    Glance,
    Piece,
    Stage,
    emptied,
    enters,
    for_next_life,
    hands_off,
    held,
    in_time,
    is_interrupted,
    next_order,
    refusal,
    set_aside,
    typed,
    watched,
    with_input,
    without_first,
)
from actors.values.effects import Acknowledge, Effect, Emit, LookAtInput, Type
from actors.values.facts import (
    NO_SENDER,
    InputGiven,
    InputSeen,
    Instant,
    Typed,
    TypeHeld,
    TypeRefused,
    TypeUnknown,
)
from actors.values.rules import Asked
from actors.values.typing import Sight, Untyped, Why

SETTLE = 3.0  # seconds for a program to take what was sent to it before from its input line
NOBODY = "no one waits for it any more"
NOT_ASKED = "no program asks: the text stands there, and nobody reads"
TOO_LATE = "a rule meant it for what stood on the screen then"

S = State
_COMES = {S.PENDING, S.STARTING, S.RUNNING, S.BACKOFF}


def input_given(w: Worker, given: InputGiven, now: Instant) -> Step:
    """Queue the input. It waits while the worker does not run yet, and is refused where it does not by itself."""
    problem = refusal(w.typing, given) if will_run(w) else _no_program(w)
    if problem:
        return w, (Acknowledge(given.number, Untyped(Why.NOT_MET, problem)),)
    given = given if reader(w) else replace(given, when_ready=True)
    return type_next(replace(w, typing=with_input(w.typing, given)), now)


def will_run(w: Worker) -> bool:
    """Whether a program of the worker reads input, now or after a start that needs no person."""
    again = w.state is S.STOPPING and w.goal in (Goal.RESTART, Goal.REPLACE)
    return w.state in _COMES or again or reader(w) is not None


def _no_program(w: Worker) -> str:
    return f"{w.name} is {w.state}, so no program reads input"


def reader(w: Worker) -> Life | None:
    """Return the life whose program reads input; None: there is none."""
    return w.life if w.life is not None and w.life.phase is Phase.ALIVE and w.pane is not None else None


def type_next(w: Worker, now: Instant) -> Step:
    """Order the next piece, if there is one and it may be typed now."""
    w, told = _without_late(w, now)
    life, pane, first = reader(w), w.pane, w.typing.waiting[0] if w.typing.waiting else None
    if life is None or pane is None or (first and w.state is S.STARTING and _is_for_the_ready(first)):
        return w, told
    if is_interrupted(w.typing):
        w, more = _finish(w, _cut_off(w), now)
        return w, (*told, *more)
    if first and first.is_automatic and w.is_held and not (w.ending or w.typing.begun):
        w = replace(w, typing=replace(set_aside(w.typing, now.mono), aside_at=w.hold_over))
    queue, order = next_order(w.typing, now.mono)
    match order:
        case Glance(number, rows):
            since = max(life.since.wall, queue.left.at)
            return replace(w, typing=queue), (*told, LookAtInput(life.id, number, pane, since, rows))
        case Piece():
            return replace(w, typing=queue), (*told, _type(life, pane, order))
        case None:
            return renewed(w, typing=queue), told


def _is_for_the_ready(given: InputGiven) -> bool:
    """Whether the input waits until its worker runs; others may be what a program needs to get ready."""
    return given.when_ready or given.manner.is_prompt


def _type(life: Life, pane: str, p: Piece) -> Type:
    return Type(life.id, p.number, pane, p.content, p.keys, p.if_taken, p.until, p.paste, p.touched, p.cursor, p.stands)


def _without_late(w: Worker, now: Instant) -> Step:
    """Drop what nobody waits for any more."""
    before = w.typing
    queue, late = in_time(before, now.mono)
    if not late:
        return w, ()
    if w.state is not S.RUNNING and not late[0][1]:
        said = f"{w.name} is {w.state}, and has not come to run in time; it was not typed"
        return replace(w, typing=queue), _dropped(w, said, [(number, Untyped(Why.LATE, said)) for number, _ in late])
    reason = NOBODY if any(number != NO_SENDER for number, _ in late) else TOO_LATE
    told = _untyped(reason, late)
    if before.prompting and late[0][1]:
        told[0] = late[0][0], prompting.out_of_time(before.prompting)
    return replace(w, typing=queue), _dropped(w, reason, told)


def _cut_off(w: Worker) -> Untyped:
    """Return what the sender of an input is told that an interrupt has cut off."""
    if w.typing.prompting:
        return prompting.out_of_time(w.typing.prompting)
    return Untyped(Why.NOT_MET, "an interrupt came after it; it may have been typed in part")


# ── looks ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def input_seen(w: Worker, fact: InputSeen, now: Instant) -> Step:
    """Type, wait, press Enter or give up, as the input line shows."""
    if not under_way(w, fact):
        return w, ()
    life = reader(w)
    if life is None:  # its program has just ended: a person may start another one in the pane
        return replace(w, typing=held(w.typing, now.mono, moved=True)), ()
    if w.typing.stage is Stage.LOOK:
        return _before_typing(w, life, fact.sight, now)
    return _watching(w, fact.sight, now)


def _before_typing(w: Worker, life: Life, sight: Sight, now: Instant) -> Step:
    queue, first = w.typing, w.typing.waiting[0]
    if first.asked and standing_rows(first.asked.match, sight) is None:
        return replace(w, typing=held(queue, now.mono, unasked=True, moved=True)), ()
    if first.asked and not is_asked(first.asked.match, sight):
        dropped = _dropped(w, NOT_ASKED, [(NO_SENDER, Untyped(Why.NOT_MET, NOT_ASKED))])
        w, more = _finish(w, None, now)
        return w, (*dropped, *more)
    why = hold(first, sight, queue.left, life.since.wall, now)
    if why is None:
        return type_next(replace(w, typing=hands_off(queue, sight)), now)
    certain = why is Hold.TYPING or (why is Hold.DRAFT and has_touched(sight, queue.left, life.since.wall))
    since = now.mono if queue.held_since is None else queue.held_since
    if not certain and now.mono - since < SETTLE:
        return replace(w, typing=replace(queue, under_way=None, held_since=since, retry_at=now.mono + PAUSE)), ()
    if first.is_automatic:
        w, more = type_next(replace(w, typing=set_aside(queue, now.mono)), now)
        return w, (*_held_back(w, first, why), *more)
    return _finish(w, Untyped(Why.CONFLICT, f"{why}; nothing was typed (--force types all the same)"), now)


def _held_back(w: Worker, first: InputGiven, why: Hold) -> tuple[Effect, ...]:
    """Tell once of each input that waits for a person."""
    facts = {"worker": w.name, "life": w.life.id if w.life else None, "why": why.name.lower()}
    return () if first.waited else (Emit("worker.input_held", facts),)


def _watching(w: Worker, sight: Sight, now: Instant) -> Step:
    queue, first = w.typing, w.typing.waiting[0]
    assert queue.prompting is not None
    text = first.content.decode(errors="replace")
    progress, move = prompting.look(queue.prompting, text, sight, now, w.spec.enter_delay)
    queue = watched(queue, progress)
    match move:
        case prompting.Wait(seconds):
            return replace(w, typing=replace(queue, retry_at=now.mono + seconds)), ()
        case prompting.Press():
            return type_next(replace(w, typing=enters(queue, move)), now)
        case prompting.Done(problem):
            return _finish(replace(w, typing=queue), problem, now)


def _finish(w: Worker, problem: Untyped | None, now: Instant) -> Step:
    """Answer the sender of the first input, and go on with the next one."""
    left = entered(w.typing.left, now) if w.typing.prompting else w.typing.left
    queue, number = without_first(replace(w.typing, left=left))
    w, more = type_next(replace(w, typing=queue), now)
    return w, (*_acknowledged(number, problem), *more)


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def was_typed(w: Worker, fact: Typed, now: Instant) -> Step:
    if not under_way(w, fact):
        return w, ()
    first, (queue, number) = w.typing.waiting[0], typed(w.typing, now, w.spec.enter_delay)
    if number == NO_SENDER and w.life:  # it may have waited in the queue: its echo comes now
        w = replace(w, life=replace(w.life, stall=stall.echoing(w.life.stall, now)))
    answered = _answered(w, first.asked) if number is not None and first.asked else ()
    w, more = type_next(replace(w, typing=queue), now)
    return w, (*answered, *_acknowledged(number, None), *more)


def _answered(w: Worker, asked: Asked) -> tuple[Effect, ...]:
    facts = {"worker": w.name, "life": w.life.id if w.life else None, "rule": asked.rule, "text": asked.match.text}
    facts |= {"prompt": asked.match.preset} if asked.match.preset else {}
    return (Emit("worker.answered", facts),)


def type_unknown(w: Worker, fact: TypeUnknown, now: Instant) -> Step:
    """Go on with the next input. The piece may have been typed, so it is not repeated."""
    if not under_way(w, fact):
        return w, ()
    why = Why.UNKNOWN if w.typing.waiting[0].manner.is_prompt else Why.NOT_MET
    return _finish(w, Untyped(why, "tmux did not answer: it may be typed, or in part"), now)


def under_way(w: Worker, answer: InputSeen | Typed | TypeHeld | TypeRefused | TypeUnknown) -> bool:
    """Whether this is the answer to the piece under way."""
    queue = w.typing
    ours = w.life is not None and w.life.id == answer.life and queue.pieces == answer.piece
    return ours and queue.under_way is not None


def _acknowledged(number: int | None, problem: Untyped | None) -> tuple[Effect, ...]:
    return () if number in (None, NO_SENDER) else (Acknowledge(number, problem),)


# ── what is given up ──────────────────────────────────────────────────────────────────────────────────────────────


def drop_input(w: Worker, reason: str) -> Step:
    """Drop all input, and tell each sender. A piece under way may have been typed."""
    queue, dropped = emptied(w.typing)
    return renewed(w, typing=queue), given_up(w, reason, dropped)


def life_over(w: Worker) -> Step:
    """Drop the input that was meant for this life; what has not begun waits for the next one, if there will be one."""
    keep = w.state in _COMES or (w.state is S.STOPPING and w.goal in (Goal.RESTART, Goal.REPLACE))
    queue, dropped = for_next_life(w.typing, keep=keep)
    return renewed(w, typing=queue), given_up(w, f"{w.name} has ended", dropped)


def after_each_change(w: Worker, now: Instant) -> Step:
    """Type what could not be typed before. Drop the input of a worker that does not run, and will not by itself."""
    if not w.typing.count:
        return w, ()
    return type_next(w, now) if will_run(w) else drop_input(w, f"{w.name} is {w.state}")


def tries_at(w: Worker) -> float | None:
    """Return when (monotonic) input is to be tried again, or is waited for no longer."""
    queue = w.typing
    if not queue.count or queue.under_way is not None:
        return None
    again = queue.due if reader(w) else None
    late = min((given.until for given in queue.waiting), default=math.inf)
    return min((at for at in (again, late) if at is not None and at < math.inf), default=None)


def given_up(w: Worker, reason: str, inputs: Dropped) -> tuple[Effect, ...]:
    """Tell the senders of dropped inputs."""
    return _dropped(w, reason, _untyped(reason, inputs))


def _untyped(reason: str, inputs: Dropped) -> list[tuple[int, Untyped]]:
    part = {True: "it may have been typed in part", False: "it was not typed"}
    return [(number, Untyped(Why.NOT_MET, f"{reason}; {part[begun]}")) for number, begun in inputs]


def _dropped(w: Worker, reason: str, told: list[tuple[int, Untyped]]) -> tuple[Effect, ...]:
    if not told:
        return ()
    facts = {"worker": w.name, "life": w.life.id if w.life else None, "inputs": len(told), "reason": reason}
    acks = [Acknowledge(number, problem) for number, problem in told if number != NO_SENDER]
    return (Emit("worker.input_dropped", facts), *acks)
