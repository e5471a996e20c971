"""The records file: one JSON object a line, appended; one writer.

    keep ──append──▶ records.jsonl ──load──▶ Records
                        ▲   │ too many lines, or a write failed
                        └───┘ rewritten whole: tmp, fsync, rename, fsync of the directory

`{"head": {…}}` or `{"worker": name, "record": {…} | null}`; the last line about a thing wins. A torn last line was
never acknowledged, so it is dropped. After a write that failed nothing is appended until `repair` has written the
whole file anew: the tail may be torn, and a line glued to it would be lost with it.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from actors.records import Head, Record, Records

COMPACT_FACTOR = 4  # lines for each worker and the head before the file is rewritten…
COMPACT_ABOVE = 2000  # …but never a file of so few lines
_BAD_LINE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class RecordsFile:
    """`actors.ports.RecordsFile`; call `load` first. Not thread-safe: the Supervisor owns it.

    `problems` names the lines that `load` could not use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []
        self._head = Head()
        self._known: dict[str, Record] = {}
        self._fd: int | None = None
        self._lines = 0
        self._compact_from = COMPACT_ABOVE
        self._failing: str | None = None

    @property
    def failing(self) -> str | None:
        return self._failing

    def load(self) -> Records:
        """Return what is on record; nothing for a missing file. Raises OSError for one that can't be read.

        Going on without records that exist would start every worker a second time. After a failed write it returns
        what was kept since in memory: the file lags behind.
        """
        if self._failing:
            return Records(self._head, tuple(self._known.values()))
        content = self._read()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            self._cut(len(whole))
        return self._fold(whole.splitlines())

    def keep(self, name: str, record: Record | None, *, durable: bool) -> None:
        if record is None:
            self._known.pop(name, None)
        else:
            self._known[name] = record
        self._append(_worker_line(name, record), durable=durable)

    def keep_head(self, head: Head) -> None:
        """Append the head, with fsync."""
        self._head = head
        self._append(_head_line(head), durable=True)

    def repair(self, records: Iterable[Record], head: Head) -> None:
        self._known = {record.spec.name: record for record in records}
        self._head = head
        try:
            self._rewrite()
            _sync_directory(self.path.parent)
        except OSError as error:
            self._fail(error)
        else:
            self._failing = None

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
        self._fd = None

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""

    def _fold(self, lines: list[bytes]) -> Records:
        records, problems = _folded(lines)
        self.problems = [f"{self.path}:{problem}" for problem in problems]
        self._head = records.head
        self._known = {record.spec.name: record for record in records.workers}
        self._lines = len(lines)
        return records

    def _cut(self, size: int) -> None:
        try:
            os.truncate(self.path, size)
        except OSError as error:
            self._fail(error)

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _append(self, line: bytes, *, durable: bool) -> None:
        if self._failing:
            return
        try:
            fd = self._opened()
            _write(fd, line)
            if durable:
                os.fsync(fd)
        except OSError as error:
            self._fail(error)
            return
        self._lines += 1
        self._compact_if_due()

    def _opened(self) -> int:
        if self._fd is None:
            new = not self.path.exists()
            self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            if new:
                _sync_directory(self.path.parent)
        elif not os.path.samestat(os.stat(self.path), os.fstat(self._fd)):
            raise FileNotFoundError(0, "another file has taken its place")
        return self._fd

    def _compact_if_due(self) -> None:
        if self._lines <= max(self._compact_from, COMPACT_FACTOR * (len(self._known) + 1)):
            return
        try:
            self._rewrite()
        except OSError:
            self._compact_from = self._lines + COMPACT_ABOVE  # the file is as it was, only long: later, then
            return
        try:
            _sync_directory(self.path.parent)
        except OSError as error:
            self._fail(error)  # the old file could come back, without what is appended to the new one

    def _rewrite(self) -> None:
        """Put a new file in the place of the old one; where this raises, the old one is there as it was."""
        lines = list(self._whole())
        temporary = self.path.with_name(self.path.name + ".tmp")
        try:
            fd = os.open(temporary, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                _write(fd, b"".join(lines))
                os.fsync(fd)
                os.rename(temporary, self.path)
            except OSError:
                os.close(fd)
                raise
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()  # on a full disk its blocks are wanted elsewhere
            raise
        self.close()
        self._fd, self._lines, self._compact_from = fd, len(lines), COMPACT_ABOVE

    def _whole(self) -> Iterator[bytes]:
        yield _head_line(self._head)
        for name, record in self._known.items():
            yield _worker_line(name, record)

    def _fail(self, error: OSError) -> None:
        self._failing = f"{self.path}: {error.strerror or error}"


def read_records(path: Path) -> Records:
    """Return what is on record, for a reader that writes nothing: a torn last line is passed over."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Records()
    return _folded(content[: content.rfind(b"\n") + 1].splitlines())[0]


def _folded(lines: list[bytes]) -> tuple[Records, list[str]]:
    records, problems = Records(), []
    for number, line in enumerate(lines, start=1):
        try:
            records = records.fold(json.loads(line))
        except _BAD_LINE as error:
            problems.append(f"{number}: left out: {type(error).__name__}: {error}")
    return records, problems


def _head_line(head: Head) -> bytes:
    return _line({"head": head.to_json()})


def _worker_line(name: str, record: Record | None) -> bytes:
    return _line({"worker": name, "record": record.to_json() if record else None})


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"


def _write(fd: int, content: bytes) -> None:
    """Write all of it; a short write is followed by the one that tells why, as ENOSPC does."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
