"""Many actors in one thread: each has its own mailbox, state and failures, and none needs a thread.

    tell ──▶ Mailbox ──has mail──▶ the line ──▶ Loop: one message of the first actor, which then joins the line's end

An actor with a thousand messages delays another by one message at a time. A handler that blocks delays all actors of
the loop, so handlers here only decide and tell.
"""

import contextlib
import math
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pykka

from actors.base import Post, Supervised
from actors.vital import VitalThread

if TYPE_CHECKING:
    from pykka._envelope import Envelope


class Loop:
    """One thread, and the line of actors that have mail. It runs until `close`."""

    def __init__(self, name: str) -> None:
        self._line: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self.thread = VitalThread(name, self._run)
        self.thread.start()

    def join_line(self, turn: Callable[[], None]) -> None:
        """Call `turn` once, after the turns that are already in the line."""
        self._line.put(turn)

    def close(self) -> None:
        """End the thread after the turns that are in the line now."""
        self._line.put(None)

    def _run(self) -> None:
        while (turn := self._line.get()) is not None:
            turn()


class TurnOver(Exception):
    """The actor has handled its message of this turn."""


class Mailbox:
    """An actor's inbox, as pykka wants it. While it has mail, its actor is in the line once."""

    __slots__ = ("_in_line", "_join_line", "_left", "_lock", "_mail")

    def __init__(self) -> None:
        self._mail: list[Envelope[Any]] = []  # a few at most; an empty deque would take 0.7 kB a worker
        self._lock = threading.Lock()
        self._in_line = True  # until `open`: earlier mail is kept
        self._join_line: Callable[[], None] = lambda: None
        self._left: float = 0

    def put(self, envelope: "Envelope[Any]", /) -> None:
        with self._lock:
            self._mail.append(envelope)
            joins, self._in_line = not self._in_line, True
        if joins:
            self._join_line()

    def get(self) -> "Envelope[Any]":
        """Return the next message; raise TurnOver when the turn's messages are taken."""
        if not self._left or not self._mail:
            raise TurnOver
        self._left -= 1
        return self._mail.pop(0)

    def empty(self) -> bool:
        return not self._mail

    def open(self, join_line: Callable[[], None]) -> None:
        """Give the actor turns from now on."""
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
        self.actor_inbox.open(lambda: self._loop.join_line(self._turn))

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
