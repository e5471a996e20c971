"""One service a state directory: an flock on `<state>/lock`, held by the open descriptor until the process ends.

The descriptor is close-on-exec: a tmux server that inherited it would hold the lock forever. Standard library only:
the lock is taken before the heavy imports.
"""

import contextlib
import fcntl
import os
import shlex
from pathlib import Path

from actors.frozen import frozen
from supervisor.kernel.files import as_known, claim, is_at, opened, within
from supervisor.state.place import LOCK

DELETED = " (deleted)"  # what the kernel writes after the name of what has none any more


class Held(Exception):
    """Another process has the lock. `pid` is what it wrote into the file, None when it has not yet."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(f"another service (pid {pid}) holds the lock" if pid else "another service holds the lock")
        self.pid = pid


@frozen
class Lock:
    """The held lock, and the directory that it is in: `path` is where it was, `directory` a descriptor of it."""

    path: Path
    fd: int
    directory: int

    @property
    def home(self) -> Path:
        """Lead to the directory wherever it is renamed to: what the service keeps there, it keeps below this path."""
        return within(self.directory)

    def still_ours(self) -> bool:
        """Whether the file in the directory is the locked one; if it was deleted, a second service can begin."""
        return is_at(self.home / LOCK, self.fd)

    def why_away(self) -> str | None:
        """Return where the directory is now, and the mend; None while it is where it was."""
        if _is_there(self.path.parent, self.directory):
            return None
        there, now = str(self.path.parent), as_known(self.home)
        if now.endswith(DELETED):
            return f"{there} was deleted: nothing can be written; workers live on, and no command reaches the service"
        return f"{there} is {now} now: {put_back(now, there)}"

    def release(self) -> None:
        """Let go; the file stays, deleting it could hit the next holder's."""
        os.close(self.fd)
        os.close(self.directory)


def put_back(now: str, there: str) -> str:
    """Return the sentence that says how a renamed directory gets back to its path."""
    command = f"`mv {shlex.quote(now)} {shlex.quote(there)}` puts it back"
    return f"move away what is at {there}, then {command}" if os.path.lexists(there) else command


def hold(state_dir: Path) -> Lock:
    """Take the lock at once or raise Held. The directory is made where it is missing; raises OSError, as `claim`."""
    claim(state_dir)
    directory = os.open(state_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return Lock(state_dir / LOCK, _locked(within(directory) / LOCK), directory)
    except BaseException:
        os.close(directory)
        raise


def _locked(path: Path) -> int:
    while True:
        fd = opened(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Held(_pid_in(fd)) from None
        except BaseException:
            os.close(fd)
            raise
        if is_at(path, fd):  # else it was deleted between open and flock: that lock keeps nobody out
            _write_pid(fd)
            return fd
        os.close(fd)


def _is_there(path: Path, directory: int) -> bool:
    """Whether the directory of this descriptor is the one at the path; so it is, too, where the path can't be read."""
    try:
        return os.path.samestat(path.stat(), os.fstat(directory))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


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
