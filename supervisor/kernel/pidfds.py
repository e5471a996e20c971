"""Processes that are held by a pidfd: their ends are heard of within a millisecond, and signals cannot hit others.

A terminal is held by its file, and stays the same one as a process does.

hold(process, holder, ended) ──▶ epoll ──ended(timeout)──▶ what is to be called, the tmux server's first
                            └──▶ no descriptor left: looked at every POLL seconds
"""

import contextlib
import errno
import functools
import os
import select
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum, IntEnum, auto

from actors.frozen import frozen
from actors.values.facts import Handle
from supervisor.kernel.limits import OUT_OF_DESCRIPTORS, Reserve
from supervisor.kernel.proc_table import UNREADABLE, Entry, entry_of, handle_of, lives, signal_once

_PTS_MAJOR = 136
POLL = 0.1  # seconds between two looks at the processes that got no pidfd

Ended = Callable[[], None]


_NOT_HANDLED = {signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP, signal.SIGCONT}
_REFUSED = {errno.EPERM, errno.EACCES, *OUT_OF_DESCRIPTORS}


class Delivered(Enum):
    """What became of a signal. Gone: its pidfd says so, too. Refused: a setuid child, or no descriptor was left."""

    YES = auto()
    GONE = auto()
    REFUSED = auto()


class Role(IntEnum):
    """Why a process is held. Ends are told in this order: the tmux server's end explains those of its workers."""

    SERVER = 0
    FIRST = 1
    MEMBER = 2


Holder = tuple[Role, str]  # the role and the life


class Pidfds:
    """An epoll over pidfds. A process that gets no descriptor is looked at every `POLL` seconds instead."""

    def __init__(self) -> None:
        self.holders: dict[Handle, dict[Holder, Ended]] = {}
        self.descriptors: dict[Handle, int] = {}
        self.polled: set[Handle] = set()
        self.reserve = Reserve(2)  # to open a pidfd and to check its start time takes two
        self._handles: dict[int, Handle] = {}
        self._poll_at = 0.0
        self._epoll = select.epoll()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._bell, select.EPOLLIN)

    def wake(self) -> None:
        """Let `ended` return now; the only method for other threads."""
        os.eventfd_write(self._bell, 1)

    def hold(self, process: Handle, holder: Holder, ended: Ended) -> Handle | None:
        """Return the process, whose end `ended` will serve, or None when it is gone; start time 0: any with its pid."""
        if process.ticks == 0:
            found = self.reserve.use(lambda: handle_of(process.pid))
            if found is None:
                return None
            process = found
        if process not in self.holders:
            if not self._open(process):
                return None
            self.holders[process] = {}
        self.holders[process][holder] = ended
        return process

    def release(self, process: Handle, holder: Holder) -> None:
        holders = self.holders.get(process, {})
        holders.pop(holder, None)
        if not holders:
            self._drop(process)

    def deliver(self, process: Handle, number: signal.Signals) -> Delivered:
        """Send it to this very process, and let a stopped one go on to handle it; raises what is no refusal."""
        try:
            self._signal(process, number)
            if number not in _NOT_HANDLED:
                self._signal(process, signal.SIGCONT)
        except ProcessLookupError:
            return Delivered.GONE
        except OSError as problem:
            if problem.errno not in _REFUSED:
                raise
            return Delivered.REFUSED
        return Delivered.YES

    def _signal(self, process: Handle, number: signal.Signals) -> None:
        descriptor = self.descriptors.get(process)
        if descriptor is not None:
            signal.pidfd_send_signal(descriptor, number)
        else:
            self.reserve.use(lambda: signal_once(process, number))

    def ended(self, timeout: float | None) -> Iterable[Ended]:
        """Wait, and return what is to be called for the processes that have ended, the tmux server's first."""
        gone: list[Handle] = []
        for descriptor, _ in self._epoll.poll(timeout):
            if descriptor == self._bell:
                os.eventfd_read(self._bell)
            else:
                gone.append(self._handles[descriptor])
        gone += self._look()
        calls = sorted(
            (holder, number, ended) for number, p in enumerate(gone) for holder, ended in self._drop(p).items()
        )
        return [ended for _, _, ended in calls]

    def close(self) -> None:
        for process in list(self.holders):
            self._drop(process)
        self._epoll.close()
        os.close(self._bell)
        self.reserve.close()

    def _open(self, process: Handle) -> bool:
        """Open its pidfd if it is there; the start time is checked after opening, so the descriptor is its own."""
        descriptor = _pidfd_of(process)
        there = False
        try:
            there = self.reserve.use(lambda: handle_of(process.pid)) == process
        finally:
            if not there and descriptor is not None:
                os.close(descriptor)
        if there and descriptor is not None:
            self._epoll.register(descriptor, select.EPOLLIN)
            self.descriptors[process] = descriptor
            self._handles[descriptor] = process
        elif there:
            self.polled.add(process)
        return there

    def _drop(self, process: Handle) -> dict[Holder, Ended]:
        self.polled.discard(process)
        descriptor = self.descriptors.pop(process, None)
        if descriptor is not None:
            del self._handles[descriptor]
            self._epoll.unregister(descriptor)  # closing is not enough while a fork of ours has not yet exec'd
            os.close(descriptor)
        return self.holders.pop(process, {})

    def _look(self) -> list[Handle]:
        """Return those of the polled that have ended; none before it is time."""
        if not self.polled or time.monotonic() < self._poll_at:
            return []
        self._poll_at = time.monotonic() + POLL
        with contextlib.suppress(OSError):  # not even the reserve was there: next time
            return [process for process in self.polled if not self.reserve.use(functools.partial(lives, process))]
        return []


