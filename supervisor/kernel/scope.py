"""Which processes can belong to the trees that are being ended: a few, where the whole process table has thousands.

    children of a tmux server ───┬─ first processes of panes, its own helpers: others' ──▶ left out
                                 └─ the rest: what dead processes left ──┐
    first processes of the trees, who was seen in them ──────────────────┴─ with all their descendants ──▶ the listing

A tmux server is the subreaper of its workers, so whoever leaves a worker's tree becomes its child. (A command of a
probe is the service's child: the trees of workers that have such probes are looked for in all of /proc.) The kernel
puts a new child at the end of the list of children (0.5 ms for 1,000). So a child that still stands before and behind
the same others is the same process, and is not read again.
"""

import functools
import os
from collections.abc import Callable, Iterable

from actors.values.facts import Handle
from supervisor.kernel.endings import Ending
from supervisor.kernel.proc_table import UNREADABLE, Entry, Listing, Table, all_pids, entry_of

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
        found = below([*ahead, *self._unsettled(children)])
        return all_pids() if found is None else list(found | {self.server.pid})

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


class Scopes:
    """Those of the tmux servers that live, by their numbers."""

    def __init__(self) -> None:
        self._scopes: dict[int, Scope] = {}

    def add(self, number: int, server: Handle) -> None:
        self._scopes[number] = Scope(server)

    def drop(self, number: int) -> Handle | None:
        """Forget this server, and return it; None when it is not known."""
        dropped = self._scopes.pop(number, None)
        return dropped.server if dropped else None

    def of(self, endings: Iterable[Ending]) -> tuple[Listing, Callable[[Table], None]]:
        """Return what lists the pids that can be meant, and what is to have the table that was read of them."""
        seeds = [pid for ending in endings for pid in ending.pids()]
        scopes = {self._of(ending) for ending in endings}
        known = [scope for scope in scopes if scope]
        listing = all_pids if None in scopes else functools.partial(_listing_of, known, seeds)
        return listing, functools.partial(_settle, list(self._scopes.values()) if None in scopes else known)

    def reapers_of(self, ending: Ending) -> list[Handle]:
        """Return the tmux servers to which the tree can have left its orphans; none where its own has ended."""
        number = ending.order.server
        return [scope.server for of, scope in self._scopes.items() if number in (None, of)]

    def _of(self, ending: Ending) -> Scope | None:
        """Return that of the server which all of the tree are below; None where that is not known."""
        scope = None if ending.order.server is None else self._scopes.get(ending.order.server)
        return scope if scope and ending.is_below(scope.server) else None


def _listing_of(scopes: Iterable[Scope], seeds: list[int]) -> list[int]:
    found = set()
    for number, scope in enumerate(scopes):
        found.update(scope.listing(() if number else seeds))
    return list(found)


def _settle(scopes: Iterable[Scope], table: Table) -> None:
    for scope in scopes:
        scope.settle(table)


def _is_own(child: Entry, server: Entry) -> bool:
    """Whether the server has forked this child itself: the first process of a pane, or a helper in its own session."""
    return child.leads_terminal or child.sid == server.sid


def below(pids: Iterable[int]) -> set[int] | None:
    """Return these processes and all their descendants; None where they are more than WIDE.

    Raises OSError when descriptors have run out.
    """
    found: set[int] = set()
    ahead = list(pids)
    while ahead:
        pid = ahead.pop()
        if pid not in found:
            found.add(pid)
            ahead.extend(children_of(pid))
        if max(len(found), len(ahead)) > WIDE:
            return None
    return found


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
