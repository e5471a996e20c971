"""Whether what living workers print reaches their logs. The service mends this itself at its next health beat."""

from collections.abc import Iterator, Mapping

from actors.events.words import counted, some_of
from supervisor.doctor.findings import Finding, Subject, ok, warning
from supervisor.logs.names import Segment, listed
from supervisor.tmux.panes import Printing, printing
from supervisor.wire.errors import CommandError

MEND = "a running service writes it again from its next health beat on; else `panevisor up`"


def logs(subject: Subject) -> Iterator[Finding]:
    """Compare the log of each living worker with what its pane has shown."""
    place = subject.found_at
    if not subject.tmux_pid:
        return
    try:
        panes = printing(place)
        segments = listed(place.logs, panes.keys()) if place.logs.is_dir() else {}
    except CommandError:
        return  # what is said of the tmux server says why
    yield from of_logs(panes, segments)


def of_logs(panes: Mapping[str, Printing], segments: Mapping[str, list[Segment]]) -> Iterator[Finding]:
    """Tell whose output goes nowhere."""
    closed = sorted(name for name, pane in panes.items() if not pane.piped)
    lost = sorted(
        name for name, pane in panes.items() if pane.piped and pane.is_unwritten(_written(segments.get(name, [])))
    )
    if closed:
        yield warning(f"no log is written of {some_of(closed, 5)}", MEND)
    if lost:
        yield warning(f"what was printed last is in no log: {some_of(lost, 5)}; a file was deleted or replaced", MEND)
    if panes and not closed and not lost:
        yield ok(f"{counted(len(panes), 'living worker')}: what was printed is there")


def _written(segments: list[Segment]) -> float | None:
    return segments[-1].mtime_ns / 1e9 if segments else None
