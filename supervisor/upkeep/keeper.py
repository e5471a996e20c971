"""Who starts the service again when it fails: systemd, or the keeper of `up`, a plain `/bin/sh` loop.

    up ──▶ keeper (sh) ──▶ serve ──┬── exits with 0, 2, 5, 6 or 9 ──▶ the keeper ends with that code
             ▲                     └── ends in any other way ──▶ a pause ──┐
             └──────────────────────────────────────────────────────────────┘

The keeper holds an flock on `<state>/keeper` by its standard input, which none of its children inherits: the lock is
held exactly while a keeper lives, and the file has its pid. A keeper whose file was deleted starts nothing any more;
that is how `down` dismisses it, at any moment. A signal only cuts a pause short. Standard library only.

The keeper of a service that is to take over from a running one waits in `<state>/keeper.next`. It starts that service
once; its file then takes the place of the former keeper's, or it starts nothing any more.
"""

import contextlib
import fcntl
import os
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import IO, Any

from actors.frozen import frozen
from supervisor.kernel.files import is_at, opened
from supervisor.state.place import KEEPER as FILE

VARIABLE = "PANEVISOR_KEEPER"  # "<pid of the keeper> <restarts> <how the service ended: $? of the shell> <pause>"
SYSTEMD, KEEPER = "systemd", "keeper"
FAILED = "panevisor: the service has ended with"  # how a line of the keeper's own output begins

_SCRIPT = f"""
file=$1 once=$2
shift 2
trap : HUP INT QUIT PIPE ALRM TERM USR1 USR2
echo $$ >/proc/self/fd/0
restarts=0 ended=0 pause=0 failures=
while [ "$once" = --takeover ] || [ /proc/self/fd/0 -ef "$file" ]; do
    {VARIABLE}="$$ $restarts $ended $pause" "$@" $once </dev/null
    ended=$? once=
    case $ended in 0|2|5|6|9) exit $ended ;; esac
    read -r now _ </proc/uptime
    now=${{now%.*}} recent= count=0
    for then in $failures $now; do
        [ $((now - then)) -ge 600 ] || recent="$recent $then" count=$((count + 1))
    done
    failures=$recent
    case $count in 1) pause=0.2 ;; 2) pause=0.5 ;; 3) pause=1 ;; 4) pause=2 ;; [5-9]) pause=5 ;; *)
        pause=30
        : >/proc/self/fd/1 ;;
    esac
    echo "{FAILED} $ended; the keeper starts it again in $pause s"
    restarts=$((restarts + 1))
    sleep $pause </dev/null &
    wait $!
    kill $! 2>/dev/null
done
exit 0
"""


# ── for the service ───────────────────────────────────────────────────────────────────────────────────────────────


@frozen
class Kept:
    """Who starts this service again, and which restart this start is.

    `by`: "systemd", "keeper", or None (`serve` by hand). `ended`: how the service before ended, as the exit status of
    a shell; `pause`: seconds that the keeper waited. These two have a meaning only with `restarts`.
    """

    by: str | None = None
    keeper: int | None = None
    restarts: int = 0
    ended: int = 0
    pause: float = 0.0

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str] = os.environ) -> "Kept":
        """Take the keeper's variable out of the environment, so that no process of ours inherits it."""
        words = environment.pop(VARIABLE, "").split()
        with contextlib.suppress(ValueError):
            keeper, restarts, ended, pause = words
            if int(keeper) == os.getppid():
                return cls(KEEPER, int(keeper), int(restarts), int(ended), float(pause))
        return cls(SYSTEMD) if _is_unit(environment) else cls()

    def has_lost_keeper(self) -> bool:
        """Whether the keeper that started this process lives no more."""
        return self.keeper is not None and os.getppid() != self.keeper

    def restart(self) -> dict[str, Any] | None:
        """Return the facts of `service.restarted`; None when this start follows no failure."""
        if not self.restarts:
            return None
        end = {"exit_signal": self.ended - 128} if self.ended > 128 else {"exit_code": self.ended}
        return {"keeper": self.keeper, "restart": self.restarts, **end, "pause_s": self.pause}


def _is_unit(environment: Mapping[str, str]) -> bool:
    """Whether systemd started this very process; a shell inside a unit inherits INVOCATION_ID as well."""
    if "NOTIFY_SOCKET" in environment:
        return True
    return "INVOCATION_ID" in environment and environment.get("SYSTEMD_EXEC_PID") == str(os.getpid())


# ── for commands ──────────────────────────────────────────────────────────────────────────────────────────────────


class Keeper:
    """A living keeper. `pid` is surely its own as long as this object is open: it holds a pidfd."""

    def __init__(self, pid: int, pidfd: int, file: Path) -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._file = file

    def hurry(self) -> None:
        """End its pause, if it is in one."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGUSR1)

    def dismiss(self) -> None:
        """Have it start nothing any more; it ends with the service that runs, or at once."""
        if keeper := keeper_of(self._file.parent):
            with keeper:
                if keeper.pid == self.pid:  # else its file was deleted already, and another's stands there
                    self._file.unlink(missing_ok=True)
        self.hurry()

    def ended(self, timeout: float) -> bool:
        """Whether it has ended; waits for that up to `timeout` seconds."""
        return bool(select.select([self._pidfd], [], [], timeout)[0])

    def __enter__(self) -> "Keeper":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._pidfd)


def keeper_of(state_dir: Path) -> Keeper | None:
    """Return the keeper of this state directory's service, to be closed; None where none lives."""
    file = state_dir / FILE
    pid = _holder(file)
    if pid is None:
        return None
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    if _holder(file) == pid:  # so it lived when the pidfd was opened
        return Keeper(pid, pidfd, file)
    os.close(pidfd)
    return None


def _holder(file: Path) -> int | None:
    """Return the pid in the file while its lock is held; None if it is free, or has no pid yet."""
    try:
        with open(file, "rb", opener=opened) as content:
            try:
                fcntl.flock(content, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(content.read(32) or 0) or None
    except (OSError, ValueError):
        pass
    return None


@contextlib.contextmanager
def place_of_keeper(state_dir: Path, name: str = FILE) -> Iterator[IO[bytes] | None]:
    """Give the locked file for a new keeper; None where one lives, or another command looks for one. Raises OSError."""
    path = state_dir / name
    with open(path, "ab", opener=opened) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        if not is_at(path, file.fileno()):
            yield None  # deleted between open and flock: a keeper with it would start nothing
            return
        file.truncate(0)  # the pid in it may be another process's by now
        yield file


def start_keeper(
    file: IO[bytes], argv: Sequence[str], *, once: str, output: IO[bytes], environment: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    """Start a keeper of the service that `argv` starts; `once` is an argument of the first start only, or empty.

    `file` is from `place_of_keeper`, `output` was opened to append.
    """
    path = Path(file.name).with_name(FILE)
    return subprocess.Popen(
        ["/bin/sh", "-c", _SCRIPT, "panevisor-keeper", str(path), once, *argv],
        stdin=file,
        stdout=output,
        stderr=output,
        cwd="/",
        env=dict(environment),
        start_new_session=True,
    )
