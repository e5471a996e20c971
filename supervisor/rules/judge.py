"""One thread judges what all workers print and show, by turns: a chunk of one worker, then the next worker.

inotify: these files were written ──▶ whose turn it is ──▶ a chunk ──▶ patterns ──▶ LinesMatched ──▶ Worker
                                            ▲                                            │
                                            └── no more chunks while MOST_UNHEARD ◀──────┘ confirmed
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from actors.ports import Tell
from actors.values.effects import RunCommand
from actors.values.rules import CommandEnded, LinesMatched, LinesSkipped, Match, Rule, ScreenMatched
from actors.vital import VitalThread
from supervisor.attention.presets import Preset
from supervisor.kernel.files import as_known
from supervisor.logs.names import listed
from supervisor.logs.quota import NewFiles
from supervisor.rules.commands import Commands
from supervisor.rules.patterns import Patterns, is_untold, patterns_of
from supervisor.rules.positions import Positions
from supervisor.rules.trail import Lines, Position, Trail
from supervisor.text.plain import plain, plain_lines

IDLE = 3600.0  # seconds; without rules an order wakes the thread
AGAIN = 10.0  # seconds between two looks at the whole directory: what inotify did not tell is found then
BLIND = 0.5  # the same, while there is no inotify
TURN = 0.02  # seconds of work without a rest
LEAST_REST = 0.05  # what many workers print meanwhile is judged together
REST = 2  # times as long as the work took: a third of one core at most
MOST_UNHEARD = 8  # chunks of a worker whose matches it has not heard yet
CALM = 5.0  # seconds without a skip after which a flood is over, and is told as one
TOLD_AFTER = 60.0  # seconds after which a flood is told that goes on


@dataclass(slots=True)
class _Judged:
    """One worker."""

    name: str
    patterns: Patterns
    tell: Tell
    trail: Trail
    repeated_to: Position | None = None  # a killed service may have judged what is before
    unheard: deque[Position] = field(default_factory=deque)
    skipped: int = 0  # bytes that are not told yet
    skipped_since: float = 0.0
    skipped_last: float = 0.0
    shown: tuple[tuple[Rule, Match], ...] = ()


class Judge:
    """`actors.ports.RuleJudge`. `problem`: why inotify tells nothing; None when it does."""

    def __init__(
        self,
        logs: Path,
        positions: Path,
        *,
        nofile: int,
        presets: tuple[Preset, ...],
        on_error: Callable[[BaseException], None],
    ) -> None:
        self.problem: str | None = None
        self._presets = presets
        self._logs = logs
        self._on_error = on_error
        self._positions = Positions(positions, on_error)
        self._commands = Commands(nofile)
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._files = NewFiles(written=True)
        self._judged: dict[str, _Judged] = {}
        self._new: dict[str, str | None] = {}  # their trails begin together, by one look at the directory
        self._turns: dict[str, None] = {}
        self._looked = float("-inf")
        self._ended = threading.Event()
        self._closed = False
        self._thread = VitalThread("rules", self._run)
        self._thread.start()

    # ── any thread ────────────────────────────────────────────────────────────────────────────────────────────────

    def follow(self, name: str, rules: tuple[Rule, ...], life: str | None, tell: Tell) -> None:
        """Judge by these rules from now on; `life`: it begins now, and is judged from its beginning."""
        self._order(lambda: self._follow(name, rules, life, tell))

    def show(self, name: str, life: str, screen: bytes) -> None:
        """Judge what the worker's pane shows now."""
        self._order(lambda: self._show(name, life, screen))

    def heard(self, name: str) -> None:
        """The worker has dealt with the matches of one chunk."""
        self._order(lambda: self._heard(name))

    def forget(self, name: str) -> None:
        """Judge it no more."""
        self._order(lambda: self._forget(name))

    def run(self, order: RunCommand, tell: Tell) -> None:
        """Run a command of a rule; tell when it has ended."""
        self._commands.run(order, lambda problem: tell(CommandEnded(order.rule, problem)))

    def rest(self, timeout: float = 2.0) -> None:
        """Judge nothing any more, so that workers can deal with what they were told before they end."""
        self._ended.set()
        self._files.wake()
        self._thread.join(timeout)

    def close(self) -> None:
        """End all, and write down how far it has come. A thread that a disk keeps ends with the process."""
        if self._closed:
            return
        self._closed = True
        self.rest()
        self._commands.close()
        if not self._thread.is_alive():
            self._obey()
            if self._judged:
                self._positions.keep(self._done(), clean=True)
            self._files.close()

    def _order(self, order: Callable[[], None]) -> None:
        self._orders.put(order)
        if not self._ended.is_set():
            self._files.wake()

    # ── the thread ────────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        while not self._ended.is_set():
            made = self._files.wait(self._pause())
            began = time.monotonic()
            try:
                self._obey()
                if self._judged:
                    self._look(made, began)
                    self._take_turns(began)
                    if not self._positions.due:
                        self._positions.keep(self._done())
            except Exception as error:  # the disk's, say: the next look finds what was left
                self._on_error(error)
            self._ended.wait(max(LEAST_REST, REST * (time.monotonic() - began)))

    def _pause(self) -> float:
        if self._turns:
            return 0.0
        if not self._judged:
            return IDLE
        again = BLIND if self.problem else AGAIN
        return min(max(0.0, self._looked + again - time.monotonic()), self._positions.due or again)

    def _obey(self) -> None:
        while True:
            try:
                order = self._orders.get_nowait()
            except queue.Empty:
                return
            order()

    def _follow(self, name: str, rules: tuple[Rule, ...], life: str | None, tell: Tell) -> None:
        patterns = patterns_of(rules, self._presets)
        if not patterns.read_lines and not patterns.read_screens:
            self._forget(name)
            return
        judged = self._judged.get(name)
        if judged is None:
            self._new[name] = life
            self._judged[name] = _Judged(name, patterns, tell, Trail(self._logs, name))
        else:
            judged.patterns = patterns
            if name in self._new and life is not None:
                self._new[name] = life
            if judged.tell != tell:  # the actor before it has failed, and hears nothing any more
                judged.tell = tell
                judged.unheard.clear()

    def _show(self, name: str, life: str, screen: bytes) -> None:
        judged = self._judged.get(name)
        if judged is None or not judged.patterns.read_screens:
            return
        found = judged.patterns.on_screen(plain(screen))
        if found or judged.shown:
            judged.tell(ScreenMatched(life, found))
        judged.shown = found

    def _heard(self, name: str) -> None:
        judged = self._judged.get(name)
        if judged and judged.unheard:
            judged.unheard.popleft()
            self._turns[name] = None

    def _forget(self, name: str) -> None:
        self._judged.pop(name, None)
        self._new.pop(name, None)
        self._turns.pop(name, None)
        self._positions.known.pop(name, None)

    def _look(self, made: Iterable[str], now: float) -> None:
        """Note whose turn it is: whose files were written, and from time to time everybody's."""
        for file in made:
            judged = self._judged.get(file.partition(".")[0])
            if judged and judged.name not in self._new:  # what is new begins with the look below
                judged.trail.made(file)
                self._turns[judged.name] = None
        lost, self._files.overflowed = self._files.overflowed, False
        if not (self._new or lost or now >= self._looked + (BLIND if self.problem else AGAIN)):
            return
        self._watch()  # before the look, so that nothing is between them
        self._looked = now
        found = listed(self._logs, self._judged.keys())
        for name, judged in self._judged.items():
            segments = found.get(name, [])
            if name in self._new:
                before = self._positions.known.get(name)
                judged.trail.begin(segments, before, self._new[name])
                if before and not self._positions.were_exact:
                    judged.repeated_to = judged.trail.end()
            for segment in segments:
                judged.trail.listed(segment)
            self._turns[name] = None
        self._new.clear()

    def _watch(self) -> None:
        try:
            self._files.watch(self._logs)
        except OSError as error:
            self.problem = f"{as_known(self._logs)}: {error}"
        else:
            self.problem = None

    def _take_turns(self, began: float) -> None:
        """Judge a chunk of each worker in turn, for up to TURN seconds."""
        while self._turns and time.monotonic() < began + TURN and not self._ended.is_set():
            name = next(iter(self._turns))
            del self._turns[name]
            judged = self._judged[name]
            if len(judged.unheard) < MOST_UNHEARD and self._judge(judged):
                self._turns[name] = None

    def _judge(self, judged: _Judged) -> bool:
        """Judge one chunk; return whether there may be more."""
        lines = judged.trail.read()
        self._tell_of_a_flood(judged)
        if lines is None or not judged.patterns.read_lines:
            return judged.trail.may_have_more
        if judged.repeated_to and judged.repeated_to <= lines.begin:
            judged.repeated_to = None
        if matches := matches_in(judged.patterns, lines.data):
            self._tell(judged, lines, matches)
        return judged.trail.may_have_more

    def _tell(self, judged: _Judged, lines: Lines, matches: list[tuple[Rule, Match]]) -> None:
        """Tell the matches by the lives that printed the lines; mostly that is one."""
        parts = judged.trail.by_life(lines)
        for life, data in parts:
            found = matches if len(parts) == 1 else matches_in(judged.patterns, data)
            if judged.repeated_to:
                found = [(rule, replace(match, again=True)) for rule, match in found]
            if found:
                judged.unheard.append(lines.begin)
                judged.tell(LinesMatched(life, tuple(found)))

    def _tell_of_a_flood(self, judged: _Judged) -> None:
        """Tell what was skipped, once a flood."""
        now = time.monotonic()
        if new := judged.trail.skipped:
            judged.skipped_since = judged.skipped_since if judged.skipped else now
            judged.skipped, judged.skipped_last, judged.trail.skipped = judged.skipped + new, now, 0
        over = now >= judged.skipped_last + CALM or now >= judged.skipped_since + TOLD_AFTER
        if judged.skipped and over:
            judged.tell(LinesSkipped(judged.skipped, "they came faster than they are judged"))
            judged.skipped = 0

    def _done(self) -> dict[str, Position]:
        """Return how far each worker is judged, and has heard of it."""
        done = {
            name: judged.unheard[0] if judged.unheard else judged.trail.position for name, judged in self._of_lines()
        }
        return {name: at for name, at in done.items() if at is not None}

    def _of_lines(self) -> list[tuple[str, _Judged]]:
        return [(name, judged) for name, judged in self._judged.items() if judged.patterns.read_lines]


def matches_in(patterns: Patterns, data: bytes) -> list[tuple[Rule, Match]]:
    """Return what these lines match, in their order; what is only counted is added to the rule's last match."""
    matches: list[tuple[Rule, Match]] = []
    last: dict[int, int] = {}
    for _, rule, match in patterns.in_lines(plain_lines(data)):
        if is_untold(match):
            place = last[id(rule)]
            matches[place] = rule, replace(matches[place][1], count=matches[place][1].count + 1)
        else:
            last[id(rule)] = len(matches)
            matches.append((rule, match))
    return matches
