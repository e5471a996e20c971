"""The records file: one JSON object a line, appended; one writer.

    keep ──append──▶ records.jsonl ──load──▶ Records
                        ▲   │ too many lines, a write failed, or lines are damaged
                        └───┘ rewritten whole: tmp, fsync, rename, fsync of the directory

What the lines say is in `Folding`. Each begins with the CRC-32 of what follows it,
`{"crc":"89abcdef","worker":…}`, so that a damaged line is known even where it still reads as JSON; lines of an older
version have none. A torn last line was never acknowledged, so it is dropped. After a write that failed nothing is
appended until `repair` has written the whole file: the tail may be torn, and a line glued to it would be lost with it.
"""

import contextlib
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from actors.events.words import some_of
from actors.frozen import frozen
from actors.values.records import Head, Origin, Record, Records
from supervisor.kernel.files import content_of, explained, opened, replace_file, sync_directory, write_all
from supervisor.state.place import RECORDS
from supervisor.text.values import rebuilt

COMPACT_FACTOR = 4  # lines for each worker and the head before the file is rewritten…
COMPACT_ABOVE = 2000  # …but never a file of so few lines
KEPT_DAMAGED = 5  # files that were found damaged and are kept beside
SHOWN = 10  # names in a message
_BAD_LINE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
_SUMMED = re.compile(rb'\{"crc":"([0-9a-f]{8})",')
_HEAD = re.compile(rb'\{("crc":"[0-9a-f]{8}",)?"head":')
_UNSUMMED = re.compile(rb'\{"(head|worker)":')  # as older versions wrote
_BEGINS = (b'{"crc":"', b'{"head":', b'{"worker":')
_NAMED = re.compile(rb'"(?:worker|of)":"([A-Za-z0-9_-]{1,64})"')


@frozen
class Damage:
    """A line that could not be used: its number, the worker it was about (None: that can't be read), and why."""

    line: int
    worker: str | None
    why: str


