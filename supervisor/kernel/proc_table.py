"""The kernel's process table, read straight from /proc, and whose tree a process belongs to.

    /proc/*/stat, /proc/*/environ ──read_table──▶ Table ──members──▶ the pids of one life

A process belongs to a life by its mark (PANEVISOR_WORKER in its environment), by descent from the life's first process,
by that process's session, or because it was seen in the tree before. None of these is enough alone: an environment can
be erased, a parent can die, `setsid` makes a new session.

The numbers of processes, sessions and terminals are given again to others. What was learned of a number counts only
together with what tells its bearers apart: the start time of the process, or of the one who led the session.
"""

import errno
import os
import signal
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Set
from typing import NamedTuple

from actors.values.facts import Handle

MARK = b"PANEVISOR_WORKER"
UNREADABLE = {errno.ENOENT, errno.ESRCH, errno.EACCES, errno.EPERM, errno.EIO}  # gone, or not ours to read
_LISTINGS = 5  # of /proc in one read: each finds those born during the one before it
_STRETCH = 32  # processes read between two calls of `between`, about half a millisecond
_ENVIRON_CHUNK = 16_384
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Entry(NamedTuple):
    """One process. `ticks`: its start time, `cpu`: its user and system time, both in clock ticks; `state`: one letter.

    `rss`: resident bytes, off by some pages a core, as stat(5) tells them. `terminal`: the device number of its
    session's, 0 for none. `mark` is None when it has none, when it cannot be read, and when marks were not asked for.
    """

    pid: int
    ppid: int
    sid: int
    ticks: int
    state: str
    threads: int
    cpu: int
    mark: str | None = None
    terminal: int = 0
    rss: int = 0

    @property
    def handle(self) -> Handle:
        return Handle(self.pid, self.ticks)

    @property
    def zombie(self) -> bool:
        """Whether it has ended and is only not reaped; a dead main thread beside living ones is no end."""
        return self.state in "ZX" and self.threads <= 1

    @property
    def leads_terminal(self) -> bool:
        """Whether it leads a session that has a terminal. A child of a tmux server that does is the first of a pane.

        Who has escaped from a pane can't be: a terminal that has hung up is no session's any more.
        """
        return self.pid == self.sid and self.terminal != 0


Listing = Callable[[], list[int]]


class Table(dict[int, Entry]):
    """Processes by pid, with the children of each, the members of each session and the bearers of each mark."""

    def __init__(self, entries: Iterable[Entry] = (), listing: Listing | None = None) -> None:
        super().__init__()
        self.children: defaultdict[int, list[int]] = defaultdict(list)
        self.sessions: defaultdict[int, list[int]] = defaultdict(list)
        self.marks: defaultdict[str, list[int]] = defaultdict(list)
        self._leaders: defaultdict[int, set[int]] = defaultdict(set)
        self._tried: set[int] = set()
        self._listing = listing
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        self[entry.pid] = entry
        self.children[entry.ppid].append(entry.pid)
        self.sessions[entry.sid].append(entry.pid)
        if entry.leads_terminal:
            self._leaders[entry.ppid].add(entry.pid)
        if entry.mark is not None:
            self.marks[entry.mark].append(entry.pid)

    def extend(self, with_marks: bool, between: Callable[[], None] = lambda: None) -> bool:
        """Read the processes that have appeared since the last listing; False when there were none."""
        fresh = [pid for pid in (self._listing or all_pids)() if pid not in self._tried]
        for number, pid in enumerate(fresh):
            if number % _STRETCH == _STRETCH - 1:
                between()
            entry = entry_of(pid, with_mark=with_marks)
            if entry is not None:
                self.add(entry)
        self._tried.update(fresh)
        return bool(fresh)

    def still_there(self, processes: Iterable[Handle]) -> list[int]:
        """Return the pids of those of them that are in the table."""
        entry = self.get
        return [p.pid for p in processes if (found := entry(p.pid)) and found.ticks == p.ticks]

    def _has(self, process: Handle) -> bool:
        entry = self.get(process.pid)
        return entry is not None and entry.ticks == process.ticks

    def not_reused(self, processes: Iterable[Handle]) -> Iterator[Handle]:
        """Yield those of them whose pid no other process has now: a session with that number is still theirs."""
        return (process for process in processes if process.pid not in self or self._has(process))

    def pane_roots(self, server: int) -> Set[int]:
        """Return the first processes of all panes of this tmux server, and of its popups, as new as the table is."""
        return self._leaders.get(server, frozenset())

    def closure(self, seeds: Iterable[int], barred: Set[int] = frozenset()) -> set[int]:
        """Return the seeds and all their descendants, zombies left out; nothing behind a barred pid is reached."""
        reached: set[int] = set()
        ahead = list(seeds)
        while ahead:
            pid = ahead.pop()
            if pid not in reached and pid not in barred:
                reached.add(pid)
                ahead.extend(self.children.get(pid, ()))
        return {pid for pid in reached if not self[pid].zombie}

    def below(self, pid: int, roots: Set[int], own: Set[int]) -> bool:
        """Whether `pid` is one of `roots` or descends from one; the look upwards ends at `own`."""
        climbed: set[int] = set()
        while pid in self and pid not in climbed:
            if pid in roots:
                return True
            if pid in own:
                return False
            climbed.add(pid)
            pid = self[pid].ppid
        return False


