"""The limits that this process meets: file descriptors, of which a few are kept for what must go on, and tasks.

Processes and threads are tasks alike for the kernel:

    cgroups: pids.max ─┐
    RLIMIT_NPROC ──────┼──▶ Limit × N ──▶ the tightest
    kernel, pid_max ───┘
"""

import contextlib
import ctypes
import errno
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from actors.frozen import frozen

CGROUPS = Path("/sys/fs/cgroup")
_M_ARENA_MAX = -8  # of mallopt(3)
OUT_OF_DESCRIPTORS = {errno.EMFILE, errno.ENFILE}
T = TypeVar("T")


class Reserve:
    """Keeps `count` descriptors for when there are no others."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._kept: list[int] = []
        self.refill()

    def use(self, act: Callable[[], T]) -> T:
        """Return what `act` returns, which is called again on the reserve when descriptors have run out."""
        try:
            return act()
        except OSError as problem:
            if problem.errno not in OUT_OF_DESCRIPTORS:
                raise
        with self.released():
            return act()

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """Let the reserve be used inside."""
        self.close()
        try:
            yield
        finally:
            self.refill()

    @property
    def is_full(self) -> bool:
        """Whether it has all its descriptors: after a use, whether the process has some to give again."""
        return len(self._kept) == self._count

    def close(self) -> None:
        while self._kept:
            os.close(self._kept.pop())

    def refill(self) -> None:
        """Take back what another thread was quicker to take while the reserve was used, if it can be had again."""
        with contextlib.suppress(OSError):
            while len(self._kept) < self._count:
                self._kept.append(any_descriptor())


def limit_reached(error: OSError) -> str:
    """Say in words which limit has been reached."""
    if error.errno == errno.EMFILE:
        return f"its limit of {resource.getrlimit(resource.RLIMIT_NOFILE)[0]:,} open files is reached"
    return error.strerror or str(error)


def any_descriptor() -> int:
    return os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)


# ── tasks ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@frozen
class Limit:
    """One limit, in words, how many tasks it leaves, and what raises it."""

    what: str
    free: int
    mend: str


def tightest(pid: int) -> Limit | None:
    """Return the limit that leaves the fewest tasks to this process; None when nothing can be read of it."""
    return min(limits_of(pid), key=lambda limit: limit.free, default=None)


def limits_of(pid: int) -> Iterator[Limit]:
    """Yield each limit that this process is held to."""
    yield from _of_cgroups(pid)
    yield from _of_user(pid)
    yield from _of_kernel()


def _of_cgroups(pid: int) -> Iterator[Limit]:
    for folder in _cgroups(pid):
        try:
            most, used = (folder / "pids.max").read_text().strip(), int((folder / "pids.current").read_text())
        except (OSError, ValueError):
            continue  # a root, or without this controller
        if most.isdecimal():
            mend = "raise TasksMax= of the unit, or the container's limit of pids"
            yield Limit(f"pids.max of the cgroup {folder} is {most}", int(most) - used, mend)


def _cgroups(pid: int) -> Iterator[Path]:
    """Yield the folder of each cgroup that counts its tasks, and those above it."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = line.split(":", 2)
        roots = [CGROUPS / "pids"] if "pids" in controllers.split(",") else []
        for root in [CGROUPS, CGROUPS / "unified"] if number == "0" else roots:
            folder = root / path.strip("/")
            while folder != root:
                yield folder
                folder = folder.parent
            yield root


def _of_user(pid: int) -> Iterator[Limit]:
    """RLIMIT_NPROC; the kernel does not hold root to it."""
    try:
        uid = os.stat(f"/proc/{pid}").st_uid
        soft, _ = resource.prlimit(pid, resource.RLIMIT_NPROC)
    except OSError:
        return
    if uid and soft != resource.RLIM_INFINITY:
        yield Limit(f"`ulimit -u` = {soft}", soft - threads_of(uid), "raise `ulimit -u`")


def _of_kernel() -> Iterator[Limit]:
    ids = min(number_in("/proc/sys/kernel/threads-max"), number_in("/proc/sys/kernel/pid_max"))
    mend = "sysctl kernel.pid_max=4194304, and kernel.threads-max where that is the lower one"
    yield Limit(f"the kernel's limit is {ids}", ids - all_threads(), mend)


def number_in(path: str) -> int:
    return int(Path(path).read_text())


def all_threads() -> int:
    """Return how many threads there are, of all users: the second half of `running/all` in /proc/loadavg."""
    return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])


def threads_of(uid: int) -> int:
    """Return how many threads this user has: what RLIMIT_NPROC counts."""
    return sum(_threads(Path(entry.path), uid) for entry in os.scandir("/proc") if entry.name.isdecimal())


def _threads(process: Path, uid: int) -> int:
    try:
        return (process / "task").stat().st_nlink - 2 if process.stat().st_uid == uid else 0
    except OSError:
        return 0  # it ended meanwhile


def share_one_arena() -> None:
    """Let all threads that are started from now on allocate from one arena, as the interpreter lets one run at a time.

    glibc gives each thread an arena of its own: 2 MB for the 36 threads of the service. A C library without arenas is
    left as it is.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_ARENA_MAX, 1)
