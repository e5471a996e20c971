"""One look at the processes, in a thread of its own: what each worker's tree uses, and how the machine is.

    /proc/*/stat, once ──▶ Table (identity, parents, CPU time, resident bytes) ──▶ TreeSweep

The table is read once for all workers: asking psutil for the children of each costs 23 ms a worker. A few workers are
read alone, with what else is below their tmux servers: a machine may have thousands of other processes.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain

import psutil

from actors.ports import TreeSweep
from actors.values.facts import TICKS_PER_SECOND, Handle, Tree
from actors.values.snapshot import Host
from actors.vital import VitalThread
from supervisor.kernel.limits import Limit
from supervisor.kernel.proc_table import Entry, Table, entry_of, read_table
from supervisor.kernel.scope import below

Answer = Callable[[TreeSweep], None]
Request = tuple[Mapping[str, Handle], Answer]


class TreeSweeper:
    """The process half of `actors.ports.Sweeper`. `answer` is called from the sweeper's thread.

    `tasks()` gives the limit of processes that workers are held to, `servers()` the tmux servers. What a sweep or its
    `answer` raises goes to `on_error`, which must not raise; a sweep that failed has no answer.
    """

    def __init__(
        self,
        on_error: Callable[[BaseException], None],
        tasks: Callable[[], Limit | None] = lambda: None,
        servers: Callable[[], Iterable[Handle]] = lambda: (),
    ) -> None:
        self._on_error = on_error
        self._tasks = tasks
        self._next: Request | None = None
        self._closed = False
        self._changed = threading.Condition()
        self._sweep = _Sweep(servers)
        self._thread = VitalThread("tree-sweeper", self._run)
        self._thread.start()

    def sweep_trees(self, roots: Mapping[str, Handle], answer: Answer) -> None:
        """Answer with the trees of these roots, by worker name; None for a root that is not there any more.

        One sweep at a time: while one runs the newest request waits, and one that waited before it is dropped.
        """
        with self._changed:
            self._next = (dict(roots), answer)
            self._changed.notify()

    def close(self) -> None:
        """End the thread, after the sweep that is running; a request that waits is dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        for roots, answer in self._requests():
            try:
                sweep = self._sweep.take(roots)
                answer(replace(sweep, host=_with_tasks(sweep.host, self._tasks())))
            except BaseException as problem:  # a dead actor's tell, or a SystemExit in it, is not the thread's end
                self._on_error(problem)

    def _requests(self) -> Iterator[Request]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._next is not None)
                if self._closed or self._next is None:
                    return
                request, self._next = self._next, None
            yield request


class _Sweep:
    """What has to be remembered from one sweep for the next: CPU time by process, when it was read, trees by root."""

    def __init__(self, servers: Callable[[], Iterable[Handle]] = lambda: ()) -> None:
        self._servers = servers
        self._cpu: dict[Handle, int] = {}
        self._trees: dict[Handle, tuple[Handle, ...]] = {}
        self._taken: float | None = None

    def take(self, roots: Mapping[str, Handle]) -> TreeSweep:
        taken = time.monotonic()
        table = self._table(roots)
        elapsed = None if self._taken is None else taken - self._taken
        trees = {name: members_of(table, root, self._trees.get(root, ())) for name, root in roots.items()}
        found = {name: self._tree(entries, elapsed) for name, entries in trees.items()}
        known = (zip(tree.handles, trees[name] or (), strict=True) for name, tree in found.items() if tree)
        self._cpu = {handle: entry.cpu for both in known for handle, entry in both}
        self._trees = {roots[name]: tree.handles for name, tree in found.items() if tree}
        self._taken = taken
        return TreeSweep(taken, found, _host(first=elapsed is None))

    def _table(self, roots: Mapping[str, Handle]) -> Table:
        """Return those below the tmux servers; all there are where those are many, or a root is not among them."""
        found = below(server.pid for server in self._servers())
        if found is None or not all(root.pid in found for root in roots.values()):
            return read_table(with_marks=False)
        return Table(entry for pid in found if (entry := entry_of(pid)))

    def _tree(self, entries: list[Entry] | None, elapsed: float | None) -> Tree | None:
        if entries is None:
            return None
        handles = tuple(entry.handle for entry in entries)
        before = map(self._cpu.get, handles)
        spent = [entry.cpu - cpu for entry, cpu in zip(entries, before, strict=True) if cpu is not None]
        return Tree(sum(entry.rss for entry in entries), _percent(spent, elapsed), handles)


def _percent(spent: list[int], elapsed: float | None) -> float | None:
    """Return the CPU time of those who were in the last sweep, as a share of the time since; None when nobody was."""
    if not spent or not elapsed:
        return None
    return round(100 * sum(spent) / TICKS_PER_SECOND / elapsed, 1)


def members_of(table: Table, root: Handle, before: Iterable[Handle]) -> list[Entry] | None:
    """Return the root and its descendants, and who was left to the root's own parent, the tmux server.

    That is who was in the tree `before`, and who is in the session of the root or of one who was. None when the root
    has ended. Start time 0 means any process that has the pid.
    """
    first = table.get(root.pid)
    if first is None or first.zombie or root.ticks not in (0, first.ticks):
        return None
    led = (_session(table, leader) for leader in table.not_reused((first.handle, *before)))
    known = chain(table.still_there(before), *led)
    orphans = [pid for pid in known if table[pid].ppid == first.ppid and not table[pid].leads_terminal]
    return [table[pid] for pid in sorted(table.closure([root.pid, *orphans]))]


def _session(table: Table, leader: Handle) -> Iterable[int]:
    """Yield who is in the session that this very process led: nobody in it began before its leader."""
    return (pid for pid in table.sessions.get(leader.pid, ()) if table[pid].ticks >= leader.ticks)


def _host(first: bool) -> Host:
    """Return how the machine is. CPU is what was used since the last call in this thread: None for the first."""
    cpu = psutil.cpu_percent(interval=None)
    return Host(os.getloadavg()[0], available_memory(), None if first else cpu)


def _with_tasks(host: Host, limit: Limit | None) -> Host:
    return replace(host, tasks_free=limit.free, tasks_limit=limit.what) if limit else host


def available_memory() -> int:
    """Return the bytes that programs can have without swapping: the kernel's MemAvailable."""
    return int(psutil.virtual_memory().available)
