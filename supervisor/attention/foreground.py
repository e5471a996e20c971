"""Whether the foreground process of a pane sleeps in a read of its terminal, by the kernel's word (proc(5)).

    first process ──stat──▶ its terminal, and the process group in the foreground
                      └──▶ that group's processes in the tree ──syscall──▶ read(fd) ──fd──▶ the terminal: it waits

Only a system call that can be nothing else counts: a read of the terminal, or a select over descriptor 0 alone, where
that is the terminal. Who polls several things, as a full-screen program does, may wait for any of them. Only the main
thread is looked at.

The kernel shows the system call to root, and to the same user unless Yama restricts ptrace to descendants, as on
Ubuntu (kernel.yama.ptrace_scope ≥ 1). Then it still tells in which function a process sleeps. Reads of terminals share
theirs with reads of sockets, so it counts where the process has the terminal open and no socket. A select is not seen
then.
"""

import os
import platform
import stat
from collections.abc import Iterator
from itertools import islice

from supervisor.kernel.proc_table import name_of

MOST = 16  # processes of a tree that are looked at
MOST_FILES = 64

_READS, _SELECTS = {
    "x86_64": ({0, 19}, {23, 270}),  # read, readv; select, pselect6
    "aarch64": ({63, 65}, {72}),
    "riscv64": ({63, 65}, {72}),
}.get(platform.machine(), (set(), set()))
_SLEEPS = (b"wait_woken", b"n_tty_read")  # since Linux 3.19, and before


def reader_of(first: int) -> str | None:
    """Return the name of the process that reads the terminal which `first` belongs to; None when that isn't known."""
    terminal, group = _foreground(first)
    if terminal <= 0 or group <= 0:
        return None
    for pid in _members(first, group):
        if _reads(pid, terminal):
            return name_of(pid) or f"pid {pid}"
    return None


def _foreground(pid: int) -> tuple[int, int]:
    """Return the terminal of a process, and the process group in its foreground; zeros where it has none."""
    fields = _stat(pid)
    return (int(fields[4]), int(fields[5])) if fields else (0, 0)


def _members(first: int, group: int) -> Iterator[int]:
    """Yield the processes of the group: its leader, then those of the tree below `first`."""
    seen = {group}
    yield group
    ahead = [first]
    while ahead and len(seen) <= MOST:
        pid = ahead.pop(0)
        if pid not in seen:
            seen.add(pid)
            fields = _stat(pid)
            if fields and int(fields[2]) == group:
                yield pid
        ahead += [child for child in _children(pid) if child not in seen]


def _reads(pid: int, terminal: int) -> bool:
    call = _read(f"/proc/{pid}/syscall").split()
    if not call:
        return _read(f"/proc/{pid}/wchan") in _SLEEPS and _has_it_and_no_socket(pid, terminal)
    if len(call) < 2 or not call[0].isdigit():  # it runs
        return False
    number, argument = int(call[0]), int(call[1], 16)
    if number in _READS:
        return _is_terminal(pid, argument, terminal)
    return number in _SELECTS and argument == 1 and _is_terminal(pid, 0, terminal)


def _is_terminal(pid: int, descriptor: int, terminal: int) -> bool:
    try:
        return _is(os.stat(f"/proc/{pid}/fd/{descriptor}").st_rdev, terminal)
    except OSError:
        return False


def _has_it_and_no_socket(pid: int, terminal: int) -> bool:
    """Whether the process has the terminal open, few other files and no socket."""
    try:
        files = [os.stat(file) for file in islice(os.scandir(f"/proc/{pid}/fd"), MOST_FILES)]
    except OSError:
        return False
    sockets = any(stat.S_ISSOCK(file.st_mode) for file in files)
    return not sockets and len(files) < MOST_FILES and any(_is(file.st_rdev, terminal) for file in files)


def _is(device: int, terminal: int) -> bool:
    """Whether a device is this terminal, which proc(5) numbers in its own way; /dev/tty is whichever one it is."""
    major, minor = (terminal >> 8) & 0xFFF, (terminal & 0xFF) | ((terminal >> 12) & 0xFFF00)
    return device in (os.makedev(major, minor), os.makedev(5, 0))


def _children(pid: int) -> list[int]:
    return [int(child) for child in _read(f"/proc/{pid}/task/{pid}/children").split()]


def _stat(pid: int) -> list[bytes]:
    """Return the fields from the state on; none when there is no such process."""
    line = _read(f"/proc/{pid}/stat")
    return line[line.rindex(b")") + 2 :].split(None, 8) if line else []


def _read(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
