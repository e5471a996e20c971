"""The Terminal actor: the only writer to tmux. Single orders go at once; starts that piled up go in chunks.

A batch holds tmux's one thread, so a chunk is 4 starts (45–80 ms); between two chunks the single orders that came
meanwhile have their turn, because the next chunk is a message at the end of the mailbox.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, assert_never

from actors.base import Post, SupervisedActor
from actors.bulletins import Revived
from actors.messages import Fact, PaneAbsent, PaneSeen, Start, Type
from actors.ports import Journal, NamedStart, TerminalError, TerminalPort
from actors.spec import WorkerSpec

CHUNK = 4


@dataclass(frozen=True, slots=True)
class StartWanted:
    """Answered by Started, StartRefused or StartUnknown."""

    name: str
    start: Start
    tell: Callable[[Fact], None]


@dataclass(frozen=True, slots=True)
class Look:
    """Answered by PaneSeen or PaneAbsent; by nothing while tmux does not answer."""

    name: str
    pane: str | None
    nudge: bool
    tell: Callable[[Fact], None]


@dataclass(frozen=True, slots=True)
class Typing:
    """Answered by Typed, TypeHeld, TypeRefused or TypeUnknown."""

    order: Type
    tell: Callable[[Fact], None]


@dataclass(frozen=True, slots=True)
class Closing:
    """Destroy this dead pane."""

    pane: str


@dataclass(frozen=True, slots=True)
class Discarding:
    """The worker of this name was removed: its log goes."""

    name: str


@dataclass(frozen=True, slots=True)
class LogArming:
    """Open this pane's log pipe again."""

    pane: str
    life: str
    spec: WorkerSpec


@dataclass(frozen=True, slots=True)
class Revive:
    """See to it that there is a tmux server. Answered to the Supervisor by Revived."""


@dataclass(frozen=True, slots=True)
class Flush:
    """The next chunk of starts is due."""


TerminalOrder = StartWanted | Look | Typing | Closing | Discarding | LogArming | Revive | Flush


class TerminalActor(SupervisedActor):
    """Owns the queue of starts; every call of the port is bounded in time."""

    def __init__(self, port: TerminalPort, journal: Journal, supervisor: Post[Any]) -> None:
        super().__init__(supervisor, "terminal")
        self._port = port
        self._journal = journal
        self._supervisor = supervisor
        self._starts: deque[StartWanted] = deque()
        self._flushing = False

    def handle(self, message: TerminalOrder) -> None:
        match message:
            case StartWanted():
                self._starts.append(message)
                self._flush_soon()
            case Flush():
                self._flush()
            case Look():
                self._look(message)
            case Typing(order, tell):
                tell(self._port.type(order))
            case Closing(pane):
                self._try("close", lambda: self._port.close(pane))
            case Discarding(name):
                self._port.discard(name)
            case LogArming(pane, life, spec):
                self._try("arm_log", lambda: self._port.arm_log(pane, life, spec))
            case Revive():
                self._revive()
            case _:
                assert_never(message)

    def _flush_soon(self) -> None:
        if self._starts and not self._flushing:
            self._flushing = True
            self.actor_ref.tell(Flush())

    def _flush(self) -> None:
        self._flushing = False
        chunk = [self._starts.popleft() for _ in range(min(CHUNK, len(self._starts)))]
        answers = self._port.start([NamedStart(wanted.name, wanted.start) for wanted in chunk])
        for wanted, answer in zip(chunk, answers, strict=True):
            wanted.tell(answer)
        self._flush_soon()

    def _look(self, look: Look) -> None:
        if look.pane is None:  # whoever looks by name has given its start up: it must not happen later
            self._starts = deque(wanted for wanted in self._starts if wanted.name != look.name)
        try:
            taken, pane = self._port.look(look.pane, look.name, nudge=look.nudge)
        except TerminalError:
            return  # no evidence about anything: the worker asks again
        look.tell(PaneSeen(taken, pane) if pane else PaneAbsent(taken))

    def _revive(self) -> None:
        try:
            self._supervisor.tell(Revived(self._port.revive()))
        except TerminalError as error:
            self._supervisor.tell(Revived(None, str(error)))

    def _try(self, what: str, order: Callable[[], None]) -> None:
        try:
            order()
        except TerminalError as error:
            self._journal.log("warning", "terminal.order_failed", {"order": what, "error": str(error)})
