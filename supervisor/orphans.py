"""What escaped from every tree: orphans that became children of the tmux server, because it is a subreaper."""

import contextlib
import os
import signal
import time
from collections.abc import Set
from pathlib import Path

from actors.messages import Handle
from supervisor.proc_table import Table, lives, read_table

GRACE = 1.0  # seconds between SIGTERM and SIGKILL
POLL = 0.02


def end_orphans(server: int, roots: Set[int]) -> list[int]:
    """End the children of the tmux server that are neither panes (`roots`) nor its own helpers; return their pids.

    What runs as another user (by setuid) can't be ended by us, and is not among them.
    """
    orphans = _orphans(read_table(with_marks=False), server, roots)
    for number in (signal.SIGTERM, signal.SIGKILL):
        orphans = [process for process in orphans if not lives(process) or _signal(process, number)]
        deadline = time.monotonic() + GRACE
        while any(map(lives, orphans)) and time.monotonic() < deadline:
            time.sleep(POLL)
    return sorted(process.pid for process in orphans)


def _signal(process: Handle, number: signal.Signals) -> bool:
    """Return whether we may."""
    try:
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.kill(process.pid, number)
    except PermissionError:
        return False
    return True


def _orphans(table: Table, server: int, roots: Set[int]) -> list[Handle]:
    children = [pid for pid in table.children.get(server, ()) if pid not in roots and not _is_helper(pid)]
    return [table[pid].handle for pid in table.closure(children, roots)]


def _is_helper(pid: int) -> bool:
    """tmux's log pipes (`split` into our logs), and the sleeper of the idle session."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return True
    program = os.path.basename(words[0])
    return program == b"split" or words[:2] == [b"sleep", b"infinity"] or b"split -b" in b" ".join(words)
