"""Become a tmux server of a state directory: run as a script with that as cwd, the conf and the socket as arguments.

A double fork leaves the caller (`become` alone stays in the foreground, for systemd); being a child subreaper makes
every escapee of a worker's tree (setsid, double fork, a cleared environment) a child of the tmux server, where it is
reaped and can be found. Standard library only, so that it starts in a few milliseconds under `python -I -S`.
"""

import ctypes
import os
import resource
import signal
import sys
from typing import NoReturn

PR_SET_CHILD_SUBREAPER = 36
NOFILE = 65_536  # 1 descriptor a pane, 2 with its log: at its limit a tmux server never answers again
KEPT_FDS = 64  # descriptors of the tmux server that no worker gets
FDS_A_WORKER = 3  # pane, log pipe, and one in reserve for a person who attaches


def main(conf: str, socket: str) -> None:
    """Leave the caller, then become the tmux server."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    become(conf, socket, dict(os.environ))


def become(conf: str, socket: str, environment: dict[str, str]) -> NoReturn:
    """Be replaced by the tmux server; the state directory is the cwd. Raises OSError where tmux is missing."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files(), hard))
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python: a program that inherits that never ends by them
        signal.signal(ignored, signal.SIG_DFL)
    os.execvpe("tmux", ["tmux", "-u", "-f", conf, "-S", socket, "-D"], environment)


def open_files() -> int:
    """Return the limit of open files that a tmux server started from here gets; its programs get the old one back."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return NOFILE if hard == resource.RLIM_INFINITY else min(NOFILE, hard)


def places_within(free: int) -> int:
    """Return how many workers `free` descriptors suffice for; never below 0."""
    return max(0, (free - KEPT_FDS) // FDS_A_WORKER)


if __name__ == "__main__":
    main(*sys.argv[1:])
