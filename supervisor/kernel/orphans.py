"""What escaped from every tree: orphans that became children of a tmux server, because it is a subreaper."""

import contextlib
import signal
import time
from pathlib import Path

from actors.values.facts import Handle
from supervisor.kernel.proc_table import Table, lives, read_table, signal_once

GRACE = 1.0  # seconds between SIGTERM and SIGKILL
POLL = 0.02


def end_orphans(*servers: Handle) -> list[int]:
    """End the children of these tmux servers that are neither in a pane nor its own helpers; return their pids.

    Each signal goes to whom two looks found, the second one just before it, and never to a fork of tmux that is on its
    way to become a pane: it is an orphan until it has got its terminal, and tells itself by the command line of tmux.
    What runs as another user (by setuid) can't be ended by us, and is not among them.
    """
    ended: set[Handle] = set()
    for number in (signal.SIGTERM, signal.SIGKILL):
        found = _left_to(servers)
        again = _left_to(servers) if found else found
        ripe = {process for process in found & again if not any(_is_fork(process, server) for server in servers)}
        signalled = {process for process in ripe if _signal(process, number)}
        ended |= signalled
        deadline = time.monotonic() + GRACE
        while any(map(lives, signalled)) and time.monotonic() < deadline:
            time.sleep(POLL)
    return sorted(process.pid for process in ended)


def _left_to(servers: tuple[Handle, ...]) -> set[Handle]:
    table = read_table(with_marks=False)
    return {process for server in servers for process in orphans(table, server)}


def orphans(table: Table, server: Handle) -> set[Handle]:
    """Return those children of the tmux server, and their descendants, that no pane of it has; none when it has ended.

    In its own session are its helpers: the log pipes, and forks of it that have not got a terminal yet.
    """
    us = table.get(server.pid)
    if us is None or us.handle != server:
        return set()
    panes = table.pane_roots(server.pid)
    left = (pid for pid in table.children.get(server.pid, ()) if pid not in panes and table[pid].sid != us.sid)
    return {table[pid].handle for pid in table.closure(left, panes)}


def _is_fork(process: Handle, server: Handle) -> bool:
    """Whether it has the server's command line, as a fork of it has until it executes its program."""
    lines = [Path(f"/proc/{pid}/cmdline") for pid in (process.pid, server.pid)]
    with contextlib.suppress(OSError):
        return lines[0].read_bytes() == lines[1].read_bytes()
    return False


def _signal(process: Handle, number: signal.Signals) -> bool:
    """Return whether we may."""
    try:
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            signal_once(process, number)
    except PermissionError:
        return False
    return True
