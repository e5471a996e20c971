"""An order to end a tree, or to seek it: who belongs to the tree, who has got the signal, when the next look is due.

Look (a process table, and which processes in it are others') ──Ending.find──▶ members now
"""

import math
import os
import signal
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from actors.ports import Tell
from actors.values.effects import EndTree, SeekTree
from actors.values.facts import Fact, Handle, Member, TreeFound
from supervisor.kernel.proc_table import Table, members, name_of

SECOND_LOOK = 0.002  # seconds; an exec leaves a process without a mark for about 0.1 ms
RESCAN = 1.0  # seconds: the longest time between two reads of the table while an ending is open, for who has escaped
WRAPPER = 0.5  # seconds that a shell has to end by itself when the program has ended that it only wraps
SHELLS = frozenset({"sh", "dash", "bash", "ash", "busybox", "zsh", "ksh", "mksh"})
DEEPEST = 10  # shells around a program
KILL_PAUSES = (0.005, 0.05)  # seconds, first and longest, between two rounds of killing what has been forked meanwhile


@dataclass(slots=True, kw_only=True)
class Look:
    """One look at all processes for one ending: the table, and which of them are others' or our own.

    `reapers`: the tmux servers.
    """

    table: Table
    reapers: Collection[Handle]
    mark: str
    known_roots: Collection[Handle]
    known_own: set[Handle]
    _foreign: tuple[int, frozenset[int]] = (-1, frozenset())  # with the size of the table, which only grows

    def own(self) -> set[int]:
        return {1, os.getpid(), *self.table.still_there(self.known_own)}

    def foreign_roots(self, ending: "Ending") -> frozenset[int]:
        """Return the first processes of all panes but the life's own; the table may have grown since the last call."""
        if self._foreign[0] != len(self.table):
            roots = frozenset[int]().union(*(self.table.pane_roots(reaper.pid) for reaper in self.reapers))
            foreign = frozenset(self.table.still_there(self.known_roots)) | (roots - self._first(ending))
            self._foreign = len(self.table), foreign
        return self._foreign[1]

    def is_sure(self) -> bool:
        """Whether this look alone can tell that nothing is left of a tree: it shows no process without a mark.

        A process in the middle of an exec has no mark for a moment. The tmux servers and their helpers never have one,
        but no process of a tree is in their sessions.
        """
        sessions = {server.sid for reaper in self.reapers if (server := self.table.get(reaper.pid))}
        unmarked = (each for each in self.table.values() if each.mark is None and not each.zombie)
        return all(each.sid in sessions for each in unmarked)

    def _first(self, ending: "Ending") -> set[int]:
        """Return the life's first process; while its start time is not known, it is one of those that bear the mark."""
        first = ending.order.process
        known = first is not None and first.ticks != 0
        return set(self.table.still_there((first,)) if first and known else self.table.marks.get(self.mark, ()))


