"""The input that waits for one worker's terminal, in order; one piece is under way at a time. Pure.

    give ──▶ queue ──next_order──▶ Glance │ Piece ──▶ InputSeen │ Typed │ TypeHeld │ TypeRefused │ TypeUnknown

    LOOK ──hands off──▶ CONTENT ──exact bytes, keys──▶ the next input
      │                   ├─a text with Enter──▶ TAKEN ──the program has read it──▶ ENTER ──▶ the next input
      │                   └─a prompt──▶ WATCH ──(prompting)──▶ ENTER ──▶ WATCH …
      └─hands on: a sender is refused; what the service types by itself is set `aside`, and others overtake it

tmux keeps unread input forever, in the memory of the server that all workers share. So after `AHEAD` bytes typed since
the terminal was last empty, a piece waits until it is empty again.
"""

from dataclasses import field, replace
from enum import StrEnum

from actors.frozen import frozen
from actors.life.hands import Left, entered, is_interrupt, needs_look, rows_of, standing_rows, typed_more
from actors.life.prompting import Press, Prompting, pressed
from actors.values.facts import NO_SENDER, InputGiven, Instant
from actors.values.typing import Manner, Rows, Sight

PIECE = 16_384  # bytes typed in one order: about 3 ms of tmux's one thread
AHEAD = 65_536  # bytes that may be typed ahead of a program that does not read
MOST_WAITING = 4 << 20  # bytes in one worker's queue
MOST_INPUTS = 1_000
PAUSE = 0.05  # seconds until a held piece is tried again
LONG_PAUSE = 1.0  # the same, when tmux could not be asked, or a person's hands are on
PATIENCE = 15.0  # seconds without reading after which the waiting input is dropped


class Stage(StrEnum):
    """Where the first input is."""

    LOOK = "look"
    CONTENT = "content"
    TAKEN = "taken"
    WATCH = "watch"
    ENTER = "enter"


@frozen(kw_only=True)
class TypingQueue:
    """`waiting` inputs in order. Of the first, `done` bytes are typed and `under_way` are ordered (None: none).

    `pieces`: number of the last ordered piece. `ahead`: bytes typed since the terminal was last empty.
    `aside`: inputs without a sender that wait for a person, to be looked at again at `aside_at`.
    """

    waiting: tuple[InputGiven, ...] = ()
    stage: Stage = Stage.LOOK
    done: int = 0
    under_way: int | None = None
    pieces: int = 0
    ahead: int = 0
    retry_at: float | None = None
    held_since: float | None = None
    aside: tuple[InputGiven, ...] = ()
    aside_at: float | None = None
    touched: int | None = None  # as seen by the look at the first input
    prompting: Prompting | None = None
    cursor: tuple[int, int] | None = None  # where Enter of a prompt, or an answer to one, is meant for
    stands: tuple[str, ...] = ()  # the rows of the prompt that is answered, as seen by the look
    left: Left = field(default_factory=Left)

    @property
    def size(self) -> int:
        return sum(len(given.content) for given in self.waiting)

    @property
    def count(self) -> int:
        """How many inputs wait."""
        return len(self.waiting) + len(self.aside)

    @property
    def begun(self) -> bool:
        """Whether something of the first input is typed or ordered."""
        return bool(self.waiting) and (self.stage is not Stage.LOOK or self.under_way is not None)

    @property
    def is_typed(self) -> bool:
        """Whether something of the first input is typed, or may be."""
        return self.begun and (self.stage is not Stage.LOOK and (self.done > 0 or self.under_way is not None))

    @property
    def due(self) -> float | None:
        """When (monotonic) an input is to be tried again."""
        return min((at for at in (self.retry_at, self.aside_at) if at is not None), default=None)


@frozen
class Piece:
    """One piece of input, and its number; see `Type`."""

    number: int
    content: bytes
    keys: tuple[str, ...]
    if_taken: bool
    until: float
    paste: bool = False
    touched: int | None = None
    cursor: tuple[int, int] | None = None
    stands: tuple[str, ...] = ()


@frozen
class Glance:
    """A look at the input line, and its number."""

    number: int
    rows: Rows


Dropped = tuple[tuple[int, bool], ...]
"""The numbers of inputs that are given up, and whether something of each was typed."""


def refusal(queue: TypingQueue, given: InputGiven) -> str | None:
    """Return why this input cannot be queued; None when it can."""
    if queue.count >= MOST_INPUTS or queue.size + len(given.content) > MOST_WAITING:
        return f"{queue.count} inputs ({queue.size:,} bytes) wait already; the program reads too slowly"
    return None


def with_input(queue: TypingQueue, given: InputGiven) -> TypingQueue:
    """Return the queue with this input at its end. Keys overtake all but other keys and an input that has begun."""
    if not given.keys or given.is_automatic:
        return replace(queue, waiting=(*queue.waiting, given))
    first, others = (queue.waiting[:1], queue.waiting[1:]) if queue.begun else ((), queue.waiting)
    keys = next((at for at, other in enumerate(others) if not other.keys or other.is_automatic), len(others))
    fresh = queue if first else replace(queue, retry_at=None, held_since=None)
    return replace(fresh, waiting=(*first, *others[:keys], given, *others[keys:]))


