"""Many actors in one thread: each has a mailbox, a state and a failure of its own, and none needs a thread.

    tell ──▶ Mailbox ──has mail──▶ the line ──▶ Loop: one message of the first, who then goes to the end of the line

So an actor with a thousand messages delays another by one message at a time. A handler that blocks holds all actors of
the loop: their handlers only decide and tell.
"""

import contextlib
import math
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pykka

from actors.base import Post, Supervised
from actors.vital import VitalThread

if TYPE_CHECKING:
    from pykka._envelope import Envelope


class Loop:
    """One thread, and the line of those who have mail. It lives as long as its owner lets it."""

    def __init__(self, name: str) -> None:
        self._line: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self.thread = VitalThread(name, self._run)
        self.thread.start()

    def join_line(self, turn: Callable[[], None]) -> None:
        """Call `turn` once, after the turns of those who stand in line already."""
        self._line.put(turn)

    def close(self) -> None:
        """End the thread when those in line have had their turn; nobody else gets one."""
        self._line.put(None)

    def _run(self) -> None:
        while (turn := self._line.get()) is not None:
            turn()


class TurnOver(Exception):
    """The actor has handled its message of this turn."""


class Mailbox:
    """An actor's inbox, as pykka wants it. While there is mail, its actor stands in line, once."""

    def __init__(self) -> None:
        self._mail: deque[Envelope[Any]] = deque()
        self._lock = threading.Lock()
        self._in_line = True  # until it is opened: what comes before is kept
        self._join_line: Callable[[], None] = lambda: None
        self._left: float = 0

    def put(self, envelope: "Envelope[Any]", /) -> None:
        with self._lock:
            self._mail.append(envelope)
            joins, self._in_line = not self._in_line, True
        if joins:
            self._join_line()

    def get(self) -> "Envelope[Any]":
        """Return the next message; raise TurnOver when this turn's have been taken."""
        if not self._left or not self._mail:
            raise TurnOver
        self._left -= 1
        return self._mail.popleft()

    def empty(self) -> bool:
        return not self._mail

    def open(self, join_line: Callable[[], None]) -> None:
        """Let the actor have turns from now on."""
        self._join_line = join_line
        self.end_turn()

    def begin_turn(self, messages: float) -> None:
        """Let `get` return this number of messages."""
        self._left = messages

    def end_turn(self) -> None:
        """Join the line again if there is mail."""
        with self._lock:
            joins = self._in_line = bool(self._mail)
        if joins:
            self._join_line()


class LoopActor(Supervised):
    """An actor that has its turns in a Loop; all else is as pykka has it. No handler of it may block."""

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
        self.actor_inbox.open(lambda: self._loop.join_line(self._turn))

    def _turn(self) -> None:
        """Handle one message; one that comes after the end is answered as dead, and not left waiting."""
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
