"""What waits for the Terminal. Its mailbox never holds two questions of one worker, nor an order twice.

    Worker × N, Supervisor ──tell──▶ Errands ──LooksDue, at most one──▶ mailbox of the Terminal
                                        └─ a table of Looks, one per worker ──taken whole──▶ one look at tmux

Questions wait in the table until tmux has answered one look for all of them. While tmux does not answer, the next
question asks for another look, but only LOOK_PAUSE after the last one. So one look is outstanding, and the number of
workers bounds what waits, for as long as tmux hangs.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from actors.base import Post
from actors.frozen import frozen
from actors.values.effects import ArmLog
from actors.values.facts import Fact

LOOK_PAUSE = 1.0  # seconds after a look that tmux did not answer until the next one


@frozen
class Look:
    """Answered by PaneSeen or PaneAbsent when tmux answers. A later question of the same worker replaces it.

    `pane` None: look for the worker's name. `drop_start`: drop the worker's start if it still waits. `close`: close the
    pane first, if it is dead.
    """

    name: str
    pane: str | None
    nudge: bool
    tell: Callable[[Fact], None]
    drop_start: bool = False
    close: bool = False


@frozen
class LooksDue:
    """Questions wait in the table."""


@frozen
class Revive:
    """Find the tmux servers, `least` or more, and start what is missing. Answered to the Supervisor by Revived."""

    least: int = 1


Repeated = ArmLog | Revive
"""Orders that are repeated until they are seen to be done; each waits once."""


class Errands:
    """The table. Thread-safe; `now` is the monotonic clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._looks: dict[str, Look] = {}
        self._sent_for = False
        self._not_before = float("-inf")
        self._repeated: set[Repeated] = set()

    def news(self, message: Any) -> Any:
        """Return what to tell the Terminal for this message; None: nothing now."""
        with self._lock:
            match message:
                case Look():
                    return self._asked(message)
                case ArmLog() | Revive():
                    return self._ordered(message)
                case _:
                    return message

    def _asked(self, look: Look) -> LooksDue | None:
        before = self._looks.get(look.name)
        if before is not None:
            close = look.close or (before.close and before.pane == look.pane)
            look = replace(look, nudge=look.nudge or before.nudge, close=close)
        self._looks[look.name] = look
        if self._sent_for or self._now() < self._not_before:
            return None
        self._sent_for = True
        return LooksDue()

    def _ordered(self, order: Repeated) -> Repeated | None:
        if order in self._repeated:
            return None
        self._repeated.add(order)
        return order

    def take_looks(self) -> list[Look]:
        """Take all waiting questions."""
        with self._lock:
            self._sent_for = False
            looks, self._looks = self._looks, {}
            return list(looks.values())

    def put_back(self, looks: Iterable[Look]) -> None:
        """Keep questions that tmux did not answer. A worker's later question has replaced its earlier one."""
        with self._lock:
            self._looks = {look.name: look for look in looks} | self._looks
            self._not_before = self._now() + LOOK_PAUSE

    def begun(self, order: Repeated) -> None:
        """The Terminal has started this order: from now on it can wait again."""
        with self._lock:
            self._repeated.discard(order)


class TerminalPost(Post[Any]):
    """The Terminal's post, with the table in front of its mailbox."""

    def __init__(self, errands: Errands) -> None:
        super().__init__()
        self.errands = errands

    def tell(self, message: Any) -> None:
        news = self.errands.news(message)
        if news is not None:
            super().tell(news)
