"""The end of the service's log as entries: after a `kill -9` it alone knows what was before."""

import contextlib
import json
import os
from collections.abc import Iterable, Mapping, Set
from datetime import datetime
from pathlib import Path

from actors.events.table import INCIDENTS
from actors.frozen import frozen
from actors.values.attention import AttentionSaid, Source, Word
from actors.values.records import Intent, Records
from actors.values.snapshot import Entry
from supervisor.state.replay import after, is_transition

_BY_A_PERSON = ("person", "adopted")  # as it was stopped by one when the service began
MOST = 512 * 1024  # bytes: some 2,400 lines, read in 12 to 15 ms


@frozen
class Told:
    """What the log knows of workers: the last state of each, whom a person stopped, and the lives that have ended.

    `reports`: what each worker that was last heard of by its own report said then, if it waits or idles.

    `exits`: how many seconds each of these lives lived, None where the log does not know.
    """

    states: Mapping[str, str]
    stopped: Set[str]
    exits: Mapping[str, float | None]
    reports: Mapping[str, AttentionSaid]


def told(entries: Iterable[Entry]) -> Told:
    """Gather it from entries, oldest first."""
    states: dict[str, str] = {}
    stopped: set[str] = set()
    exits: dict[str, float | None] = {}
    reports: dict[str, AttentionSaid] = {}
    for entry in entries:
        facts = entry.facts
        worker, life = str(facts.get("worker")), facts.get("life")
        states = after(states, {"event": entry.event, **facts})
        if is_transition(facts):
            by_a_person = facts["to"] == "stopped" and facts.get("cause") in _BY_A_PERSON
            stopped.add(worker) if by_a_person else stopped.discard(worker)
        if entry.event == "worker.exited" and isinstance(life, str):
            exits[life] = facts.get("uptime_s")
        if entry.event == "worker.attention":
            reports.pop(worker, None)
            reports |= _report(worker, entry)
    return Told(states, {name for name in stopped if states.get(name) == "stopped"}, exits, reports)


def _report(worker: str, entry: Entry) -> dict[str, AttentionSaid]:
    """Return a report that still holds if the worker has printed nothing since: its time is taken for over."""
    word, life, text = (entry.facts.get(key) for key in ("attention", "life", "text"))
    if entry.facts.get("by") != Source.REPORT or word not in (Word.WAITING, Word.IDLE) or not isinstance(life, str):
        return {}
    said = AttentionSaid(by=Source.REPORT, word=Word(str(word)), life=life, text=str(text or ""), ttl=0.0, at=entry.ts)
    return {worker: said}


def otherwise(records: Records, told: Told) -> list[str]:
    """Say what the log knows and the records do not: who was stopped by a person, and who is not on record at all."""
    intents = {record.spec.name: record.intent for record in records.workers}
    stopped = [name for name in sorted(told.stopped) if intents.get(name, Intent.WANTED) is Intent.WANTED]
    gone = [name for name, state in told.states.items() if name not in intents and state != "stopped"]
    by_a_person = [f"{name} was stopped by a person" for name in stopped]
    return by_a_person + [f"{name} was {told.states[name]}" for name in gone]


def read(path: Path, workers: Set[str] | None = None, most: int = MOST) -> list[Entry]:
    """Return the incidents and what happened to these workers (None: all), oldest first, from the last `most` bytes.

    They may begin in `path`.1. Lines that are no entries (a torn one) are passed over, a file that can't be read is
    an empty one. The numbers are 0: each service counts its lines from 1.
    """
    newest, whole = _end(path, most)
    older, _ = _end(path.with_name(f"{path.name}.1"), most - len(newest)) if whole else (b"", False)
    entries = (_entry(line) for text in (older, newest) for line in text.splitlines())
    found = [entry for entry in entries if entry]
    return found if workers is None else concerning(found, workers)


def concerning(entries: Iterable[Entry], workers: Set[str]) -> list[Entry]:
    """Return the incidents and what happened to these workers."""
    return [entry for entry in entries if _tells_of(entry, workers)]


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
