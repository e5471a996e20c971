"""Many actors in one thread: each has its own mailbox, state and failures, and none needs a thread.

    tell ──▶ Mailbox ──has mail──▶ the line ──▶ Loop: one message of the first actor, which then joins the line's end
    tell_me_later ──▶ Mailbox ──has mail──▶ the second line: its turns come while the first line is empty
    tell_me_soon ──PAUSE──▶ Mailbox

The messages of a beat go through the second line, so they do not delay news. What an actor tells itself soon comes
after PAUSE, and the second line waits meanwhile: the threads that its orders have woken have the interpreter first. An
actor with a thousand messages delays another by one message at a time. A handler that blocks delays all actors of the
loop, so handlers here only decide and tell.
"""

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from queue import Empty, SimpleQueue
from typing import Any

import pykka
from pykka._envelope import Envelope

from actors.base import Post, Supervised
from actors.vital import VitalThread

Turn = Callable[[], None]
PAUSE = 0.01  # seconds that `soon` waits: whom an order has woken is done with it, by measurement
MOST_AHEAD = 10  # turns of the first line before one of the second, by judgement: a busy loop does not stop the beats


class Loop:
    """One thread, and the two lines of actors that have mail. It runs until `close`."""

    def __init__(self, name: str) -> None:
        self._lines: tuple[deque[Turn | None], deque[Turn | None]] = deque(), deque()
        self._joined: SimpleQueue[None] = SimpleQueue()  # one for each turn in a line
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()  # with the monotonic time at which to call it
        self._taken = 0  # from `_joined`, for turns that are still in a line
        self._held = -math.inf  # monotonic; since when the second line has waited last
        self._ahead = 0  # turns of the first line for which the second has waited since its last one
        self.thread = VitalThread(name, self._run)
        self.thread.start()

    def join_line(self, turn: Turn | None, later: bool = False) -> None:
        """Call `turn` once, after the turns that are already in its line."""
        self._lines[later].append(turn)
        self._joined.put(None)

    def close(self) -> None:
        """End the thread after the turns that are in the lines now."""
        self.join_line(None, later=True)

    def _run(self) -> None:
        while (turn := self._next()) is not None:
            turn()

    def soon(self, call: Callable[[], None]) -> None:
        """Call it after PAUSE. Only a turn of this loop may ask for it; it must not raise."""
        self._waiting.append((time.monotonic() + PAUSE, call))

    def _next(self) -> Turn | None:
        first, second = self._lines
        while self._waiting:
            (at, call), now = self._waiting[0], time.monotonic()
            if at <= now:
                self._waiting.popleft()
                call()
            elif first or (second and not self._holds(now)):
                break
            else:
                with contextlib.suppress(Empty):
                    self._joined.get(timeout=min(at, self._held + PAUSE) - now if second else at - now)
                    self._taken += 1
        if self._taken:
            self._taken -= 1
        else:
            self._joined.get()
        return self._first_in_line()

    def _holds(self, now: float) -> bool:
        """Whether the second line waits, so that others have the interpreter: up to PAUSE, and half of the time."""
        if now - self._held >= 2 * PAUSE:
            self._held = now
        return now - self._held < PAUSE

    def _first_in_line(self) -> Turn | None:
        first, second = self._lines
        if second and (not first or self._ahead == MOST_AHEAD):
            self._ahead = 0
            return second.popleft()
        self._ahead = self._ahead + 1 if second else 0
        return first.popleft()


class Place(IntEnum):
    """In which line an actor waits for its turn."""

    NONE = 0
    SECOND = 1
    FIRST = 2


class TurnOver(Exception):
    """The actor has handled its message of this turn."""


class Mailbox:
    """An actor's inbox, as pykka wants it. While it has mail, its actor is in a line; while it has news, in the first.

    An actor that gets news while it is in the second line is in both. A turn can therefore find no mail.
    """

    __slots__ = ("_join_line", "_left", "_lock", "_mail", "_news", "_place")

    def __init__(self) -> None:
        self._mail: list[Envelope[Any]] = []  # a few at most; an empty deque would take 0.7 kB a worker
        self._lock = threading.Lock()
        self._news = 0  # how many of them must not wait for the second line: the mail has one order
        self._place = Place.FIRST  # until `open`: earlier mail is kept
        self._join_line: Callable[[bool], None] = lambda later: None
        self._left: float = 0

    def put(self, envelope: Envelope[Any], /, *, later: bool = False) -> None:
        with self._lock:
            self._mail.append(envelope)
            place = Place.SECOND if later else Place.FIRST
            joins, self._place = place > self._place, max(place, self._place)
            if not later:
                self._news = len(self._mail)
        if joins:
            self._join_line(later)

    def get(self) -> Envelope[Any]:
        """Return the next message; raise TurnOver when the turn's messages are taken."""
        if not self._left or not self._mail:
            raise TurnOver
        self._left -= 1
        with self._lock:
            self._news = max(0, self._news - 1)
            return self._mail.pop(0)

    def empty(self) -> bool:
        return not self._mail

    def open(self, join_line: Callable[[bool], None]) -> None:
        """Give the actor turns from now on."""
        self._join_line = join_line
        self.end_turn()

    def begin_turn(self, messages: float) -> None:
        """Let `get` return this number of messages; who gets mail now joins no line before `end_turn`."""
        with self._lock:
            self._place = Place.FIRST
        self._left = messages

    def end_turn(self) -> None:
        """Join the line again if there is mail."""
        with self._lock:
            self._place = Place.NONE if not self._mail else Place.FIRST if self._news else Place.SECOND
            place = self._place
        if place:
            self._join_line(place is Place.SECOND)


class LoopActor(Supervised):
    """An actor that has its turns in a Loop; the rest is pykka's. Its handlers must not block."""

    actor_inbox: Mailbox

    def __init__(self, loop: Loop, owner: Post[Any], role: str, worker: str | None = None) -> None:
        super().__init__(owner, role, worker)
        self._loop = loop
        self._set_up = False

    @staticmethod
    def _create_actor_inbox() -> Mailbox:
        return Mailbox()

    @staticmethod
    def _create_future() -> pykka.Future[Any]:
        return pykka.ThreadingFuture()

    def _start_actor_loop(self) -> None:
        self.actor_inbox.open(lambda later: self._loop.join_line(self._turn, later))

    def tell_me_later(self, message: Any) -> None:
        """Tell this actor something that can wait until no actor of the loop has news; from any thread."""
        if not self.actor_stopped.is_set():
            self.actor_inbox.put(Envelope(message), later=True)

    def tell_me_soon(self, message: Any) -> None:
        """Tell this actor something after PAUSE; from its own handlers."""
        self._loop.soon(lambda: self.tell_me(message))

    def _turn(self) -> None:
        """Handle one message. After the end, a question is answered by ActorDeadError instead of waiting forever."""
        if not self._set_up:
            self._set_up = True
            self._actor_loop_setup()
        self.actor_inbox.begin_turn(1)
        with contextlib.suppress(TurnOver):
            self._actor_loop_running()
        if self.actor_stopped.is_set():
            self.actor_inbox.begin_turn(math.inf)
            self._actor_loop_teardown()
        self.actor_inbox.end_turn()