def _pidfd_of(process: Handle) -> int | None:
    """Return a new pidfd, None when there is no process or no descriptor."""
    try:
        return os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    except OSError as problem:
        if problem.errno in OUT_OF_DESCRIPTORS:
            return None
        raise


# ── terminals ─────────────────────────────────────────────────────────────────────────────────────────────────────


@frozen
class HeldTerminal:
    """The terminal of one session, held by its file until `close`.

    /dev/pts/7 gets another pane as soon as nobody has it open any more. The file that was there stays the same file
    while O_PATH holds it. That opens no terminal: its number is free for the next pane as before, and tmux notices
    nothing.
    """

    descriptor: int

    def is_open_in(self, pid: int) -> bool:
        """Whether the process has this very terminal open; raises OSError when descriptors have run out."""
        held = os.fstat(self.descriptor)
        return any(is_same(held, file) for file in _open_files(pid))

    def close(self) -> None:
        os.close(self.descriptor)


class Terminals:
    """The terminals of first processes: dead these have none, and who escaped from them may have it open."""

    def __init__(self, reserve: Reserve) -> None:
        self._reserve = reserve
        self._held: dict[int, tuple[str, HeldTerminal]] = {}  # by number: which life had it last
        self._numbers: dict[int, tuple[str, float]] = {}  # of lives whose first process was not seen with it, and when

    def __len__(self) -> int:
        return len(self._held) + len(self._numbers)

    def note_number(self, life: str, terminal: int) -> None:
        """Note which terminal a life was born with; whoever had its number before is let go. 0: not known."""
        if terminal:
            self._drop([terminal])
            self._numbers[terminal] = (life, time.time())

    def note(self, life: str, process: Handle) -> None:
        """Hold the terminal of a life's first process; whoever had its number before is let go."""
        entry = self._reserve.use(lambda: entry_of(process.pid))
        terminal = hold_terminal(entry) if entry and entry.handle == process else None
        if entry and terminal:
            self.forget(life)
            self._drop([entry.terminal])
            self._held[entry.terminal] = (life, terminal)

    def is_open_in(self, pid: int, life: str) -> bool:
        """Whether the process has a terminal of this life open."""
        held = [terminal for whose, terminal in self._held.values() if whose == life]
        numbers = {number: noted for number, (whose, noted) in self._numbers.items() if whose == life}
        return any(self._reserve.use(functools.partial(terminal.is_open_in, pid)) for terminal in held) or (
            bool(numbers) and self._reserve.use(lambda: has_terminal_of(pid, numbers))
        )

    def forget(self, life: str) -> None:
        self._drop([number for number, (whose, _) in self._held.items() if whose == life])
        self._drop([number for number, (whose, _) in self._numbers.items() if whose == life])

    def close(self) -> None:
        self._drop([*self._held, *self._numbers])

    def _drop(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._numbers.pop(number, None)
            if number in self._held:
                self._held.pop(number)[1].close()


def terminal_of(path: str) -> int:
    """Return the device number of this terminal, /dev/pts/7, which may be gone by now; 0 for anything else."""
    number = path.removeprefix("/dev/pts/")
    return os.makedev(_PTS_MAJOR, int(number)) if number.isdecimal() and number != path else 0


def has_terminal_of(pid: int, numbers: Mapping[int, float]) -> bool:
    """Whether the process has one of these terminals open; `numbers` says when each was known (Unix time).

    The kernel gives a number again only when nobody has the terminal open. So the last one that had it is meant. A
    later one of a pane that lives is told by its birth.
    """
    files = _open_files(pid)
    return any(
        file.st_nlink == 0 or file.st_ctime <= numbers[file.st_rdev] for file in files if file.st_rdev in numbers
    )


def hold_terminal(process: Entry) -> HeldTerminal | None:
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


def _open_files(pid: int) -> Iterator[os.stat_result]:
    """Yield what the process has open; one that it closes meanwhile is left out."""
    try:
        listed = os.listdir(f"/proc/{pid}/fd")
    except OSError as problem:
        if problem.errno in UNREADABLE:
            return
        raise
    for number in listed:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            yield os.stat(f"/proc/{pid}/fd/{number}")


def is_same(held: os.stat_result, found: os.stat_result) -> bool:
    """Whether both are one file, `found` being looked at after `held`.

    A later terminal with the same number was born at another time (st_ctime). If it was in the same clock tick: a file
    loses its name forever at the end of its pane, so one that has a name is not the one that had none before.
    """
    return _identity(held) == _identity(found) and found.st_nlink <= held.st_nlink


def _identity(file: os.stat_result) -> tuple[int, int, int, int]:
    return file.st_dev, file.st_ino, file.st_rdev, file.st_ctime_ns
