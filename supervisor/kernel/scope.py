"""Which processes can belong to the trees that are being ended: a few, where the whole process table has thousands.

    children of the tmux server ─┬─ first processes of panes, its own helpers: others' ──▶ left out
                                 └─ the rest: what dead processes left ──┐
    first processes of the trees, who was seen in them ──────────────────┴─ with all their descendants ──▶ the listing

The tmux server is the subreaper of all workers, so whoever leaves a worker's tree becomes its child. (A command of a
probe is the service's child: the trees of workers that have such probes are looked for in all of /proc.) The kernel
puts a new child at the end of the list of children (0.5 ms for 1,000). So a child that still stands before and behind
the same others is the same process, and is not read again.
"""

import os
from collections.abc import Iterable

from actors.values.facts import Handle
from supervisor.kernel.proc_table import UNREADABLE, Entry, Table, all_pids, entry_of

WIDE = 300  # processes in a listing; beyond that reading all of /proc is cheaper: each costs two more reads here


class Scope:
    """The children of one tmux server, from one look to the next."""

    def __init__(self, server: Handle) -> None:
        self.server = server
        self._children: list[int] = []  # at the last look
        self._settled: list[int] = []  # children that are no orphans, in the kernel's order

    def listing(self, seeds: Iterable[int]) -> list[int]:
        """Return the pids that can be meant, these `seeds` among them; all pids where they cannot be told.

        Raises OSError when descriptors have run out.
        """
        children = self._children = children_of(self.server.pid)
        ahead = list(seeds)
        if not children or len(ahead) > WIDE:
            self._settled = []  # none was looked at: the whole table tells anew
            return all_pids()  # it has died, or this kernel does not tell; or it would be too wide
        found = {self.server.pid}
        ahead += self._unsettled(children)
        while ahead:
            pid = ahead.pop()
            if pid not in found:
                found.add(pid)
                ahead.extend(children_of(pid))
            if len(found) > WIDE:
                return all_pids()
        return list(found)

    def settle(self, table: Table) -> None:
        """Note which children of the server are the first processes of panes, or helpers in its own session."""
        server = table.get(self.server.pid) or entry_of(self.server.pid)
        if server is None or server.handle != self.server:
            self._settled = []
            return
        own = {pid for pid in table.children.get(server.pid, ()) if _is_own(table[pid], server)}
        own.update(self._settled)
        self._settled = [pid for pid in self._children if pid in own]

    def _unsettled(self, children: list[int]) -> list[int]:
        """Return the children that are new, and those that have changed their places: they bear a number again."""
        places = {pid: place for place, pid in enumerate(self._settled)}
        last, rest = -1, []
        for pid in children:
            place = places.get(pid, -1)
            if place > last:
                last = place
            else:
                rest.append(pid)
        gone = set(rest)
        self._settled = [pid for pid in children if pid not in gone]
        return rest


def _is_own(child: Entry, server: Entry) -> bool:
    """Whether the server has forked this child itself: the first process of a pane, or a helper in its own session."""
    return child.leads_terminal or child.sid == server.sid


def children_of(pid: int) -> list[int]:
    """Return the children of a process, oldest first; none when it is gone. Raises OSError without descriptors."""
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += _children(f"/proc/{pid}/task/{task}/children")
    except OSError as problem:
        if problem.errno not in UNREADABLE:
            raise
    return found


def _children(path: str) -> list[int]:
    try:
        with open(path, "rb", buffering=0) as file:
            return [int(pid) for pid in file.readall().split()]
    except OSError as problem:
        if problem.errno in UNREADABLE:
            return []
        raise
