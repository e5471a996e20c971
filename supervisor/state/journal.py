"""The service's log: one JSON object a line.

    entry ──JSONRenderer──▶ line ──▶ service.log ──by size──▶ service.log.1 …
      │                       ▲
      └─ from, to ▶ state table ▶ a `state.table` line

That line is written at begin, first in each new file, and where lines could not be written: from there on the log
alone rebuilds the state table (`replay`).
"""

import contextlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supervisor.kernel.files import explained, opened, write_all
from supervisor.state.backlog import Gap
from supervisor.state.console import Console
from supervisor.state.entries import entry_of, json_line, stamped
from supervisor.state.replay import TABLE, after, is_transition

_RANKS = logging.getLevelNamesMapping()


class ServiceLog:
    """For one thread, but for `failing`; never raises. Owns the state table, fed by the transitions it writes.

    A transition (a line with `from` and `to`) is written whatever `level` is. `seq` grows by one with each line in
    the file; the console shows each line as well.
    """

    def __init__(
        self,
        path: Path,
        *,
        level: str,
        max_size: int,
        keep: int,
        console: Console | None = None,
        elsewhere: bool = False,
    ) -> None:
        self._least = _rank(level)
        self._file = LineFile(path, max_size=max_size, keep=keep, elsewhere=elsewhere)
        self._console = console
        self._table: dict[str, str] = {}
        self._seq = 1
        self._lost = 0
        self._unwritten: str | None = None
        self._unrotated: str | None = None

    @property
    def failing(self) -> str | None:
        """Why the last line, or the last new file, could not be written; None when all is well."""
        return self._unwritten or self._unrotated

    def write(self, entry: dict[str, Any]) -> None:
        """Write what `entry_of` made."""
        moves = is_transition(entry)
        if moves or _rank(entry["level"]) >= self._least:
            self._put(entry)
        if moves:
            self._table = after(self._table, entry)

    def write_table(self, reason: str) -> bool:
        """Write the line that names every worker and its state, if that can be. Reasons: start, new-file, gap."""
        facts: dict[str, Any] = {"reason": reason, "workers": self._table}
        if self._lost:
            facts["lost"] = self._lost
        written = self._append(stamped(TABLE, facts) | facts)
        if written:
            self._lost = 0
        return written

    def miss(self, gap: Gap) -> None:
        """Say how many lines are missing here, and then the whole table, with the changes among them."""
        for move in gap.moves.values():
            self._table = after(self._table, move)
        self._put(entry_of("log.dropped", {"count": gap.count}))
        self.write_table("gap")

    def reopen(self) -> None:
        """Go on in a new file at the path: the old one was moved away. Not for a signal handler."""
        self._file.close()
        self.write_table("new-file")

    def retry(self) -> None:
        """After a failure, see whether writing works again; call it now and then, as the next line may be far."""
        if self._unwritten:
            self.write_table("gap")

    def close(self) -> None:
        """Let the console show the last lines; the file needs no closing."""
        if self._console:
            self._console.close()

    def _put(self, entry: Mapping[str, Any]) -> None:
        if self._console:
            self._console.show({**entry, "seq": self._seq})
        line, seq = self._line(entry), self._seq
        ready = self._is_ready_for(line)
        if not (ready and self._append(entry, line if self._seq == seq else None)):
            self._lost += 1

    def _is_ready_for(self, line: bytes) -> bool:
        """Whether the table stands where it must before this line; it is written there, and takes the line's `seq`."""
        self._unrotated = None
        if self._unwritten:
            return self.write_table("gap")
        try:
            if not self._file.is_full_for(line):
                return True
            self._file.rotate()
        except OSError as error:
            self._unrotated = explained(error, self._file.path)  # better a file too long than a line lost
            return True
        written = self.write_table("new-file")
        self._file.count_from_here()
        return written

    def _append(self, entry: Mapping[str, Any], line: bytes | None = None) -> bool:
        """Append the entry; `line`: how it reads, where that is known."""
        try:
            self._file.append(line or self._line(entry))
        except OSError as error:
            self._file.close()  # the next try opens it again: the descriptor itself may be what is wrong
            self._unwritten = explained(error, self._file.path)
            return False
        self._seq += 1
        self._unwritten = None
        return True

    def _line(self, entry: Mapping[str, Any]) -> bytes:
        return json_line({**entry, "seq": self._seq}).encode()


class LineFile:
    """A file of whole lines, made 0600, with `keep` files in all; what goes wrong is raised, as OSError.

    Nothing is buffered: what a full disk refuses must not come later. One `elsewhere` than in the state directory is
    a person's choice: it may be a link or a device, and keeps its mode.
    """

    def __init__(self, path: Path, *, max_size: int, keep: int, elsewhere: bool = False) -> None:
        self.path, self._max_size, self._keep, self._elsewhere = path, max_size, keep, elsewhere
        self._open: int | None = None
        self._uncounted = 0

    def append(self, line: bytes) -> None:
        """Write the line whole, or nothing of it."""
        fd = self._fd()
        size = os.fstat(fd).st_size
        try:
            write_all(fd, line + b"\n")
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, size)
            raise

    def is_full_for(self, line: bytes) -> bool:
        """Whether the line belongs into a new file; never where it would be the first line of this one."""
        size = os.fstat(self._fd()).st_size - self._uncounted
        return size > 0 and size + len(line) + 1 > self._max_size

    def count_from_here(self) -> None:
        """Leave what is in the file out of its size: else a table longer than `max_size` made each line a file."""
        with contextlib.suppress(OSError):
            self._uncounted = os.fstat(self._fd()).st_size

    def rotate(self) -> None:
        """Move the files one on, the last one away; one that can't be moved stops those before it."""
        self.close()
        if self._keep == 1:
            self.path.unlink()
        for number in range(self._keep - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                os.replace(self._numbered(number - 1), self._numbered(number))

    def close(self) -> None:
        if self._open is not None:
            with contextlib.suppress(OSError):  # EBADF: it was closed behind our back
                os.close(self._open)
        self._open, self._uncounted = None, 0

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path

    def _fd(self) -> int:
        if self._open is None:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
            self._open = os.open(self.path, flags, 0o600) if self._elsewhere else opened(self.path, flags)
            self._end_torn_line(self._open)
        return self._open

    def _end_torn_line(self, fd: int) -> None:
        """Begin on a line of our own: the last writer may have been killed in the middle of one."""
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            os.write(fd, b"\n")


def _rank(level: str) -> int:
    return _RANKS.get(level.upper(), logging.INFO)