@dataclass(slots=True, eq=False)
class Ending:
    """One order to end a tree, and how far it has come. `signal` None: it seeks, and waits for the order to end.

    `aimed`: who got the signal alone: the program behind a wrapping shell, then the first process; `rest_told`: what
    the first process left has got it, too. `known`: members that have not been seen to end, though nothing may mark
    them by now; `held`: those of them whose end will be told; `refused`: those that the signal could not reach; `led`:
    members that led a session; `suspects`: those that seem to have left the tree by one look, which proves nothing yet;
    `surely_empty`: nothing is left, and no other look is needed; `freezes`: turns spent on stopping them before a kill.
    """

    name: str
    order: EndTree | SeekTree
    tell: Tell
    signal: signal.Signals | None
    scan_at: float = 0.0
    pause: float = KILL_PAUSES[0]
    fresh: bool = True
    aimed: set[Handle] = field(default_factory=set)
    rest_told: bool = False
    replaces: bool = False
    seen_empty: bool = False
    surely_empty: bool = False
    looked: float = 0.0
    freezes: int = 0
    known: set[Handle] = field(default_factory=set)
    held: set[Handle] = field(default_factory=set)
    signalled: set[Handle] = field(default_factory=set)
    refused: set[Handle] = field(default_factory=set)
    told: set[Handle] = field(default_factory=set)
    led: set[Handle] = field(default_factory=set)
    suspects: set[Handle] = field(default_factory=set)

    @property
    def kills(self) -> bool:
        return self.signal is signal.SIGKILL

    def began_with(self, process: Handle) -> bool:
        first = self.order.process
        return first is not None and process.pid == first.pid and first.ticks in (0, process.ticks)

    def targets(self, found: set[Handle], table: Table) -> set[Handle]:
        """Return what the signal goes to now: those who have not got it yet, of whom it is meant for.

        That is the whole tree when it is killed, or ordered so. Else it is the main process as long as that lives, and
        then, once, what it has left. A process that refuses the signal gets it again at each look.
        """
        if self.signal is None or isinstance(self.order, SeekTree):
            return set()
        again = found & self.refused
        if self.kills:
            return found - self.signalled
        if self.order.whole:
            return found - self.signalled if self.fresh else again
        if first := next((process for process in found if self.began_with(process)), None):
            main = first if self.aimed else program_behind(first, table, self.signal)
            self.aimed.add(main)
            return {main} - self.signalled | again
        if self.rest_told:
            return again
        self.rest_told = True
        return found - self.signalled

    def has_ended(self, process: Handle) -> None:
        """Note the end of a member: when the next look is due."""
        self.known.discard(process)
        self.held.discard(process)
        if not self.held or self.began_with(process):
            self.scan_at = 0.0
        elif process in self.aimed:
            self.scan_at = min(self.scan_at, time.monotonic() + WRAPPER)

    def pids(self) -> set[int]:
        """Return the numbers that its members have or had; other processes may bear them by now."""
        first = [self.order.process] if self.order.process else []
        return {process.pid for process in (*first, *self.order.last, *self.known, *self.led, *self.suspects)}

    def is_below(self, server: Handle) -> bool:
        """Whether all of its tree are descendants of this tmux server: it began under it, and nothing ran beside it."""
        first = self.order.process
        return first is not None and first.ticks >= server.ticks and not self.order.beside

    def find(self, look: Look) -> set[Handle]:
        """Return the members of the tree now."""
        pids = members(
            look.table,
            mark=look.mark,
            root=self.order.process,
            last=(*self.order.last, *self.known),
            foreign_roots=look.foreign_roots(self),
            own=look.own(),
            reapers=look.reapers,
        )
        found = {look.table[pid].handle for pid in pids}
        self.led.update(process for process in found if look.table[process.pid].sid == process.pid)
        return found

    def note_look(self, found: set[Handle], astray: set[Handle], *, sure: bool) -> None:
        """Keep who was found, for the order to end the tree. If nobody was found, a second look is due.

        `astray`: the processes that seem to have left the tree. `sure`: this look needs no second one.
        """
        last, self.seen_empty = self.seen_empty or sure, not found
        self.known |= found
        self.surely_empty = last and not found and not astray
        self.looked = time.monotonic()
        self.scan_at = math.inf if last or found else self.looked + SECOND_LOOK

    def note_empty(self) -> None:
        """Nobody was found by a first look: a second one is due."""
        self.seen_empty = True
        self.scan_at = time.monotonic() + SECOND_LOOK

    def take_look(self, sought: "Ending") -> None:
        """Go on from the looks that were taken after this tree's first process had ended."""
        if sought.signal is None and sought.seen_empty and _meant(sought.order) == _meant(self.order):
            self.seen_empty, self.surely_empty = True, sought.surely_empty
            self.scan_at = sought.looked + SECOND_LOOK

    def plan_next(self, delivered: bool) -> None:
        """Set when the table is read next: soon after a kill, else at a whole second, so that endings share a read."""
        now = time.monotonic()
        if not self.held or (self.aimed and not self.rest_told and not any(map(self.began_with, self.held))):
            self.scan_at = now
        elif self.kills and delivered:
            self.scan_at = now + self.pause
            self.pause = min(2 * self.pause, KILL_PAUSES[1])
        else:
            self.scan_at = math.floor(now / RESCAN + 1) * RESCAN


def untold(_fact: Fact) -> None:
    """Take what is told to nobody, as of trees that are only sought."""


def found_of(life: str, processes: set[Handle], *, sure: bool) -> TreeFound:
    """Return what a look found, by age and by name; who has just ended has none. `sure`: see TreeFound."""
    eldest_first = sorted(processes, key=lambda process: (process.ticks, process.pid))
    return TreeFound(life, tuple(Member(each, name) for each in eldest_first if (name := name_of(each.pid))), sure)


def _meant(order: EndTree | SeekTree) -> tuple[object, ...]:
    """Return what decides who is looked for."""
    return order.process, order.last, order.beside


def program_behind(first: Handle, table: Table, number: signal.Signals) -> Handle:
    """Return the program that the first process runs: itself, or behind shells that only wrap it.

    Such a shell has one child, which it waits for, and neither catches nor ignores the signal.
    """
    process = first
    for _ in range(DEEPEST):
        children = [pid for pid in table.children.get(process.pid, ()) if not table[pid].zombie]
        if len(children) != 1 or not _is_shell(process.pid) or _heeds(process.pid, number):
            break
        process = table[children[0]].handle
    return process


def _is_shell(pid: int) -> bool:
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")) in SHELLS
    except OSError:
        return False


def _heeds(pid: int, number: signal.Signals) -> bool:
    """Whether the process catches or ignores the signal; also where that cannot be read."""
    try:
        with open(f"/proc/{pid}/status") as file:
            masks = [int(line.split()[1], 16) for line in file if line.startswith(("SigIgn:", "SigCgt:"))]
    except OSError:
        return True
    return any(mask >> (number - 1) & 1 for mask in masks)
