"""What stands around a worker's program: who it runs as, its limits, its niceness, its input; or why that cannot be.

    spec ──prelude──▶ what the wrapper's shell does before it becomes the program
         └─cannot_surround──▶ one sentence, before the start is tried

Limits and another user are set by prlimit and setpriv (util-linux): a shell knows fewer limits, in units of its own.
"""

import contextlib
import grp
import os
import pwd
import resource
import shlex
import shutil
from pathlib import Path

from actors.frozen import frozen
from actors.values.spec import Background, WorkerSpec
from supervisor.tmux.daemons import goes_behind, shell_script

_SYS_RESOURCE = 1 << 24  # the capability that may raise hard limits
_NR_OPEN = Path("/proc/sys/fs/nr_open")


@frozen
class Account:
    """Who a program runs as. `name` None: only the group is another one."""

    uid: int
    gid: int
    name: str | None = None
    home: str = "/"
    shell: str = "/bin/sh"

    @property
    def environment(self) -> tuple[tuple[str, str], ...]:
        if self.name is None:
            return ()
        return ("HOME", self.home), ("USER", self.name), ("LOGNAME", self.name), ("SHELL", self.shell)


def account_of(spec: WorkerSpec) -> Account | None:
    """Return who the program runs as; None: as the service does. Raises LookupError with what is unknown here."""
    if spec.user is None and spec.group is None:
        return None
    gid = _gid_of(spec.group) if spec.group else None
    if spec.user is None:
        found = Account(os.geteuid(), os.getegid() if gid is None else gid)
    else:
        entry = _entry_of(spec.user)
        gid = entry.pw_gid if gid is None else gid
        found = Account(entry.pw_uid, gid, entry.pw_name, entry.pw_dir, entry.pw_shell or "/bin/sh")
    return None if (found.uid, found.gid) == (os.geteuid(), os.getegid()) else found


def cannot_surround(spec: WorkerSpec) -> str | None:
    """Return why the program cannot run as this user, or with these limits; None when it can."""
    try:
        account = account_of(spec)
    except LookupError as unknown:
        return str(unknown.args[0])
    if account and os.geteuid():
        what = f"user = {spec.user!r}" if spec.user else f"group = {spec.group!r}"
        return f"{what}: only a service that runs as root can start a program as somebody else"
    for tool in (*(["setpriv"] if account else []), *(["prlimit"] if spec.rlimits else [])):
        if not shutil.which(tool):
            return f"{'user' if tool == 'setpriv' else 'rlimits'} needs the program {tool} (install util-linux)"
    return next((wrong for name, value in spec.rlimits if (wrong := _above(name, value))), None)


def prelude(spec: WorkerSpec, account: Account | None) -> str:
    """Return what the wrapper does last, before it becomes the program. What it puts before "$@" first runs last."""
    told = spec.background is Background.FAIL and "HUP" not in spec.stop
    behind = told and goes_behind(spec.argv, shell_script(spec.argv, spec.cwd))
    # when the main process ends, the kernel hangs up what shares its process group: a daemon before its setsid, too
    hangup = "trap '' HUP; " if behind or spec.background is Background.ALLOW else ""
    umask = f"umask {spec.umask}; " if spec.umask else ""
    terminal = f'chown {account.uid} "$(tty)" 2>/dev/null; ' if account else ""  # so that it can open /dev/stdout
    stdin = "exec </dev/null; " if spec.stdin == "null" else ""
    return f"{hangup}{umask}{terminal}{stdin}{as_account(account)}{_before(_nice(spec))}{_before(_limits(spec))}"


def as_account(account: Account | None) -> str:
    """Return what a shell does so that "$@" runs as somebody else."""
    return _before(_as_somebody(account))


def _before(words: tuple[str, ...]) -> str:
    return f'set -- {shlex.join(words)} "$@"; ' if words else ""


def _as_somebody(account: Account | None) -> tuple[str, ...]:
    if account is None:
        return ()
    groups = "--keep-groups" if account.name is None else "--init-groups"
    return "setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", groups, "--"


def _nice(spec: WorkerSpec) -> tuple[str, ...]:
    return ("nice", "-n", str(spec.nice)) if spec.nice else ()


def _limits(spec: WorkerSpec) -> tuple[str, ...]:
    if not spec.rlimits:
        return ()
    return ("prlimit", *(f"--{name}={'unlimited' if value < 0 else value}" for name, value in spec.rlimits), "--")


def _above(name: str, value: int) -> str | None:
    """Return that the limit is higher than this process may set it."""
    _, hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))
    most = None if hard == resource.RLIM_INFINITY or _may_raise() else hard
    if name == "nofile":
        with contextlib.suppress(OSError, ValueError):
            top = int(_NR_OPEN.read_text())
            most = top if most is None else min(most, top)
    if most is None or 0 <= value <= most:
        return None
    wanted = "unlimited" if value < 0 else f"{value:,}"
    return f"rlimits.{name} = {wanted} is above the hard limit here ({most:,})"


def _may_raise() -> bool:
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return bool(int(next(line.split()[1] for line in lines if line.startswith("CapEff:")), 16) & _SYS_RESOURCE)
    return False


def _entry_of(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)
    except (KeyError, OverflowError):
        raise LookupError(f"user = {user!r}: there is no such user on this machine") from None


def _gid_of(group: str) -> int:
    try:
        return (grp.getgrgid(int(group)) if group.isdecimal() else grp.getgrnam(group)).gr_gid
    except (KeyError, OverflowError):
        raise LookupError(f"group = {group!r}: there is no such group on this machine") from None
