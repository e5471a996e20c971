"""One service a state directory: an flock on `<state>/lock`, held by the open descriptor until the process ends.

The descriptor is close-on-exec: a tmux server that inherited it would hold the lock for ever. Standard library only:
the lock is taken before the heavy imports.
"""

import contextlib
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from supervisor.private_files import claim, opened

FILE_NAME = "lock"


class Held(Exception):
    """Another process has the lock. `pid` is what it wrote into the file, None when it has not yet."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(f"another service (pid {pid}) holds the lock" if pid else "another service holds the lock")
        self.pid = pid


@dataclass(frozen=True, slots=True)
class Lock:
    """The held lock."""

    path: Path
    fd: int

    def still_ours(self) -> bool:
        """Tell whether the file at the path is the locked one; if it was deleted, a second service can begin."""
        return _same_file(self.path, self.fd)

    def release(self) -> None:
        """Let go; the file stays, deleting it could hit the next holder's."""
        os.close(self.fd)


def hold(state_dir: Path) -> Lock:
    """Take the lock at once or raise Held. The directory is made where it is missing; raises OSError, as `claim`."""
    claim(state_dir)
    path = state_dir / FILE_NAME
    while True:
        fd = opened(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Held(_pid_in(fd)) from None
        except BaseException:
            os.close(fd)
            raise
        if _same_file(path, fd):  # else it was deleted between open and flock: that lock keeps nobody out
            _write_pid(fd)
            return Lock(path, fd)
        os.close(fd)


def _same_file(path: Path, fd: int) -> bool:
    try:
        at_path = path.stat(follow_symlinks=False)
    except OSError:
        return False
    ours = os.fstat(fd)
    return (at_path.st_dev, at_path.st_ino) == (ours.st_dev, ours.st_ino)


def _write_pid(fd: int) -> None:
    """Tell others who holds the lock; a full disk does not make it less held."""
    with contextlib.suppress(OSError):
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)


def _pid_in(fd: int) -> int | None:
    try:
        written = os.pread(fd, 32, 0).strip()
    finally:
        os.close(fd)
    return int(written) if written.isdigit() else None
