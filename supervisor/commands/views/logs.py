"""`panevisor logs`: what workers have printed, read from their segments; works without a service."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from supervisor.commands.workers.panes import known_workers, named
from supervisor.logs.lives import marks_of
from supervisor.logs.names import segments_of
from supervisor.logs.reading import follow, read_tail
from supervisor.state.place import Place
from supervisor.text.moments import moment
from supervisor.text.plain import plain, visible
from supervisor.tmux.panes import Printing, ask, printing
from supervisor.wire.errors import CommandError
from supervisor.wire.selection import Selection, families, match


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which part of the logs: the last `lines` (None: all), `since` a Unix time, the `previous` life, `raw` bytes."""

    lines: int | None
    since: float | None
    previous: bool
    raw: bool


def logs(place: Place, selection: Selection, wanted: Wanted, *, keep_on: bool) -> int:
    """Print the logs; with `keep_on` go on with what is written from now on, until interrupted.

    Those that have printed nothing yet are named on stderr, which is no failure.
    """
    selection.require()
    names = _meant(place, selection)
    if keep_on and wanted.previous:
        raise CommandError("usage", "--previous shows a life that has ended; leave out -f")
    if silent := [name for name in names if not any(segment.size for segment in segments_of(place.logs, name))]:
        _tell_why_silent(place, silent)
    output = Output(names, raw=wanted.raw)
    if keep_on:
        _follow_all(place.logs, names, wanted, output)
    else:
        for name in names:
            for line in read_tail(place.logs, name, wanted.lines, wanted.since, wanted.previous):
                output.write(name, line)
        output.end()
    return 0


def _meant(place: Place, selection: Selection) -> list[str]:
    """Return the names that are meant; other workers are looked up only if a log is missing."""
    if selection.all or selection.labels or selection.project is not None:
        return named(place, selection)
    logged, patterns = logged_names(place.logs), selection.patterns
    if logged.issuperset(patterns):
        return match(patterns, sorted(logged))
    workers = known_workers(place)
    return match(patterns, sorted({*logged, *(worker["name"] for worker in workers)}), families(workers))


def _tell_why_silent(place: Place, names: list[str]) -> None:
    """Say of each of these, which have no log, whether it has printed anything."""
    panes: dict[str, Printing] = {}
    with suppress(CommandError):
        panes = printing(place)
    printed = [name for name in names if _has_printed(place, name, panes.get(name))]
    unknown = [name for name in names if name not in printed and name not in panes]
    silent = [name for name in names if name not in printed and name not in unknown]
    for who, what in (
        (printed, "the log was deleted of {}: a running service writes it again (`panevisor screen NAME` shows more)"),
        (unknown, "no log is there: {}"),
        (silent, "nothing printed yet: {}"),
    ):
        if who:
            print(what.format(visible(", ".join(who))), file=sys.stderr)


def _has_printed(place: Place, name: str, pane: Printing | None) -> bool:
    """Whether something of it was in a log, or is on its screen."""
    if any(mark.file for mark in marks_of(place.logs, name)) or (pane and pane.is_unwritten(None)):
        return True
    with suppress(CommandError):
        return bool(pane and ask(place, "capture-pane", "-p", "-t", pane.id).strip())
    return False


def logged_names(directory: Path) -> set[str]:
    """Return the names of the workers that have a log here; raises PermissionError."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return {entry.partition(".")[0] for entry in os.listdir(directory) if not entry.startswith(".")}
    return set()


def since_time(text: str, now: float) -> float:
    """Read `--since`, see `moment`; raises CommandError."""
    try:
        return moment(text, now)
    except ValueError as error:
        raise CommandError("usage", f"--since {error}") from None


class Output:
    """Writes lines, from any thread. With several names, each line begins with its name.

    A line that has come in part goes on without it; before another one's it is ended.
    """

    def __init__(self, names: list[str], *, raw: bool) -> None:
        names_shown = {name: visible(name) for name in names}
        width = max(map(len, names_shown.values()))
        several = len(names) > 1
        self._prefixes = {
            name: self._encoded(f"{text.ljust(width)} | ") * several for name, text in names_shown.items()
        }
        self._raw = raw
        self._open: str | None = None  # whose line has not ended
        self._lock = threading.Lock()
        self._file = sys.stdout.buffer

    def write(self, name: str, line: bytes) -> None:
        text = line if self._raw else self._encoded(visible(plain(line), keep="\n\t"))
        if text:
            with self._lock:
                self._file.write(self._before(name) + self._named(name, text))
                self._open = None if text.endswith(b"\n") else name

    def _encoded(self, text: str) -> bytes:
        return text.encode(sys.stdout.encoding, sys.stdout.errors or "replace")

    def _before(self, name: str) -> bytes:
        if self._open == name:
            return b""
        return (b"\n" if self._open else b"") + self._prefixes[name]

    def _named(self, name: str, text: bytes) -> bytes:
        return text[:-1].replace(b"\n", b"\n" + self._prefixes[name]) + text[-1:]

    def end(self) -> None:
        """End the last line where there are several names, and write out all."""
        if self._open and self._prefixes[self._open]:
            self._file.write(b"\n")
        self.flush()

    def flush(self) -> None:
        with self._lock:
            self._file.flush()


def _follow_all(directory: Path, names: list[str], wanted: Wanted, output: Output) -> None:
    """Follow each log in a thread; the first thread that fails, for example on a closed pipe, ends all."""
    ended = threading.Event()
    failures: list[BaseException] = []

    def run(name: str) -> None:
        try:
            for line in _followed(directory, name, wanted, ended):
                output.write(name, line)
                output.flush()
        except BaseException as error:
            failures.append(error)
        ended.set()

    for name in names:
        threading.Thread(target=run, args=(name,), daemon=True).start()
    ended.wait()
    if failures:
        raise failures[0]


def _followed(directory: Path, name: str, wanted: Wanted, ended: threading.Event) -> Iterator[bytes]:
    lines = wanted.lines
    if wanted.since is not None:  # `follow` counts lines from the end: what is written meanwhile is not lost so
        lines = sum(1 for _ in read_tail(directory, name, lines, wanted.since))
    return follow(directory, name, lines=lines, wait=ended.wait)
