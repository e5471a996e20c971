"""The input that waits for one worker's terminal, in order; one piece is under way at a time. Pure.

    give ──▶ queue ──next_piece──▶ Type ──▶ Typed │ TypeHeld │ TypeRefused │ TypeUnknown
                                              │         └─ the program does not read: again later, then dropped
                                              └─ the next piece, or the next input

tmux keeps unread input forever, in the memory of the server that all workers share. So after `AHEAD` bytes typed since
the terminal was last empty, a piece waits until it is empty again.
"""

from dataclasses import dataclass, replace

from actors.values.facts import InputGiven

PIECE = 16_384  # bytes typed in one order: about 3 ms of tmux's one thread
AHEAD = 65_536  # bytes that may be typed ahead of a program that does not read
MOST_WAITING = 4 << 20  # bytes in one worker's queue
MOST_INPUTS = 1_000
NO_SENDER = 0  # the number of input from a stop plan or a ladder: it has no sender to answer
PAUSE = 0.05  # seconds until a held piece is tried again
LONG_PAUSE = 1.0  # the same, when tmux could not be asked
PATIENCE = 15.0  # seconds without reading after which the waiting input is dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class TypingQueue:
    """`waiting` inputs in order. Of the first, `done` bytes are typed and `under_way` are ordered (None: none).

    `pieces`: number of the last ordered piece. `ahead`: bytes typed since the terminal was last empty.
    """

    waiting: tuple[InputGiven, ...] = ()
    done: int = 0
    under_way: int | None = None
    pieces: int = 0
    ahead: int = 0
    retry_at: float | None = None
    held_since: float | None = None

    @property
    def size(self) -> int:
        return sum(len(given.content) for given in self.waiting)


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of input, and its number."""

    number: int
    content: bytes
    keys: tuple[str, ...]
    if_taken: bool
    until: float


def refusal(queue: TypingQueue, given: InputGiven) -> str | None:
    """Return why this input cannot be queued; None when it can."""
    if len(queue.waiting) >= MOST_INPUTS or queue.size + len(given.content) > MOST_WAITING:
        return f"{len(queue.waiting)} inputs ({queue.size:,} bytes) wait already; the program reads too slowly"
    return None


def next_piece(queue: TypingQueue, now: float) -> tuple[TypingQueue, Piece | None]:
    """Return the piece to type now; None when one is under way, nothing waits, or a held piece must wait."""
    if not queue.waiting or queue.under_way is not None or (queue.retry_at or now) > now:
        return queue, None
    first = queue.waiting[0]
    content = first.content[queue.done : queue.done + PIECE]
    if_taken = queue.ahead + len(content) > AHEAD
    number = queue.pieces + 1
    ordered = replace(queue, under_way=len(content), pieces=number, retry_at=None)
    return ordered, Piece(number, content, first.keys, if_taken, first.until)


def in_time(queue: TypingQueue, now: float) -> tuple[TypingQueue, tuple[tuple[int, bool], ...]]:
    """Return the queue without inputs past their `until`, and the number of each, with whether it was begun."""
    begun = queue.waiting[: queue.under_way is not None]  # a piece under way cannot be called back
    rest = queue.waiting[len(begun) :]
    late = [given for given in rest if given.until <= now]
    if not late:
        return queue, ()
    first = queue.waiting[0]
    dropped = tuple((given.number, given is first and queue.done > 0) for given in late)
    if late[0] is first:
        queue = replace(queue, done=0, held_since=None, retry_at=None)
    return replace(queue, waiting=(*begun, *(given for given in rest if given.until > now))), dropped


def typed(queue: TypingQueue) -> tuple[TypingQueue, int | None]:
    """Return the queue after a piece was typed, and the number of the input that it completed, if any."""
    size = queue.under_way or 0
    ahead = size if queue.ahead + size > AHEAD else queue.ahead + size
    queue = replace(queue, done=queue.done + size, under_way=None, ahead=ahead, held_since=None)
    if not queue.waiting or queue.done < len(queue.waiting[0].content):
        return queue, None
    return replace(queue, waiting=queue.waiting[1:], done=0), queue.waiting[0].number


def held(queue: TypingQueue, now: float, *, unasked: bool = False) -> TypingQueue:
    """Return the queue after a piece was held: it is tried again after `PAUSE`, or `LONG_PAUSE` if `unasked`."""
    since = now if queue.held_since is None else queue.held_since
    return replace(queue, under_way=None, retry_at=now + (LONG_PAUSE if unasked else PAUSE), held_since=since)


def is_stuck(queue: TypingQueue, now: float) -> bool:
    """Whether the program has not read for `PATIENCE`."""
    return queue.held_since is not None and now - queue.held_since >= PATIENCE


def without_first(queue: TypingQueue) -> tuple[TypingQueue, int | None]:
    """Return the queue without its first input, and the number of that input."""
    if not queue.waiting:
        return replace(queue, under_way=None), None
    rest = replace(queue, waiting=queue.waiting[1:], done=0, under_way=None, held_since=None, retry_at=None)
    return rest, queue.waiting[0].number


def interrupted(queue: TypingQueue, urgent: InputGiven) -> tuple[TypingQueue, tuple[tuple[int, bool], ...]]:
    """Return the queue with `urgent` next, and the number of each dropped input, with whether it was begun.

    A piece under way cannot be called back: it stays in front. If it is the last piece of its input, so does the input.
    """
    first, *others = queue.waiting or (None,)
    kept: tuple[InputGiven, ...] = ()
    begun = queue.done > 0 or queue.under_way is not None
    dropped = [(given.number, False) for given in others if given is not None]
    if first and queue.under_way is not None:
        end = queue.done + queue.under_way
        whole = end >= len(first.content)
        kept = (first if whole else InputGiven(NO_SENDER, first.content[:end], first.keys),)
        dropped = dropped if whole else [(first.number, True), *dropped]
    elif first:
        dropped = [(first.number, begun), *dropped]
    after = TypingQueue(waiting=(*kept, urgent), ahead=queue.ahead, pieces=queue.pieces)
    after = replace(after, done=queue.done, under_way=queue.under_way) if kept else after
    return after, tuple((number, begun) for number, begun in dropped if number != NO_SENDER)
