"""The end of the service's log as entries: after a `kill -9` it alone knows what was before."""

import contextlib
import json
import os
from collections.abc import Set
from datetime import datetime
from pathlib import Path

from actors.feed import Entry
from supervisor.histories import INCIDENTS

MOST = 512 * 1024  # bytes: some 2,400 lines, read in 12 to 15 ms


def read(path: Path, workers: Set[str], most: int = MOST) -> list[Entry]:
    """Return the incidents and what happened to these workers, oldest first, from the last `most` bytes.

    They may begin in `path`.1. Lines that are no entries (a torn one) are passed over, a file that can't be read is
    an empty one. The numbers are 0: the log counts anew with each service.
    """
    newest, whole = _end(path, most)
    older, _ = _end(path.with_name(f"{path.name}.1"), most - len(newest)) if whole else (b"", False)
    entries = (_entry(line) for text in (older, newest) for line in text.splitlines())
    return [entry for entry in entries if entry and _tells_of(entry, workers)]


def _end(path: Path, most: int) -> tuple[bytes, bool]:
    """Return the last `most` bytes, from the first line that is whole in them, and whether they are the whole file."""
    with contextlib.suppress(OSError):
        if path.is_file():  # a named pipe would be waited for
            with path.open("rb") as file:
                begin = max(0, os.fstat(file.fileno()).st_size - most)
                file.seek(begin)
                text = file.read(most)
                return (text, True) if begin == 0 else (text.partition(b"\n")[2], False)
    return b"", True


def _entry(line: bytes) -> Entry | None:
    try:
        facts = json.loads(line)
        ts = datetime.fromisoformat(facts.pop("ts")).timestamp()
        event, level = facts.pop("event"), facts.pop("level")
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError):
        return None
    facts.pop("seq", None)
    return Entry(0, ts, str(event), str(level), facts)


def _tells_of(entry: Entry, workers: Set[str]) -> bool:
    worker = entry.facts.get("worker")
    return entry.event in INCIDENTS or (isinstance(worker, str) and worker in workers)
