"""How the C library's heap is laid out: for one interpreter, not for many threads that allocate at once."""

import ctypes

_M_ARENA_MAX = -8


def share_one_arena() -> None:
    """Let all threads that are started from now on allocate from one arena, as the interpreter lets one run at a time.

    glibc gives each thread an arena of its own: 2 MB for the 36 threads of the service. A C library without arenas is
    left as it is.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_ARENA_MAX, 1)