def read_table(with_marks: bool, between: Callable[[], None] = lambda: None, listing: Listing | None = None) -> Table:
    """Return all processes, or those of a `listing`; about 10 µs each, and 15 more with marks.

    `between` is called each half millisecond or so. Raises OSError when descriptors have run out: a table with holes
    would say that a tree is gone.
    """
    table = Table(listing=listing)
    for _ in range(_LISTINGS):
        if not table.extend(with_marks, between):
            break
    return table


def entry_of(pid: int, *, with_mark: bool = False) -> Entry | None:
    """Return the process, None when there is none; raises OSError when descriptors have run out.

    The mark is read first: tmux gives a fork its terminal before it execs, and only that shows the mark. So a
    process that bears a mark is seen with its terminal, however new it is.
    """
    mark = _mark_of(pid) if with_mark else None
    stat = _read(f"/proc/{pid}/stat", 1024)
    if not stat:
        return None
    # the name in parentheses can hold blanks and parentheses of its own; `fields` begins with field 3, the state
    fields = stat[stat.rindex(b")") + 2 :].split(None, 22)
    return Entry(
        pid,
        ppid=int(fields[1]),
        sid=int(fields[3]),
        ticks=int(fields[19]),
        state=fields[0].decode(),
        threads=int(fields[17]),
        cpu=int(fields[11]) + int(fields[12]),
        mark=mark,
        terminal=int(fields[4]),
        rss=int(fields[21]) * _PAGE,
    )


def name_of(pid: int) -> str:
    """Return the name that the process has in `ps`; "" when there is none."""
    return (_read(f"/proc/{pid}/comm", 64) or b"").decode("utf-8", "replace").strip()


def handle_of(pid: int) -> Handle | None:
    """Return the handle of the process that has this pid now (a zombie has one too), None when there is none."""
    entry = entry_of(pid)
    return entry and entry.handle


def lives(process: Handle) -> bool:
    """Whether this very process is there and is no zombie."""
    entry = entry_of(process.pid)
    return entry is not None and entry.ticks == process.ticks and not entry.zombie


def signal_once(process: Handle, number: signal.Signals) -> None:
    """Send it to this very process; raises ProcessLookupError when it has ended, PermissionError when it refuses."""
    descriptor = os.pidfd_open(process.pid)
    try:
        if not lives(process):
            raise ProcessLookupError(errno.ESRCH, "the process has ended", process)
        signal.pidfd_send_signal(descriptor, number)
    finally:
        os.close(descriptor)


def members(
    table: Table,
    *,
    mark: str,
    root: Handle | None,
    last: Iterable[Handle],
    foreign_roots: Set[int],
    own: Set[int],
    reapers: Collection[Handle] = (),
) -> set[int]:
    """Return the pids of a life's tree, zombies left out.

    That is every process with its mark, its first process `root`, those in the session of that, those of `last` that
    still live, and all their descendants. When the root is dead, who came to one of the `reapers` from it is meant:
    a session with the same number that another process led has left its orphans elsewhere. Left out are `own` and
    whatever is in the tree of a foreign root, even with this very mark: a person's split in a worker's session
    inherits it. `foreign_roots` has living panes only; the number of a dead one may have been given to a member.
    """
    seeds = {*table.marks.get(mark, ()), *_by_session(table, mark, root, reapers), *table.still_there(last)}
    ours = (pid for pid in seeds if not table.below(pid, foreign_roots, own))
    return table.closure(ours, foreign_roots | own)


