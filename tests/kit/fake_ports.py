"""The world around an actor, played: small ports that keep what the real ones promise; test_fake_ports.py compares.

Nothing here has a thread. Time passes, a process ends and tmux answers when the test says so.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from actors.base import Post
from actors.errors import TerminalUnreachable
from actors.events.table import faults_in, level_of
from actors.ports import LookAnswer, PaneQuestion, SecretsRead, StartAnswer, Tell, TypeAnswer
from actors.values.effects import EndTree, LookAtInput, Probe, RunCommand, SeekTree, Signal, Start, Type, Watch
from actors.values.facts import (
    Handle,
    InputSeen,
    Instant,
    Pane,
    ProcessEnded,
    Refusal,
    Started,
    StartRefused,
    StartUnknown,
    TreeFound,
    TreeGone,
    TreeLeft,
    Typed,
    TypeHeld,
    TypeRefused,
    TypeUnknown,
)
from actors.values.records import Death, Head, Record
from actors.values.rules import Rule
from actors.values.spec import WorkerSpec
from actors.values.typing import Sight
from kit.life import pane_of

WALL = 1_700_000_000.0


class FakeClock:
    """Implements `Clock`: both clocks go on together, and the bell rings while time passes."""

    def __init__(self, mono: float = 1000.0) -> None:
        self._began = self._mono = mono
        self._bell: tuple[float, Callable[[], None]] | None = None

    def now(self) -> Instant:
        return Instant(self._mono, WALL + self._mono - self._began)

    def wake_at(self, mono: float, wake: Callable[[], None]) -> None:
        self._bell = mono, wake

    def pass_time(self, seconds: float) -> None:
        end = self._mono + seconds
        while self._bell and self._bell[0] <= end:
            (at, wake), self._bell = self._bell, None
            self._mono = max(self._mono, at)
            wake()
        self._mono = end


class FakeProcesses:
    """Implements `Processes` over processes that the test starts and ends; each is a tree of its own."""

    def __init__(self) -> None:
        self.signals: list[tuple[str, str]] = []  # by life
        self.deaf: set[Handle] = set()  # to all but KILL
        self._living: set[Handle] = set()
        self._watched: dict[str, tuple[Handle, Tell]] = {}
        self._endings: dict[str, tuple[Handle | None, Tell]] = {}
        self._last_pid = 100

    def start(self) -> Handle:
        self._last_pid += 1
        process = Handle(self._last_pid, self._last_pid * 7)
        self._living.add(process)
        return process

    def kill(self, process: Handle) -> None:
        """The process ends, and whoever watches it or waits for its end is told."""
        self._living.discard(process)
        for life, (watched, tell) in list(self._watched.items()):
            if watched == process:
                del self._watched[life]
                tell(ProcessEnded(life))
        for life, (first, tell) in list(self._endings.items()):
            if first == process:
                del self._endings[life]
                tell(TreeGone(life))

    def watch(self, watch: Watch, tell: Tell) -> None:
        if watch.process in self._living:
            self._watched[watch.life] = watch.process, tell
        else:
            tell(ProcessEnded(watch.life))

    def seek(self, name: str, order: SeekTree, tell: Tell) -> None:
        tell(TreeFound(order.life, (), sure=True))

    def send_signal(self, name: str, order: Signal) -> None:
        self.signals.append((order.life, order.signal))
        if order.process is not None and order.process not in self.deaf:
            self.kill(order.process)

    def end(self, name: str, order: EndTree, tell: Tell) -> None:
        self.signals.append((order.life, order.signal))
        first = order.process
        if first not in self._living:
            tell(TreeGone(order.life))
            return
        self._endings[order.life] = first, tell
        tell(TreeLeft(order.life, (first.pid,)))
        if order.signal == "KILL" or first not in self.deaf:
            self.kill(first)

    def forget(self, life: str) -> None:
        self._watched.pop(life, None)


class FakeProber:
    """Implements `Prober`: the newest probe of each life waits for the test to answer it."""

    def __init__(self) -> None:
        self.probes: dict[str, tuple[Probe, Tell]] = {}
        self.screens: dict[str, bytes] = {}

    def probe(self, probe: Probe, tell: Tell) -> None:
        self.probes[probe.life] = probe, tell

    def show(self, life: str, screen: bytes) -> None:
        self.screens[life] = screen

    def forget(self, life: str) -> None:
        self.probes.pop(life, None)
        self.screens.pop(life, None)


class FakeJudge:
    """Implements `RuleJudge`: the test tells what matches."""

    def __init__(self) -> None:
        self.followed: dict[str, tuple[tuple[Rule, ...], str | None, Tell]] = {}
        self.screens: dict[str, bytes] = {}
        self.unheard = 0
        self.ran: list[RunCommand] = []

    def follow(self, name: str, rules: tuple[Rule, ...], life: str | None, tell: Tell) -> None:
        self.followed[name] = rules, life, tell

    def show(self, name: str, life: str, screen: bytes) -> None:
        self.screens[name] = screen

    def heard(self, name: str) -> None:
        self.unheard -= 1

    def forget(self, name: str) -> None:
        self.followed.pop(name, None)

    def run(self, order: RunCommand, tell: Tell) -> None:
        self.ran.append(order)


class FakeDeaths:
    """Implements `Deaths`."""

    def __init__(self) -> None:
        self.kept: list[Death] = []

    def keep(self, death: Death) -> None:
        self.kept.append(death)

    def forget(self, worker: str) -> None:
        self.kept = [death for death in self.kept if death.worker != worker]


class FakeRecords:
    """Implements `RecordsFile`, on a disk that the test fills and empties."""

    def __init__(self) -> None:
        self.head, self.workers = Head(), dict[str, Record]()  # what is on the disk
        self.full = False
        self.waits = 0  # for the disk
        self.failing: str | None = None
        self.lost: str | None = None

    def keep_all(self, changes: Mapping[str, Record | None], *, durable: bool) -> None:
        if self._writes(durable):
            known = self.workers | changes
            self.workers = {name: record for name, record in known.items() if record}

    def keep_head(self, head: Head) -> None:
        if self._writes(durable=True):
            self.head = head

    def repair(self, records: Iterable[Record], head: Head) -> None:
        self.failing = None
        if self._writes(durable=True):
            self.head, self.workers = head, {record.spec.name: record for record in records}

    def _writes(self, durable: bool) -> bool:
        if self.full and not self.failing:
            self.failing = "records.jsonl: No space left on device"
        self.waits += durable
        return not self.failing


class FakeTerminal:
    """Implements `TerminalPort` over panes that are only played. While it `hangs`, a call takes HUNG and fails."""

    HUNG = 2.0  # seconds

    def __init__(self) -> None:
        self.time = 1000.0
        self.hangs = False
        self.calls: list[str] = []
        self.looks: list[list[PaneQuestion]] = []
        self.starts: list[Start] = []
        self.panes: dict[str, Pane] = {}
        self._started = 0

    def end(self, process: Handle) -> None:
        """This process is killed, and its pane stays."""
        for pane in self.panes.values():
            if pane.process == process:
                self.panes[pane.id] = replace(pane, process=None, dead=True, signal=9, dead_at=self.time)

    def start(self, starts: list[Start]) -> list[StartAnswer]:
        self.starts += starts
        try:
            self._answers("start")
        except TerminalUnreachable:
            return [StartUnknown(each.life, self.time + 3.0) for each in starts]
        return [self._start(each) for each in starts]

    def _start(self, order: Start) -> StartAnswer:
        if order.pane is None and any(pane.name == order.name for pane in self.panes.values()):
            return StartRefused(order.life, Refusal.NAME_TAKEN, "a session of that name exists")
        if order.pane is not None and (order.pane not in self.panes or self.panes[order.pane].name != order.name):
            return StartRefused(order.life, Refusal.PANE_GONE, "its pane does not exist any more")
        self._started += 1
        process = Handle(100 + self._started, 700 + self._started)
        made = pane_of(
            order.life,
            process.pid,
            id=order.pane or f"%{self._started}",
            process=process,
            name=order.name,
            digest=order.spec.digest,
        )
        self.panes[made.id] = made
        return Started(order.life, made.id, process)

    def look(self, questions: Sequence[PaneQuestion]) -> tuple[float, list[Pane | None]]:
        self.looks.append(list(questions))
        self._answers("look")
        by_name = {pane.name: pane for pane in self.panes.values()}
        return self.time, [self.panes.get(q.pane) if q.pane else by_name.get(q.name) for q in questions]

    def close(self, panes: Sequence[str]) -> None:
        self._answers("close")
        for pane in panes:
            if pane in self.panes and self.panes[pane].dead:
                del self.panes[pane]

    def look_at_input(self, orders: list[LookAtInput]) -> list[LookAnswer]:
        try:
            self._answers("look_at_input")
        except TerminalUnreachable:
            return [TypeHeld(order.life, order.piece, unasked=True) for order in orders]
        return [self._seen(order) for order in orders]

    def _seen(self, order: LookAtInput) -> LookAnswer:
        pane = self.panes.get(order.pane)
        if pane is None or pane.dead or pane.life != order.life:
            return TypeRefused(order.life, order.piece, "its pane is dead")
        return InputSeen(order.life, order.piece, Sight())

    def type(self, order: Type) -> TypeAnswer:
        try:
            self._answers("type")
        except TerminalUnreachable:
            return TypeUnknown(order.life, order.piece)
        pane = self.panes.get(order.pane)
        if pane is None or pane.dead or pane.life != order.life:
            return TypeRefused(order.life, order.piece, "its pane is dead")
        return Typed(order.life, order.piece)

    def arm_log(self, pane: str, life: str, spec: WorkerSpec, *, anew: bool = False) -> None:
        self._answers("arm_log")

    def notice(self, pane: str, text: str) -> None:
        self._answers("notice")

    def discard(self, name: str) -> None:
        self.calls.append("discard")

    def revive(self, least: int) -> tuple[tuple[Handle | None, ...], str]:
        self._answers("revive")
        return tuple(Handle(1 + number, 1) for number in range(least)), ""

    def _answers(self, call: str) -> None:
        self.calls.append(call)
        if self.hangs:
            self.time += self.HUNG
            raise TerminalUnreachable("tmux has not answered within 2s")


class FakeSecrets:
    """Implements `Secrets`: notes who reads, and answers when the test says so."""

    def __init__(self) -> None:
        self.asked: dict[str, Callable[[SecretsRead], None]] = {}  # by life
        self.called_off: list[str] = []

    def read(self, start: Start, tell: Callable[[SecretsRead], None]) -> None:
        self.asked[start.life] = tell

    def call_off(self, life: str) -> None:
        self.called_off.append(life)


class FakeJournal:
    """Implements `Journal`. An event or a fact that the table of events does not have fails the test."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def log(self, event: str, facts: Mapping[str, Any]) -> None:
        assert not faults_in(event, facts)
        self.lines.append((event, {"level": level_of(event, facts), **facts}))

    def events(self) -> list[str]:
        return [event for event, _ in self.lines]


class NotingPost(Post[Any]):
    """A post whose messages nobody handles: the test reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Any] = []

    def tell(self, message: Any) -> None:
        self.messages.append(message)

    def take(self, kind: type[Any]) -> list[Any]:
        """Return the messages of this kind, and forget all."""
        found = [message for message in self.messages if isinstance(message, kind)]
        self.messages.clear()
        return found

    def last(self, kind: type[Any]) -> Any:
        return [message for message in self.messages if isinstance(message, kind)][-1]