def next_order(queue: TypingQueue, now: float) -> tuple[TypingQueue, Piece | Glance | None]:
    """Return what is ordered now; None when something is under way, nothing waits, or what is held must wait."""
    queue = _with_those_aside(queue, now)
    if not queue.waiting or queue.under_way is not None or (queue.retry_at or now) > now:
        return queue, None
    first, number = queue.waiting[0], queue.pieces + 1
    stage = queue.stage if queue.stage is not Stage.LOOK or needs_look(first) else Stage.CONTENT
    queue = replace(queue, stage=stage, under_way=0, pieces=number, retry_at=None)
    match stage:
        case Stage.LOOK | Stage.WATCH:
            return queue, Glance(number, rows_of(first))
        case Stage.TAKEN:
            return queue, Piece(number, b"", (), if_taken=True, until=first.until)
        case Stage.ENTER:
            wary = not first.manner.is_prompt
            return queue, Piece(number, b"", ("Enter",), wary, first.until, cursor=queue.cursor)
        case _:
            return _content(queue, first, number)


def _content(queue: TypingQueue, first: InputGiven, number: int) -> tuple[TypingQueue, Piece]:
    paste = first.manner is Manner.PASTE
    content = first.content if paste else first.content[queue.done : queue.done + PIECE]
    if_taken = queue.ahead + len(content) > AHEAD
    touched = None if queue.done else queue.touched
    keys, cursor, stands = first.first_keys, queue.cursor, queue.stands
    piece = Piece(number, content, keys, if_taken, first.until, paste, touched, cursor, stands)
    return replace(queue, under_way=len(content)), piece


def _with_those_aside(queue: TypingQueue, now: float) -> TypingQueue:
    if not queue.aside or queue.begun or (queue.aside_at or now) > now:
        return queue
    return replace(
        queue, waiting=(*queue.aside, *queue.waiting), aside=(), aside_at=None, retry_at=None, held_since=None
    )


def set_aside(queue: TypingQueue, now: float) -> TypingQueue:
    """Return the queue after a person's hands kept its first input, which has no sender.

    Inputs of senders may overtake it; others that have none wait behind it.
    """
    first, *others = queue.waiting
    aside = (*queue.aside, replace(first, waited=True), *(given for given in others if given.is_automatic))
    waiting = tuple(given for given in others if not given.is_automatic)
    after = replace(queue, waiting=waiting, aside=aside, aside_at=now + LONG_PAUSE)
    return replace(after, stage=Stage.LOOK, under_way=None, retry_at=None, held_since=None)


def in_time(queue: TypingQueue, now: float) -> tuple[TypingQueue, Dropped]:
    """Return the queue without inputs past their `until`, and what was dropped."""
    begun = queue.waiting[: queue.under_way is not None]  # a piece under way cannot be called back
    rest = queue.waiting[len(begun) :]
    late = [given for given in rest if given.until <= now]
    if not late:
        return queue, ()
    first = queue.waiting[0]
    dropped = tuple((given.number, given is first and queue.is_typed) for given in late)
    if late[0] is first:
        queue = _fresh(queue)
    return replace(queue, waiting=(*begun, *(given for given in rest if given.until > now))), dropped


def typed(queue: TypingQueue, now: Instant, delay: float = 0.0) -> tuple[TypingQueue, int | None]:
    """Return the queue after a piece was typed, and the number of the input that it completed, if any.

    `delay`: seconds between a text that was read and its Enter.
    """
    size, first = queue.under_way or 0, queue.waiting[0]
    ahead = size if queue.ahead + size > AHEAD else queue.ahead + size
    queue = replace(queue, done=queue.done + size, under_way=None, ahead=ahead, held_since=None)
    match queue.stage:
        case Stage.TAKEN:
            return replace(queue, stage=Stage.ENTER, retry_at=now.mono + delay), None
        case Stage.ENTER:
            queue = replace(queue, left=entered(queue.left, now))
            if queue.prompting is None:
                return without_first(queue)
            return replace(queue, stage=Stage.WATCH, prompting=pressed(queue.prompting, now)), None
    if queue.done < len(first.content):
        return queue, None
    typed = replace(first, keys=first.first_keys)
    queue = replace(queue, left=typed_more(queue.left, typed, first.content, now), cursor=None)
    if first.manner.is_prompt:
        return replace(queue, stage=Stage.WATCH, prompting=Prompting(now.mono)), None
    return (replace(queue, stage=Stage.TAKEN), None) if first.enters else without_first(queue)


