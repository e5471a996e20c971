"""A child with a time limit: started as a worker would be, and killed with its group when its time is up, or it ends.

    argv, stdin ──▶ /bin/sh: the old limit of open files, another account ──exec──▶ the program ──▶ Ended

It gets the environment that a worker would get, and bears no worker's mark: it belongs to none. What it prints is kept
only for who asks for it, and is never part of a problem, because it may be a secret.
"""

import contextlib
import os
import select
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import field

from actors.events.words import exact, exit_in_words
from actors.frozen import frozen
from supervisor.kernel.programs import cannot_execute
from supervisor.kernel.shortage import kill_group, popen
from supervisor.tmux.environment import scrubbed
from supervisor.tmux.surroundings import Account, as_account
from supervisor.tmux.words import LOWERED

_NOT_EXECUTED = (126, 127)  # a shell's exit codes
_PART = 65_536  # bytes of one read


@frozen
class Ended:
    """How a child has ended. `problem` None: it exited with 0. `code`: negative for a signal, None if it never ran."""

    problem: str | None
    code: int | None = None
    output: bytes = field(default=b"", repr=False)


class _TooMuch(Exception):
    """A child has printed more than may be kept."""


class Children:
    """Those that run now. Thread-safe; `nofile` is the soft limit of open files that they get."""

    def __init__(self, nofile: int) -> None:
        self._nofile = nofile
        self._gate = threading.Lock()
        self._running: dict[subprocess.Popen[bytes], str] = {}
        self._closed = False

    def run(
        self,
        command: tuple[str, ...] | str,
        *,
        cwd: str,
        timeout: float,
        more: Mapping[str, str],
        given: bytes = b"",
        output: int = 0,
        account: Account | None = None,
        of: str = "",
    ) -> Ended:
        """Return how it ended. Blocks for `timeout` seconds at most, and raises nothing.

        `more`: variables over those of the service. `output`: how many bytes it may print; 0: they are thrown away.
        `of`: by this name `kill` knows it.
        """
        argv = ("/bin/sh", "-c", command) if isinstance(command, str) else command
        environment = {**scrubbed(os.environ), **{key: value.replace("\0", "") for key, value in more.items()}}
        wrapper = f'{LOWERED.format(nofile=self._nofile)}; {as_account(account)}exec "$@"'
        try:
            with _file_with(given) as stdin:
                process = popen(
                    ("/bin/sh", "-c", wrapper, "panevisor", *argv),
                    cwd=cwd,
                    env=environment,
                    stdin=stdin,
                    stdout=subprocess.PIPE if output else subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
        except ValueError as error:  # a text that is no argument: NUL, half a surrogate pair; it may be a secret
            return Ended(f"cannot be started: {type(error).__name__}")
        except OSError as error:
            return Ended(f"cannot be started: {error.strerror}{f' ({error.filename})' if error.filename else ''}")
        ended = self._watched(process, timeout, output, of)
        if ended.code in _NOT_EXECUTED and (why := cannot_execute(argv[0], cwd=cwd, path=environment.get("PATH", ""))):
            return Ended(f"cannot be started: {why}", ended.code)
        return ended

    def kill(self, of: str) -> None:
        """Kill those that run by this name."""
        with self._gate:
            for process, name in self._running.items():
                if name == of:
                    kill_group(process)

    def close(self) -> None:
        """Kill all, and each that is started later at once."""
        with self._gate:
            self._closed = True
            for process in self._running:
                kill_group(process)

    def _watched(self, process: "subprocess.Popen[bytes]", timeout: float, output: int, of: str) -> Ended:
        with self._gate:
            self._running[process] = of
            if self._closed:
                kill_group(process)
        problem, printed = None, b""
        try:
            printed = _printed(process, time.monotonic() + timeout, output)
        except TimeoutError:
            problem = f"has not ended within {exact(timeout)}"
        except _TooMuch:
            problem = f"has printed more than {output:,} bytes"
        finally:
            with self._gate:  # until here its pid, and so its group, can be nobody else's
                kill_group(process)
                del self._running[process]
            process.wait()
            if process.stdout:
                process.stdout.close()
        code = process.returncode
        if problem is None and code:
            problem = exit_in_words(code, None) if code > 0 else exit_in_words(None, -code)
        return Ended(problem, code, b"" if problem else printed)


@contextlib.contextmanager
def _file_with(content: bytes) -> Iterator[int]:
    """Open a file in memory, at its beginning: who writes to a pipe would wait for a child that does not read."""
    descriptor = os.memfd_create("stdin")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _printed(process: "subprocess.Popen[bytes]", deadline: float, most: int) -> bytes:
    """Wait for the end of the child, which is not reaped, and return what it printed until then.

    What it leaves in the background may hold its output open; that is not waited for. Raises TimeoutError and _TooMuch.
    """
    found, end = bytearray(), os.pidfd_open(process.pid)
    pipe = process.stdout.fileno() if process.stdout else -1
    try:
        poll = select.poll()
        poll.register(end, select.POLLIN)
        if pipe >= 0:
            os.set_blocking(pipe, False)
            poll.register(pipe, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(max(0.0, deadline - time.monotonic()) * 1000)}
            if pipe in ready and _at_its_end(pipe, found, most):
                poll.unregister(pipe)
            if end in ready:
                return bytes(found)
            if time.monotonic() >= deadline:
                raise TimeoutError
    finally:
        os.close(end)


def _at_its_end(pipe: int, found: bytearray, most: int) -> bool:
    """Take what there is to read now. Return whether nothing more can come."""
    with contextlib.suppress(BlockingIOError):
        while part := os.read(pipe, _PART):
            found += part
            if len(found) > most:
                raise _TooMuch
        return True
    return False