def escaped(
    table: Table,
    *,
    is_mark: Callable[[str], bool],
    leaders: Iterable[Handle],
    has_terminal: Callable[[int], bool],
    since: int,
    reapers: Collection[Handle],
    foreign_roots: Set[int],
    own: Set[int],
) -> set[int]:
    """Return the pids of those who left a worker's tree unseen, with their descendants; zombies are left out.

    They bear a mark of the worker (`is_mark`); or nothing marks them, and they are orphans, so children of one of the
    `reapers`, in the session of one of the `leaders` from the tree, or with one of the tree's terminals open
    (`has_terminal` of their pid) and begun `since` then (clock ticks). Who is in the tree of a foreign root, or in the
    session of a reaper, as its helpers and newest forks are, is not meant, nor the first process of a pane.
    """
    sessions = {server.sid for reaper in reapers if (server := table.get(reaper.pid))}
    led = {leader.pid: leader.ticks for leader in table.not_reused(leaders)}

    def left(orphan: Entry) -> bool:
        if orphan.zombie or orphan.mark is not None or orphan.leads_terminal or orphan.sid in sessions:
            return False
        return led.get(orphan.sid, orphan.ticks + 1) <= orphan.ticks or (
            orphan.ticks >= since and has_terminal(orphan.pid)
        )

    marked = (pid for mark, pids in table.marks.items() if is_mark(mark) for pid in pids)
    children = (pid for reaper in reapers for pid in table.children.get(reaper.pid, ()))
    orphans = (pid for pid in children if pid not in foreign_roots and left(table[pid]))
    barred = foreign_roots | own
    return table.closure((pid for pid in (*marked, *orphans) if not table.below(pid, foreign_roots, own)), barred)


def _by_session(table: Table, mark: str, root: Handle | None, reapers: Collection[Handle]) -> Iterable[int]:
    """Yield the root and its session; nothing when its pid has been given to another process since."""
    if root is None:
        return
    holder = table.get(root.pid)
    if holder is not None:
        if not _is_root(holder, root, mark):
            return
        yield root.pid
    for pid in table.sessions.get(root.pid, ()):
        entry = table[pid]
        if entry.ticks >= root.ticks and (holder or _was_left(entry, mark, reapers)):
            yield pid


def _was_left(entry: Entry, mark: str, reapers: Collection[Handle]) -> bool:
    """Whether a dead root can have left it; the children of one that was left follow it."""
    if entry.mark is not None:
        return entry.mark == mark
    was_reaped = any(entry.ppid == reaper.pid for reaper in reapers)
    return was_reaped or all(entry.ticks < reaper.ticks for reaper in reapers)


def _is_root(entry: Entry, root: Handle, mark: str) -> bool:
    if root.ticks:
        return entry.ticks == root.ticks
    return entry.mark == mark or entry.zombie  # start time unknown: the pid alone proves nothing


def all_pids() -> list[int]:
    """Return the pids of all processes."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def variable_of(pid: int, name: bytes) -> bytes | None:
    """Return what the process had in its environment when it began; None where it had none, or it cannot be read."""
    environ = b"\0" + (_read(f"/proc/{pid}/environ", _ENVIRON_CHUNK) or b"")
    _, found, rest = environ.partition(b"\0" + name + b"=")
    return rest.partition(b"\0")[0] if found else None


def environment_of(pid: int) -> dict[str, str]:
    """Return the environment with which the process began; empty where it cannot be read."""
    entries = (_read(f"/proc/{pid}/environ", _ENVIRON_CHUNK) or b"").split(b"\0")
    pairs = (os.fsdecode(entry).partition("=") for entry in entries)
    return {key: value for key, sign, value in pairs if sign}


def umask_of(pid: int) -> int:
    """Return the umask of the process; raises OSError when it is gone."""
    lines = (_read(f"/proc/{pid}/status", 4096) or b"").splitlines()
    found = [line.split()[1] for line in lines if line.startswith(b"Umask:")]
    if not found:
        raise ProcessLookupError(errno.ESRCH, "the process has ended", pid)
    return int(found[0], 8)


def _mark_of(pid: int) -> str | None:
    mark = variable_of(pid, MARK)
    return None if mark is None else mark.decode("utf-8", "replace")


def _read(path: str, chunk: int) -> bytes | None:
    """Return the whole file, None when the process is gone or not ours to read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            content = part = os.read(descriptor, chunk)
            while len(part) == chunk:
                part = os.read(descriptor, chunk)
                content += part
            return content
        finally:
            os.close(descriptor)
    except OSError as problem:
        if problem.errno in UNREADABLE:
            return None
        raise