def hands_off(queue: TypingQueue, sight: Sight) -> TypingQueue:
    """Return the queue after a look that lets its first input be typed; an answer only where the look has seen it."""
    queue = replace(queue, stage=Stage.CONTENT, under_way=None, held_since=None, touched=sight.touched)
    asked = queue.waiting[0].asked
    return replace(queue, cursor=sight.cursor, stands=standing_rows(asked.match, sight) or ()) if asked else queue


def watched(queue: TypingQueue, prompting: Prompting) -> TypingQueue:
    """Return the queue after a look at its prompt."""
    return replace(queue, prompting=prompting, under_way=None, held_since=None)


def enters(queue: TypingQueue, press: Press) -> TypingQueue:
    """Return the queue with the Enter of its prompt next."""
    return replace(queue, stage=Stage.ENTER, cursor=press.cursor, retry_at=None)


def held(queue: TypingQueue, now: float, *, unasked: bool = False, moved: bool = False) -> TypingQueue:
    """Return the queue after a piece was held: it is tried again after `PAUSE`, or `LONG_PAUSE` if `unasked`.

    `moved`: what the last look saw is not so any more, so the terminal is looked at again.
    """
    since = now if queue.held_since is None else queue.held_since
    again = now + (LONG_PAUSE if unasked else PAUSE)
    queue = replace(queue, under_way=None, retry_at=again, held_since=None if moved else since)
    match queue.stage:
        case Stage.ENTER:
            return replace(queue, stage=Stage.WATCH if queue.prompting else Stage.TAKEN)
        case Stage.CONTENT if moved:
            return replace(queue, stage=Stage.LOOK)
        case _:
            return queue


def is_stuck(queue: TypingQueue, now: float) -> bool:
    """Whether the program has not read for `PATIENCE`."""
    return queue.held_since is not None and now - queue.held_since >= PATIENCE


def is_interrupted(queue: TypingQueue) -> bool:
    """Whether the first input is typed in part, nothing of it is under way, and a person's interrupt comes next."""
    if not queue.is_typed or queue.under_way is not None or len(queue.waiting) < 2:
        return False
    return is_interrupt(queue.waiting[1]) and not queue.waiting[1].is_automatic


def without_first(queue: TypingQueue) -> tuple[TypingQueue, int | None]:
    """Return the queue without its first input, and the number of that input."""
    if not queue.waiting:
        return replace(queue, under_way=None), None
    return replace(_fresh(queue), waiting=queue.waiting[1:]), queue.waiting[0].number


def _fresh(queue: TypingQueue) -> TypingQueue:
    """Return the queue with nothing of its first input begun."""
    return replace(
        queue,
        stage=Stage.LOOK,
        done=0,
        under_way=None,
        retry_at=None,
        held_since=None,
        touched=None,
        prompting=None,
        cursor=None,
        stands=(),
    )


def interrupted(queue: TypingQueue, urgent: InputGiven) -> tuple[TypingQueue, Dropped]:
    """Return the queue with `urgent` next, and the number of each dropped input, with whether it was begun.

    A piece under way cannot be called back: it stays in front. If it is the last piece of its input, so does the input.
    """
    first, *others = queue.waiting or (None,)
    dropped = [(given.number, False) for given in others if given is not None]
    after = replace(_fresh(queue), waiting=(urgent,), aside=(), aside_at=None)
    if first and queue.under_way is not None and queue.stage in (Stage.CONTENT, Stage.ENTER):
        end = queue.done + queue.under_way
        whole = end >= len(first.content) and not first.enters
        cut = InputGiven(NO_SENDER, first.content[:end], () if queue.stage is Stage.ENTER else first.first_keys)
        dropped = dropped if whole else [(first.number, True), *dropped]
        kept = replace(queue, waiting=(first if whole else cut, urgent), aside=(), aside_at=None, prompting=None)
        after = replace(kept, stage=Stage.CONTENT)
    elif first:
        dropped = [(first.number, queue.is_typed), *dropped]
    return after, tuple((number, begun) for number, begun in dropped if number != NO_SENDER)


def emptied(queue: TypingQueue) -> tuple[TypingQueue, Dropped]:
    """Return the queue without any input, because the program does not read, and what was dropped."""
    dropped = [(given.number, queue.is_typed and given is queue.waiting[0]) for given in queue.waiting]
    after = replace(_fresh(queue), waiting=(), aside=(), aside_at=None)
    return after, tuple((number, begun) for number, begun in dropped if number != NO_SENDER)


def for_next_life(queue: TypingQueue, *, keep: bool) -> tuple[TypingQueue, Dropped]:
    """Return the queue after its life has ended, and what was dropped.

    `keep`: there will be another life, and inputs of which nothing was typed wait for it.
    """
    _, dropped = emptied(queue)
    untyped = queue.waiting[queue.is_typed :]
    kept = tuple(replace(given, when_ready=True) for given in untyped if keep and not given.is_automatic)
    numbers = {given.number for given in kept}
    after = TypingQueue(waiting=kept, pieces=queue.pieces)
    return after, tuple((number, begun) for number, begun in dropped if number not in numbers)
