"""What this process is short of, descriptors, threads or processes: said once, and again when there are some.

    an error ──note──▶ is it a shortage? ──say──▶ degraded      every 0.5 s while there is one: are there any now?

One thread stands by for it: when it is needed, none could be had.
"""

import contextlib
import errno
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from typing import Any

from actors.vital import VitalThread
from supervisor.kernel.limits import OUT_OF_DESCRIPTORS, any_descriptor, limit_reached, tightest

LOOK = 0.5  # seconds between two looks while there is a shortage
ENOUGH = 2  # free ones that end a shortage: what one request and its client need at the least


class NoThread(OSError):
    """No thread can be started now."""


class NoProcess(OSError):
    """No process can be started now."""


def popen(argv: list[str] | tuple[str, ...], **how: Any) -> "subprocess.Popen[bytes]":
    """Start a process as subprocess.Popen does; raises NoProcess where the kernel has none to give."""
    try:
        return subprocess.Popen(argv, **how)
    except OSError as error:
        raise of_fork(error) from error


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a child that leads a group, with its group; call it before the child is reaped."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def of_fork(error: OSError) -> OSError:
    """Return what an error of a fork means: a cwd or a program that is missing stays what it is."""
    if error.errno in (errno.EAGAIN, errno.ENOMEM) and error.filename is None:
        return NoProcess(error.errno, f"no process can be started: {error.strerror}")
    return error


class Shortage:
    """Thread-safe. `say(what, reason)` is told when a shortage begins and at each look, and None at its end."""

    def __init__(self, say: Callable[[str, str | None], None]) -> None:
        self._say = say
        self._short: set[str] = set()
        self._closed = False
        self._changed = threading.Condition()
        VitalThread("shortage", self._run).start()

    def note(self, error: BaseException) -> bool:
        """Take notice of an error, which may be of any kind. Return whether that is all that is to be said of it."""
        what = _lacking(error)
        if what is not None and what not in self._short:
            self._say(what, _LOOKS[what]() or str(error))
            with self._changed:
                self._short.add(what)
                self._changed.notify()
        return isinstance(error, NoProcess | NoThread)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        while not self._closed:
            with self._changed:
                self._changed.wait_for(lambda: self._short or self._closed)
                self._changed.wait_for(lambda: self._closed, LOOK)
            for what in () if self._closed else tuple(self._short):
                self._look(what)

    def _look(self, what: str) -> None:
        reason = _LOOKS[what]()
        if reason is None:
            self._short.discard(what)
        self._say(what, reason)


def _lacking(error: BaseException) -> str | None:
    if isinstance(error, NoProcess):
        return "processes"
    if isinstance(error, NoThread) or (isinstance(error, RuntimeError) and "start new thread" in str(error)):
        return "threads"
    out = isinstance(error, OSError) and error.errno in OUT_OF_DESCRIPTORS
    return "descriptors" if out else None


def _descriptors() -> str | None:
    """Return why there are not `ENOUGH` descriptors to be had now; None when there are."""
    taken: list[int] = []
    try:
        while len(taken) < ENOUGH:
            taken.append(any_descriptor())
    except OSError as error:
        return limit_reached(error)
    finally:
        for descriptor in taken:
            os.close(descriptor)
    return None


def _tasks() -> str | None:
    """Return why there are not `ENOUGH` threads to be had now; None when there are. A process counts as one."""
    enough = threading.Event()
    begun: list[threading.Thread] = []
    try:
        while len(begun) < ENOUGH:
            thread = threading.Thread(target=enough.wait, daemon=True)
            thread.start()
            begun.append(thread)
    except RuntimeError as error:
        limit = tightest(os.getpid())
        return f"{limit.what}, and {limit.free} are free" if limit else str(error)
    finally:
        enough.set()
        for thread in begun:
            thread.join()
    return None


_LOOKS: Mapping[str, Callable[[], str | None]] = {"descriptors": _descriptors, "threads": _tasks, "processes": _tasks}
