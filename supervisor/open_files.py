"""How many workers the open files of a tmux server suffice for: at its limit a tmux server never answers again."""

import resource

from supervisor.subreaper import NOFILE

KEPT_FDS = 64  # descriptors of the tmux server that no worker gets
FDS_A_WORKER = 3  # pane, log pipe, and one in hand for whoever attaches


def tmux_open_files() -> int:
    """Return the limit of open files that a tmux server started from here gets."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return NOFILE if hard == resource.RLIM_INFINITY else min(NOFILE, hard)


def places_within(free: int) -> int:
    """Return how many workers can be placed with so many free descriptors; never below 0."""
    return max(0, (free - KEPT_FDS) // FDS_A_WORKER)
