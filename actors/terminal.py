"""The Terminal actor: the only writer to tmux. Single orders go out at once; waiting starts go out in chunks.

    StartWanted ──▶ queue ──Flush: up to CHUNK──▶ tmux ──Started, …──▶ Worker
         └─ with secrets ─▶ Secrets ─SecretsRead─▶ queue, or StartRefused ──▶ Worker
    Typing, ArmLog, … ────────────────────────────▶ tmux
    InputLook ──▶ queue ──LookAtInputs: up to MOST_LOOKS──▶ tmux ──InputSeen, …──▶ Worker
    Errands ──LooksDue──▶ one look at tmux ──PaneSeen, PaneAbsent──▶ all who asked

A chunk holds tmux's one thread for 45–80 ms. Between two chunks other orders have their turn, because the next chunk is
a message at the end of the mailbox.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, assert_never

from actors.base import Post, SupervisedActor
from actors.errands import Errands, LooksDue, Revive
from actors.errors import TerminalError
from actors.frozen import frozen
from actors.ports import Journal, PaneQuestion, Secrets, SecretsRead, TerminalPort
from actors.values.bulletins import Revived
from actors.values.effects import ArmLog, LookAtInput, Start, Type
from actors.values.facts import Fact, PaneAbsent, PaneSeen, Refusal, StartRefused

CHUNK = 4
MOST_LOOKS = 25  # at inputs, by one client; each capture takes tmux about half a millisecond


@frozen
class StartWanted:
    """Answered by Started, StartRefused or StartUnknown."""

    start: Start
    tell: Callable[[Fact], None]


@frozen
class Typing:
    """Answered by Typed, TypeHeld, TypeRefused or TypeUnknown."""

    order: Type
    tell: Callable[[Fact], None]


@frozen
class InputLook:
    """Answered by InputSeen, TypeHeld or TypeRefused."""

    order: LookAtInput
    tell: Callable[[Fact], None]


@frozen
class LookAtInputs:
    """The looks at inputs that have come meanwhile are due, as one."""


@frozen
class Discarding:
    """The worker of this name was removed: delete its log."""

    name: str


@frozen
class Notice:
    """Something that those who are attached to this pane should know, until its next life begins."""

    pane: str
    text: str


@frozen
class CallingOff:
    """Refuse the start of this life if it still waits for its secrets."""

    life: str


@frozen
class Flush:
    """The next chunk of starts is due."""


TerminalOrder = (
    StartWanted
    | LooksDue
    | InputLook
    | LookAtInputs
    | Typing
    | Discarding
    | Notice
    | ArmLog
    | Revive
    | SecretsRead
    | CallingOff
    | Flush
)


class TerminalActor(SupervisedActor):
    """Owns the queue of starts. Every call of the port is bounded in time."""

    def __init__(
        self, port: TerminalPort, secrets: Secrets, errands: Errands, journal: Journal, supervisor: Post[Any]
    ) -> None:
        super().__init__(supervisor, "terminal")
        self._port = port
        self._secrets = secrets
        self._errands = errands
        self._journal = journal
        self._supervisor = supervisor
        self._starts: deque[StartWanted] = deque()
        self._flushing = False
        self._without_secrets: dict[str, StartWanted] = {}  # by life
        self._input_looks: deque[InputLook] = deque()
        self._looking = False

    def handle(self, message: TerminalOrder) -> None:
        match message:
            case StartWanted():
                self._want(message)
            case SecretsRead():
                self._take_secrets(message)
            case CallingOff(life):
                self._call_off(life)
            case Flush():
                self._flush()
            case LooksDue():
                self._look()
            case InputLook():
                self._input_looks.append(message)
                self._look_at_inputs_soon()
            case LookAtInputs():
                self._look_at_inputs()
            case Typing(order, tell):
                tell(self._port.type(order))
            case Notice(pane, text):
                self._try("notice", lambda: self._port.notice(pane, text))
            case Discarding(name):
                self._port.discard(name)
            case ArmLog(life, pane, spec, anew):
                self._errands.begun(message)
                self._try("arm_log", lambda: self._port.arm_log(pane, life, spec, anew=anew))
            case Revive(least):
                self._errands.begun(message)
                self._revive(least)
            case _:
                assert_never(message)

    def _want(self, wanted: StartWanted) -> None:
        spec = wanted.start.spec
        if spec.secret_files or spec.env_command:
            self._without_secrets[wanted.start.life] = wanted
            self._secrets.read(wanted.start, self.tell_me)
        else:
            self._start_soon(wanted)

    def _take_secrets(self, read: SecretsRead) -> None:
        wanted = self._without_secrets.pop(read.life, None)
        if wanted is None:
            return  # called off meanwhile
        if read.open:
            facts = {"worker": wanted.start.name, "life": read.life, "files": list(read.open)}
            self._journal.log("worker.secrets_open", facts)
        if read.problem is not None:
            wanted.tell(StartRefused(read.life, Refusal.NO_SECRETS, read.problem))
            return
        self._start_soon(replace(wanted, start=replace(wanted.start, secrets=read.variables)))

    def _call_off(self, life: str) -> None:
        if wanted := self._without_secrets.pop(life, None):
            self._secrets.call_off(life)
            wanted.tell(StartRefused(life, Refusal.UNREACHABLE, "it was called off"))

    def _start_soon(self, wanted: StartWanted) -> None:
        self._starts.append(wanted)
        if self.actor_inbox.empty() and not self._flushing:
            self._flush()
        else:
            self._flush_soon()

    def _flush_soon(self) -> None:
        if self._starts and not self._flushing:
            self._flushing = True
            self.tell_me(Flush())

    def _flush(self) -> None:
        self._flushing = False
        chunk = [self._starts.popleft() for _ in range(min(CHUNK, len(self._starts)))]
        answers = self._port.start([wanted.start for wanted in chunk])
        for wanted, answer in zip(chunk, answers, strict=True):
            wanted.tell(answer)
        self._flush_soon()

    def _look_at_inputs_soon(self) -> None:
        if self._input_looks and not self._looking:
            self._looking = True
            self.tell_me(LookAtInputs())

    def _look_at_inputs(self) -> None:
        self._looking = False
        chunk = [self._input_looks.popleft() for _ in range(min(MOST_LOOKS, len(self._input_looks)))]
        answers = self._port.look_at_input([wanted.order for wanted in chunk])
        for wanted, answer in zip(chunk, answers, strict=True):
            wanted.tell(answer)
        self._look_at_inputs_soon()

    def _look(self) -> None:
        """Answer all questions for panes from one look. While tmux does not answer, the questions wait.

        What is to be closed is closed before the look: by the next one, it would be half a second or a sweep later.
        """
        looks = self._errands.take_looks()
        if not looks:
            return
        self._drop_starts({look.name for look in looks if look.drop_start})
        if dead := [look.pane for look in looks if look.close and look.pane]:
            self._try("close", lambda: self._port.close(dead))
        try:
            taken, panes = self._port.look([PaneQuestion(look.name, look.pane, look.nudge) for look in looks])
        except TerminalError:
            self._errands.put_back(looks)
            return
        for look, pane in zip(looks, panes, strict=True):
            look.tell(PaneSeen(taken, pane) if pane else PaneAbsent(taken))

    def _drop_starts(self, names: set[str]) -> None:
        if not names:
            return
        self._starts = deque(wanted for wanted in self._starts if wanted.start.name not in names)
        for life in [life for life, wanted in self._without_secrets.items() if wanted.start.name in names]:
            del self._without_secrets[life]
            self._secrets.call_off(life)

    def _revive(self, least: int) -> None:
        self._supervisor.tell(Revived(*self._port.revive(least)))

    def _try(self, what: str, order: Callable[[], None]) -> None:
        try:
            order()
        except TerminalError as error:
            self._journal.log("terminal.order_failed", {"order": what, "error": str(error)})
