"""Become the tmux server of a state directory: run as a script with the directory as cwd, the conf file as argument.

A double fork leaves the caller (`become` alone stays in the foreground, for systemd); being a child subreaper makes
every escapee of a worker's tree (setsid, double fork, a cleared environment) a child of the tmux server, where it is
reaped and can be found. Standard library only, so that it starts in a few milliseconds under `python -I -S`.
"""

import ctypes
import os
import resource
import sys
from typing import NoReturn

PR_SET_CHILD_SUBREAPER = 36
NOFILE = 65_536  # 1 descriptor a pane, 2 with its log: at its limit a tmux server never answers again


def main(conf: str) -> None:
    """Leave the caller, then become the tmux server."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    become(conf, dict(os.environ))


def become(conf: str, environment: dict[str, str]) -> NoReturn:
    """Be replaced by the tmux server; the state directory is the cwd. Raises OSError where tmux is missing."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = NOFILE if hard == resource.RLIM_INFINITY else min(NOFILE, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    os.execvpe("tmux", ["tmux", "-u", "-f", conf, "-S", "./tmux.sock", "-D"], environment)


if __name__ == "__main__":
    main(sys.argv[1])
