"""A person at a terminal: a pseudo-terminal of a size, in which a program runs, which is typed to and read."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from kit.support import DEADLINE

_SEQUENCE = re.compile(rb"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|[()][A-Z0-9]|[=>]|\][^\x07\x1b]*(?:\x07|\x1b\\))")


class Terminal:
    """Runs `argv` in a session of its own; leaving the context kills it. `seen`: all bytes that have come so far."""

    def __init__(
        self, argv: Sequence[str], *, cwd: Path, environment: Mapping[str, str], columns: int = 80, rows: int = 24
    ) -> None:
        self._fd, slave = pty.openpty()
        self._set_size(columns, rows)
        self.process = subprocess.Popen(  # setsid -c: the terminal is its own, for Ctrl-C and changes of its size
            ["setsid", "-c", *argv], stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env=dict(environment)
        )
        os.close(slave)
        self.seen = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._fd)

    def type(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size; the kernel tells the program."""
        self._set_size(columns, rows)

    def until(self, text: bytes, *, plain: bool = False) -> bytes:
        """Read until this has come, and return what came before it since the last call; fail at the deadline.

        `plain`: escape sequences are taken out first.
        """
        deadline = time.monotonic() + DEADLINE
        while text not in (shown := _SEQUENCE.sub(b"", self.seen) if plain else self.seen):
            assert self._read(max(0.0, deadline - time.monotonic())), f"no {text!r} in {self.seen!r}"
        before, _, _ = shown.partition(text)
        return before

    def until_matches(self, pattern: str) -> None:
        """Read until what has come matches, escape sequences taken out; fail at the deadline."""
        deadline = time.monotonic() + DEADLINE
        while not re.search(pattern, _SEQUENCE.sub(b"", self.seen).decode(errors="replace")):
            assert self._read(max(0.0, deadline - time.monotonic())), f"no {pattern} in {self.seen!r}"

    def ended(self, keys: bytes = b"") -> int:
        """Return the exit code, once it has ended; a signal's is negative.

        `keys` are typed once a second until then: tmux takes those that come with its first drawing for a paste.
        """
        deadline = again = time.monotonic()
        deadline += DEADLINE
        while self.process.poll() is None:
            now = time.monotonic()
            assert now < deadline, f"it has not ended: {self.seen!r}"
            if keys and now >= again:
                os.write(self._fd, keys)
                again = now + 1.0
            self._read(0.1)
        while self._read(0.0):
            pass
        return self.process.returncode

    def forget(self) -> None:
        """Begin to read anew."""
        self.seen = b""

    def _read(self, timeout: float) -> bool:
        ready, _, _ = select.select([self._fd], [], [], timeout)
        try:
            come = os.read(self._fd, 65536) if ready else b""
        except OSError:  # EIO: the last program on it has ended
            return False
        self.seen += come
        return bool(come)

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
