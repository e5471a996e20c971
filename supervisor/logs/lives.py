"""Where in a worker's segments each of its lives is. One pipe outlives the respawns of its pane, so a segment can hold
several lives; `logs/NAME.lives` tells them apart.

    note(…, life) right before a start ──▶ NAME.lives: {"life", "ts", "file", "offset"} a line, at least the last 50
    segments + marks ──beginnings──▶ {life: Place} ──between──▶ spans of bytes to read
"""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from actors.frozen import frozen
from supervisor.kernel.files import opened, replace_file, write_all
from supervisor.logs.names import Segment

LIVES_KEPT = 50


@frozen
class Mark:
    """One line of `NAME.lives`; `file` None: there was no segment yet."""

    life: str
    ts: float
    file: str | None
    offset: int


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A point in the log: the index of a segment in the list, and an offset there."""

    index: int
    offset: int


@frozen
class Span:
    """Bytes `start` to `end` of one segment."""

    path: Path
    start: int
    end: int


def note(directory: Path, name: str, life: str, segments: Sequence[Segment]) -> None:
    """Note that `life` begins at the end of these segments, which are all there are; raises OSError."""
    where = (segments[-1].path.name, segments[-1].size) if segments else (None, 0)
    mark = json.dumps({"life": life, "ts": round(time.time(), 3), "file": where[0], "offset": where[1]})
    path = directory / f"{name}.lives"
    with os.fdopen(opened(path, os.O_RDWR | os.O_APPEND | os.O_CREAT), "r+b", buffering=0) as file:
        before = file.read()
        if before.count(b"\n") < 2 * LIVES_KEPT:
            torn = b"" if before.endswith(b"\n") or not before else b"\n"
            write_all(file.fileno(), torn + mark.encode() + b"\n")
            return
    lines = [*before.splitlines()[1 - LIVES_KEPT :], mark.encode()]
    replace_file(path, b"\n".join(lines) + b"\n", sync=False)


def beginnings(segments: list[Segment], marks: list[Mark]) -> dict[str, Place]:
    """Return where each life begins: at its first own segment, or at its mark before that."""
    index: dict[str | None, int] = {segment.path.name: i for i, segment in enumerate(segments)}
    places: dict[str, Place] = {}
    for i, segment in enumerate(segments):
        places.setdefault(segment.life, Place(i, 0))
    for mark in marks:
        # a file that is not there was the oldest and is deleted, or there was none yet
        place = Place(index[mark.file], mark.offset) if mark.file in index else Place(0, 0)
        places[mark.life] = min(place, places.get(mark.life, place))
    return places


def between(segments: list[Segment], begin: Place, end: Place) -> list[Span]:
    spans = []
    for index, segment in enumerate(segments):
        start = begin.offset if index == begin.index else 0
        stop = end.offset if index == end.index else segment.size
        if begin.index <= index <= end.index and start < stop:
            spans.append(Span(segment.path, start, stop))
    return spans


def marks_of(directory: Path, name: str) -> list[Mark]:
    return [mark for line in _lines_of(directory / f"{name}.lives") if (mark := _mark(line))]


def _mark(line: bytes) -> Mark | None:
    try:
        entry = json.loads(line)
        file = entry["file"]
        return Mark(str(entry["life"]), float(entry["ts"]), None if file is None else str(file), int(entry["offset"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None  # torn by a power cut: the log is read without it


def _lines_of(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except OSError:
        return []
