"""`panevisor logs`: what workers have printed, read from their segments; works without a service."""

import heapq
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from actors.frozen import frozen
from supervisor.commands.views.printed import How, Output
from supervisor.commands.workers.panes import known_workers, named
from supervisor.logs.lives import marks_of
from supervisor.logs.names import segments_of
from supervisor.logs.reading import follow, stamped
from supervisor.state.place import Place
from supervisor.text.colours import has_colour
from supervisor.text.moments import moment
from supervisor.text.plain import visible
from supervisor.tmux.panes import Printing, ask, printing
from supervisor.wire.errors import CommandError
from supervisor.wire.selection import Selection, families, match

Stamped = tuple[float, bytes]


@frozen(kw_only=True)
class Wanted:
    """Which part of the logs: the last `lines` (None: all), from `since` `until` (Unix times), of the `previous` life,
    what matches `grep`; with `times`; as `raw` bytes.
    """

    lines: int | None
    since: float | None = None
    until: float | None = None
    previous: bool = False
    grep: str | None = None
    times: bool = False
    raw: bool = False

    def how(self) -> How:
        """Return how the lines are printed; raises CommandError."""
        if self.grep is None:
            pattern = None
        else:
            from supervisor.text.patterns import compiled  # only now: 6 ms

            try:
                pattern = compiled(self.grep)
            except ValueError as error:
                raise CommandError("usage", f"--grep {error}") from None
        return How(raw=self.raw, times=self.times, colour=not self.raw and has_colour(sys.stdout), pattern=pattern)


def logs(place: Place, selection: Selection, wanted: Wanted, *, keep_on: bool) -> int:
    """Print the logs, those of several workers in the order of their times; with `keep_on` go on with what is written
    from now on, until interrupted.

    Those that have printed nothing yet are named on stderr, which is no failure.
    """
    selection.require()
    if keep_on and wanted.previous:
        raise CommandError("usage", "--previous shows a life that has ended; leave out -f")
    if keep_on and wanted.until is not None:
        raise CommandError("usage", "--until ends what -f goes on with; leave out one of them")
    how = wanted.how()
    names = _meant(place, selection)
    if silent := [name for name in names if not any(segment.size for segment in segments_of(place.logs, name))]:
        _tell_why_silent(place, silent)
    output = Output(names, how)
    if keep_on:
        _follow_all(place.logs, names, wanted, output)
    else:
        by_name = [_named(name, _tail(place.logs, name, wanted, output)) for name in names]
        for at, name, line in heapq.merge(*by_name, key=lambda line: line[0]):
            output.write(name, line, at)
        output.end()
    return 0


def _named(name: str, lines: Iterator[Stamped]) -> Iterator[tuple[float, str, bytes]]:
    return ((at, name, line) for at, line in lines)


def _tail(directory: Path, name: str, wanted: Wanted, output: Output) -> Iterator[Stamped]:
    """Return the lines that are wanted, of those that are there."""
    if wanted.until is None and wanted.since is None and wanted.grep is None:
        return stamped(directory, name, wanted.lines, None, wanted.previous)
    since, until = wanted.since or float("-inf"), wanted.until or float("inf")
    lines = (
        (at, line)
        for at, line in stamped(directory, name, None, wanted.since, wanted.previous)
        if since <= at <= until and output.matches(line)
    )
    return lines if wanted.lines is None else iter(deque(lines, maxlen=wanted.lines))


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


def time_of(text: str, now: float, option: str) -> float:
    """Read `--since` or `--until`, see `moment`; raises CommandError."""
    try:
        return moment(text, now)
    except ValueError as error:
        raise CommandError("usage", f"{option} {error}") from None


def _follow_all(directory: Path, names: list[str], wanted: Wanted, output: Output) -> None:
    """Follow each log in a thread; the first thread that fails, for example on a closed pipe, ends all."""
    ended = threading.Event()
    failures: list[BaseException] = []

    def run(name: str) -> None:
        try:
            for at, line in _followed(directory, name, wanted, ended):
                output.write(name, line, at)
                output.flush()
        except BaseException as error:
            failures.append(error)
        ended.set()

    for name in names:
        threading.Thread(target=run, args=(name,), daemon=True).start()
    ended.wait()
    if failures:
        raise failures[0]


def _followed(directory: Path, name: str, wanted: Wanted, ended: threading.Event) -> Iterator[Stamped]:
    """Yield the lines that are there, with their times, then what comes, with the time at which it is read.

    `follow` counts lines from the end: so what is written meanwhile is not lost.
    """
    lines, there = wanted.lines, deque[float]()
    if wanted.since is not None or wanted.times:
        found = stamped(directory, name, lines, wanted.since)
        there.extend(at for at, line in found if wanted.since is None or at >= wanted.since)
        lines = len(there)
    for line in follow(directory, name, lines=lines, wait=ended.wait):
        yield (there.popleft() if there else time.time()), line
