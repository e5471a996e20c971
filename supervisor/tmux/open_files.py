"""Open files: for how many workers those of a tmux server suffice, and how many a program of people's may open.

At its limit a tmux server never answers again. It and the service raise theirs; whom they start gets the old one back.
"""

import resource

from supervisor.tmux.subreaper import NOFILE

KEPT_FDS = 64  # descriptors of the tmux server that no worker gets
FDS_A_WORKER = 3  # pane, log pipe, and one in reserve for a person who attaches
LOWERED = "ulimit -Sn {nofile}"  # for a shell, which then becomes the program


def tmux_open_files() -> int:
    """Return the limit of open files that a tmux server started from here gets."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return NOFILE if hard == resource.RLIM_INFINITY else min(NOFILE, hard)


def places_within(free: int) -> int:
    """Return how many workers `free` descriptors suffice for; never below 0."""
    return max(0, (free - KEPT_FDS) // FDS_A_WORKER)


def lowered(argv: tuple[str, ...], nofile: int) -> tuple[str, ...]:
    """Return what executes `argv` with this soft limit."""
    return ("/bin/sh", "-c", f'{LOWERED.format(nofile=nofile)}; exec "$@"', "panevisor", *argv)
