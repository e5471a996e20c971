"""What `panevisor doctor` asks of the machine: Python, the clock, and how many workers the kernel's limits leave."""

import os
import platform
import sys
import time
from collections.abc import Iterator

from actors.events.words import short_time
from actors.frozen import frozen
from actors.servers import servers_for
from actors.values.gates import KEPT_TASKS, TASKS_A_WORKER
from supervisor.doctor import namesake as names
from supervisor.doctor.findings import Finding, Subject, error, ok, warning
from supervisor.doctor.tmux import panes
from supervisor.kernel.limits import Limit, limits_of, number_in, tightest
from supervisor.state.place import STATUS
from supervisor.state.status import read_status
from supervisor.tmux.subreaper import open_files, places_within

OLDEST_PYTHON = (3, 11)
BEGAN = 1_750_000_000  # Unix time of June 2025: before that there was no panevisor
CLOCK_SLACK = 60.0


def interpreter(_subject: Subject) -> Iterator[Finding]:
    """Tell Python's version and place."""
    what = f"Python {platform.python_version()} ({sys.executable})"
    yield ok(what) if sys.version_info >= OLDEST_PYTHON else error(what, "install Python 3.11 or newer")


def namesake(_subject: Subject) -> Iterator[Finding]:
    """Look for PyPI's `supervisor` beside us."""
    said = names.clash()
    yield warning(said, names.MEND) if said else ok("PyPI's supervisor (supervisord) is not in this environment")


def clock(subject: Subject) -> Iterator[Finding]:
    """Judge the clock by the time that the service last wrote its status."""
    try:
        written = (subject.found_at.state_dir / STATUS).stat().st_mtime
    except OSError:
        written = None
    yield of_clock(time.time(), written)


def of_clock(now: float, written: float | None) -> Finding:
    """Judge the clock: `written` is what it once showed, on the same machine."""
    mend = "set it, and keep it by NTP (`timedatectl set-ntp true`); the log, `--since` and uptimes go by it"
    if now < BEGAN:
        return warning(f"the clock is wrong: it shows {time.strftime('%Y-%m-%d', time.gmtime(now))}", mend)
    if written is not None and written > now + CLOCK_SLACK:
        return warning(f"the clock was set back: status.json was written {short_time(written - now)} from now", mend)
    return ok(time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))


# ── limits ────────────────────────────────────────────────────────────────────────────────────────────────────────


@frozen
class Demand:
    """How many workers there may be more than now: `sure` of the file, `most` by max_workers."""

    sure: int
    most: int


def limits(subject: Subject) -> Iterator[Finding]:
    """Compare what the kernel allows with the workers of the file that have no pane yet, and with max_workers."""
    placed = sum(max(0, panes(pid) - 1) for pid in subject.tmux.values())  # one is the server's idle session
    most = subject.settings.max_workers
    demand = Demand(max(0, min(subject.workers, most) - placed), max(0, most - placed))
    if subject.tmux_pid is None:  # a running server has its own limit: that is judged where it is
        yield of_descriptors(open_files(), demand, servers_for(most))
    yield of_terminals(number_in("/proc/sys/kernel/pty/max"), number_in("/proc/sys/kernel/pty/nr"), demand)
    for limit in limits_of(subject.tmux_pid or os.getpid()):
        yield of_processes(limit.what, limit.free, demand, limit.mend)
    service = read_status(subject.found_at.state_dir / STATUS)
    if service.alive and service.pid and (own := tightest(service.pid)):
        yield of_service(own)


def of_service(limit: Limit) -> Finding:
    """Judge what is left to the service itself, for probes and tmux clients."""
    what = f"the service may start {max(0, limit.free)} more processes and threads ({limit.what})"
    return ok(what) if limit.free >= KEPT_TASKS else error(what, limit.mend)


def of_descriptors(limit: int, demand: Demand, servers: int = 1) -> Finding:
    what = f"{limit} open files for {'the' if servers == 1 else 'each'} tmux server"
    mend = "raise the hard limit (LimitNOFILE= in the unit, /etc/security/limits.conf, `ulimit -Hn`): 3 a worker and 64"
    return _enough(what, servers * places_within(limit), demand, mend)


def of_terminals(most: int, used: int, demand: Demand) -> Finding:
    mend = f"sysctl kernel.pty.max={most * 2}"
    return _enough(f"{used} of {most} pseudo-terminals in use", most - used, demand, mend)


def of_processes(what: str, free: int, demand: Demand, mend: str) -> Finding:
    return _enough(f"{free} more processes and threads ({what})", free // TASKS_A_WORKER, demand, mend)


def _enough(what: str, places: int, demand: Demand, mend: str) -> Finding:
    """Judge the room: an error if the workers of the file do not fit, a warning if max_workers would not."""
    said = f"{what}: room for {max(0, places)} more workers"
    if places < demand.sure:
        return error(f"{said}, the file has {demand.sure} more", mend)
    if places < demand.most:
        return warning(f"{said}, max_workers allows {demand.most} more", mend)
    return ok(said)
