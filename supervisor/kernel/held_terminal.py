"""A terminal that stays the same one, as a pidfd stays the same process.

/dev/pts/7 gets another pane as soon as nobody has it open any more. The file that was there stays the same file while
O_PATH holds it. That opens no terminal: its number is free for the next pane as before, and tmux notices nothing.
"""

import os
from dataclasses import dataclass

from supervisor.kernel.limits import OUT_OF_DESCRIPTORS
from supervisor.kernel.proc_table import UNREADABLE, Entry, entry_of


@dataclass(frozen=True, slots=True)
class HeldTerminal:
    """The terminal of one session, until `close`."""

    descriptor: int

    def is_open_in(self, pid: int) -> bool:
        """Whether the process has this very terminal open; raises OSError when descriptors have run out."""
        held = os.fstat(self.descriptor)
        try:
            return any(is_same(held, os.stat(file)) for file in os.scandir(f"/proc/{pid}/fd"))
        except OSError as problem:
            if problem.errno in UNREADABLE:
                return False
            raise

    def close(self) -> None:
        os.close(self.descriptor)


def hold(process: Entry) -> HeldTerminal | None:
    """Return the terminal of the process's session; None without one, without a descriptor, or when it has hung up."""
    if not process.terminal:
        return None
    try:
        descriptor = os.open(f"/dev/pts/{os.minor(process.terminal)}", os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return None
    if _is_its_terminal(process, descriptor):
        return HeldTerminal(descriptor)
    os.close(descriptor)
    return None


def _is_its_terminal(process: Entry, descriptor: int) -> bool:
    """Whether the file is the terminal that the process has: while it has it, the number is nobody else's."""
    if os.fstat(descriptor).st_rdev != process.terminal:
        return False
    try:
        now = entry_of(process.pid)
    except OSError as problem:
        if problem.errno in OUT_OF_DESCRIPTORS:
            return False
        raise
    return now is not None and (now.handle, now.terminal) == (process.handle, process.terminal)


def is_same(held: os.stat_result, found: os.stat_result) -> bool:
    """Whether both are one file, `found` being looked at after `held`.

    A later terminal with the same number was born at another time (st_ctime). If it was in the same clock tick: a file
    loses its name forever at the end of its pane, so one that has a name is not the one that had none before.
    """
    return _identity(held) == _identity(found) and found.st_nlink <= held.st_nlink


def _identity(file: os.stat_result) -> tuple[int, int, int, int]:
    return file.st_dev, file.st_ino, file.st_rdev, file.st_ctime_ns