class RecordsFile:
    """`actors.ports.RecordsFile`; call `load` first. Not thread-safe: the Supervisor owns it.

    `damage` has the lines that the last `load` could not use, `kept` is the file as it was then. `torn`: the last line
    found was cut short.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: tuple[Damage, ...] = ()
        self.kept: Path | None = None
        self.torn = False
        self.failing: str | None = None
        self._head = Head()
        self._known: dict[str, Record] = {}
        self._fd: int | None = None
        self._lines = 0
        self._unsynced = False
        self._compact_from = COMPACT_ABOVE
        self._lost: str | None = None
        self._found = b""

    @property
    def lost(self) -> str | None:
        """What `load` has lost, in words; None when nothing is, or a person has deleted the file that is kept."""
        if self.kept and not os.path.lexists(self.kept):
            self._lost = self.kept = None
        return self._lost

    def load(self) -> Records:
        """Return what is on record; nothing for a missing file. Raises OSError for one that can't be read.

        Going on without records that exist would start every worker a second time. After a failed write it returns
        what was kept since in memory: the file lags behind.
        """
        if self.failing:
            return Records(self._head, tuple(self._known.values()))
        self._found = b""
        with contextlib.suppress(FileNotFoundError):
            self._found = content_of(self.path)
        found = _examined(self._found)
        self.damage, self.torn = found.damage, found.torn
        self._head, self._known, self._lines = found.records.head, _by_name(found.records), found.lines
        if found.damage:
            self._lose(found.in_words())
            self._rewrite_or_fail()
        elif found.torn:
            self._cut(found.whole)
        return found.records

    def compare(self, otherwise: Sequence[str]) -> None:
        """Take in what the log says otherwise: a file that was cut off, emptied or deleted does not show it itself.

        `otherwise`: one sentence about each worker. A whole file is not doubted: it may be ahead of the log.
        """
        if otherwise and self._lost:
            self._lost = f"{self._lost}; by the log {_listed(otherwise)}"
        elif otherwise and (self.torn or not self._found):
            what = f"the end of {RECORDS} was cut off" if self._found else f"{RECORDS} is missing or empty"
            self._lose(f"{what}: by the log {_listed(otherwise)}, and of that nothing is on record")
        self._found = b""

    def keep_all(self, changes: Mapping[str, Record | None], *, durable: bool) -> None:
        """Append what is new in these records, together."""
        lines = [line for name, record in changes.items() if (line := self._news(name, record))]
        self._append(lines, durable=durable)

    def keep_head(self, head: Head) -> None:
        """Append the head, with fsync."""
        self._head = head
        self._append([_head_line(head)], durable=True)

    def repair(self, records: Iterable[Record], head: Head) -> None:
        self._known = {record.spec.name: record for record in records}
        self._head = head
        self._rewrite_or_fail()

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
        self._fd = None

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _lose(self, said: str) -> None:
        """Keep the damaged file beside, and say what is lost."""
        try:
            self.kept = _keep_beside(self.path, self._found)
        except OSError as error:
            self.kept = None
            kept = f"it could not be kept ({error.strerror or error})"
        else:
            kept = f"{self.kept.name} is the file as it was: delete it when that is settled"
        self._lost = f"{said}; {kept}"

    def _cut(self, size: int) -> None:
        try:
            os.truncate(self.path, size)
        except OSError as error:
            self._fail(error)

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _news(self, name: str, record: Record | None) -> bytes | None:
        """Note the record; return the line that says what is new in it, None when nothing is."""
        before = self._known.get(name)
        if record is None:
            self._known.pop(name, None)
            return _worker_line(name, None) if before else None
        self._known[name] = record
        if record == before:
            return None
        return _state_line(record) if before and before.spec == record.spec else _worker_line(name, record)

    def _append(self, lines: list[bytes], *, durable: bool) -> None:
        if self.failing or not (lines or (durable and self._unsynced)):
            return
        try:
            fd = self._opened()
            write_all(fd, b"".join(lines))
            self._unsynced = not durable
            if durable:
                os.fsync(fd)
        except OSError as error:
            self._fail(error)
            return
        self._lines += len(lines)
        self._compact_if_due()

    def _opened(self) -> int:
        if self._fd is None:
            new = not self.path.exists()
            self._fd = opened(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            if new:
                sync_directory(self.path.parent)
        elif not os.path.samestat(os.stat(self.path), os.fstat(self._fd)):
            raise FileNotFoundError(0, "another file has taken its place")
        return self._fd

    def _compact_if_due(self) -> None:
        if self._lines <= max(self._compact_from, COMPACT_FACTOR * (len(self._known) + 1)):
            return
        try:
            self._rewrite()
        except OSError:
            # the file is as it was, only long: later, then. Where the new one is in its place, the next append fails
            self._compact_from = self._lines + COMPACT_ABOVE

    def _rewrite_or_fail(self) -> None:
        try:
            self._rewrite()
        except OSError as error:
            self._fail(error)
        else:
            self.failing = None

    def _rewrite(self) -> None:
        lines = list(self._whole())
        replace_file(self.path, b"".join(lines), sync=True)
        self.close()
        self._fd = opened(self.path, os.O_RDWR | os.O_APPEND)
        self._lines, self._compact_from, self._unsynced = len(lines), COMPACT_ABOVE, False

    def _whole(self) -> Iterator[bytes]:
        yield _head_line(self._head)
        for name, record in self._known.items():
            yield _worker_line(name, record)

    def _fail(self, error: OSError) -> None:
        self.failing = explained(error, self.path)


def read_records(path: Path) -> Records:
    """Return what is on record, for a reader that writes nothing: it sees what `RecordsFile.load` would."""
    return examined(path)[0]


def read_origin(path: Path) -> tuple[Origin | None, str]:
    """Return of which file this is on record, and that file's digest; None and "" where that can't be read.

    Without pydantic's core, which takes a while to import: commands ask this of each service that they come across.
    """
    try:
        lines = content_of(path).splitlines()
    except OSError:
        return None, ""
    for line in reversed(lines):
        if _HEAD.match(line):
            with contextlib.suppress(*_BAD_LINE):
                head = _entry(line)["head"]
                origin, digest = head.get("origin"), str(head["config_digest"])
                if origin is None:
                    return None, digest
                (device, inode), (above, folder) = origin["file"], origin["folder"]
                return Origin(config=str(origin["config"]), file=(device, inode), folder=(above, folder)), digest
    return None, ""


def examined(path: Path) -> tuple[Records, str | None]:
    """Return what is on record, and in words what is damaged in the file; None when nothing is."""
    try:
        found = _examined(content_of(path))
    except FileNotFoundError:
        return Records(), None
    return found.records, found.in_words() if found.damage else None


def _listed(sentences: Sequence[str]) -> str:
    return some_of(sentences, SHOWN)


def kept_beside(path: Path) -> list[Path]:
    """Return the damaged files that are kept beside this one, oldest first."""
    return sorted(path.parent.glob(f"{path.name}.damaged-*"))


# ── lines ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Folding:
    """The records after each line of the file, taken in order; the last line about a thing wins.

    `{"head": {…}}`, `{"worker": name, "record": {…} | null}`, or `{"of": name, "state": {…}}`: a record without its
    spec, which is as in the line before.
    """

    def __init__(self) -> None:
        self.head = Head()
        self.workers: dict[str, Record] = {}

    @property
    def records(self) -> Records:
        return Records(self.head, tuple(self.workers.values()))

    def take(self, entry: dict[str, Any]) -> None:
        """Take one line; a bad one raises KeyError, TypeError or ValueError, and changes nothing."""
        if "head" in entry:
            self.head = _head(entry["head"])
        elif "of" in entry:
            name = entry["of"]
            self.workers[name] = rebuilt(Record, {**entry["state"], "spec": self.workers[name].spec})
        else:
            self._take_worker(entry["worker"], entry.get("record"))

    def _take_worker(self, name: str, plain: object) -> None:
        if plain is None:
            self.workers.pop(name, None)
            return
        record = rebuilt(Record, plain)
        if record.spec.name != name:
            raise ValueError(f"record of {record.spec.name!r} under the name {name!r}")
        self.workers[name] = record


def _head(plain: dict[str, Any]) -> Head:
    """Return the head of a line; a service that did not say how it ended did not end cleanly."""
    if "server" in plain:  # of an older version, which had one
        plain = {"servers": [plain["server"]] if plain["server"] else [], **plain}
    return rebuilt(Head, {"clean": False, **plain})


@frozen
class _Examined:
    """What a file holds. `whole`: its length without a torn last line."""

    records: Records
    damage: tuple[Damage, ...]
    lines: int
    torn: bool
    whole: int

    def in_words(self) -> str:
        """Return a sentence on how much of the file is lost, and about which workers."""
        known = _by_name(self.records)
        names = list(dict.fromkeys(one.worker for one in self.damage if one.worker))
        each = [name if name in known else f"{name} (nothing is left of it)" for name in names]
        shown = [some_of(each, SHOWN)] if each else []
        shown += ["workers whose names can't be read"] if any(one.worker is None for one in self.damage) else []
        what = f"{len(self.damage)} of {self.lines} lines of {RECORDS} are damaged"
        return f"{what}: what they said of {', '.join(shown)} is lost, and what was said before of them counts"


def _examined(content: bytes) -> _Examined:
    whole = content.rfind(b"\n") + 1
    rest = content[whole:]
    torn = bool(rest) and _is_torn(rest)
    lines = content[:whole].split(b"\n")[:-1] + ([rest] if rest and not torn else [])
    folding, damage = Folding(), []
    for number, line in enumerate(lines, start=1):
        try:
            folding.take(_entry(line))
        except _BAD_LINE as error:
            named = _NAMED.search(line)
            why = f"{type(error).__name__}: {error}"
            damage.append(Damage(number, named[1].decode() if named else None, why))
    if damage:  # the last word of the service before may be among them
        folding.head = replace(folding.head, clean=False)
    return _Examined(folding.records, tuple(damage), len(lines), torn, whole)


def _is_torn(rest: bytes) -> bool:
    """Whether this is the beginning of a line of ours, as a write that was cut short leaves it."""
    begun = any(rest.startswith(begin) or begin.startswith(rest) for begin in _BEGINS)
    return begun and rest.isascii() and rest.decode().isprintable()


def _entry(line: bytes) -> dict[str, Any]:
    if summed := _SUMMED.match(line):
        if int(summed[1], 16) != zlib.crc32(line[summed.end() :]):
            raise ValueError("its checksum is another")
    elif not _UNSUMMED.match(line):
        raise ValueError("it does not begin as a record does")
    entry: dict[str, Any] = json.loads(line)
    return entry


def _head_line(head: Head) -> bytes:
    return _line({"head": head.to_json()})


def _worker_line(name: str, record: Record | None) -> bytes:
    return _line({"worker": name, "record": record.to_json() if record else None})


def _state_line(record: Record) -> bytes:
    return _line({"of": record.spec.name, "state": record.state_to_json()})


def _line(entry: dict[str, Any]) -> bytes:
    said = json.dumps(entry, separators=(",", ":")).encode()[1:]
    return b'{"crc":"%08x",%s\n' % (zlib.crc32(said), said)


def _by_name(records: Records) -> dict[str, Record]:
    return {record.spec.name: record for record in records.workers}


# ── the disk ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _keep_beside(path: Path, content: bytes) -> Path:
    """Write a damaged file's content beside it, for its owner alone, and drop the oldest of those kept before."""
    now = datetime.now(UTC)
    kept = path.with_name(f"{path.name}.damaged-{now:%Y%m%dT%H%M%S}.{now.microsecond:06d}Z")
    fd = opened(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        write_all(fd, content)
    except OSError:
        with contextlib.suppress(OSError):
            kept.unlink()
        raise
    finally:
        os.close(fd)
    for old in kept_beside(path)[:-KEPT_DAMAGED]:
        with contextlib.suppress(OSError):
            old.unlink()
    return kept
