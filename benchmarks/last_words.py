"""Count the exits whose last line the log lacks, and who lost it: `python -m benchmarks.last_words [EXITS]`.

Bare tmux with the product's own server, wrapper, start lines and log pipe; no service. Every life notes in a file of
its own what it printed: that is the truth. Before the next life starts, the screen of the dead pane is read too:

    the screen lacks the line as well    tmux closed the terminal before it had read it
    only the log lacks it                tmux had it; the pipe or `split` lost it

A count of a race: it grows with the load of the machine, and with the number of exits at the same time.
"""

import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from actors.values.spec import PaneSize, WorkerSpec
from supervisor.logs.names import pipe_command
from supervisor.tmux.client import ControlClient
from supervisor.tmux.server import TmuxServer, until
from supervisor.tmux.words import Launch, start_in_dead_pane, start_in_new_session, words

EXITS = 2000
FEWER = 10  # a flood is counted over so much fewer exits
READERS_END = 60.0  # seconds for `split` to write what it got, and to end
POLL = 0.01
NUDGE_AFTER = 20  # looks at a dead pane without a status: Debian's tmux has missed its SIGCHLD
_LINE = re.compile(r"L (\d+) (\d+)[\r\n]")

# prints `$1` lines, notes that it has, waits `$2` seconds, and ends with 3
_PROGRAM = (
    'i=0; while [ "$i" -lt "$1" ]; do i=$((i+1)); echo "L $LIFE $i"; done; '
    'echo "$LIFE $1" >>"$3"; [ "$2" = 0 ] || sleep "$2"; exit 3'
)


@dataclass(frozen=True, slots=True)
class Case:
    """One row: `lines` printed by a life, `linger` seconds between the last one and the exit, `panes` side by side."""

    name: str
    lines: int
    linger: str = "0"
    panes: int = 20
    segment: int = 10_000_000


CASES = (
    Case("a line, then exit", 1),
    Case("the same, one worker alone", 1, panes=1),
    Case("the same, segments of 2 kB", 1, segment=2_000),
    Case("30 lines, then exit", 30),
    Case("3,000 lines, then exit", 3_000),
    Case("a line, 50 ms, then exit", 1, "0.05"),
)


@dataclass(slots=True)
class Seen:
    """What was printed, and where it was found again. Keys are lives, values the number of their last line."""

    truth: dict[int, int] = field(default_factory=dict)
    log: dict[int, int] = field(default_factory=dict)
    screens: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Losses:
    """Of `exits`: those whose last line the log lacks, by whose loss it was."""

    exits: int
    by_tmux: int
    by_the_pipe: int


def last_lines(text: str) -> dict[int, int]:
    """Return the highest number of a line of each life in `text`; a torn line is none."""
    found: dict[int, int] = {}
    for match in _LINE.finditer(text):
        life, line = int(match[1]), int(match[2])
        found[life] = max(line, found.get(life, 0))
    return found


def losses(seen: Seen) -> Losses:
    """Return what the log lacks of the truth; a life whose screen was not read counts as lost by the pipe."""
    lost = [life for life, last in seen.truth.items() if seen.log.get(life) != last]
    unread = [life for life in lost if life in seen.screens and seen.screens[life] != seen.truth[life]]
    return Losses(len(seen.truth), len(unread), len(lost) - len(unread))


class Lives:
    """The lives of one case: each pane gets its next life as soon as the last one is dead."""

    def __init__(self, place: Path, server: TmuxServer, case: Case) -> None:
        self._place, self._server, self._case = place, server, case
        self._client = ControlClient(place, lambda: server.pid)
        self._begun = 0
        self._life: dict[str, int] = {}  # of each pane, by its id
        self._name: dict[str, str] = {}
        self._looks: dict[str, int] = {}
        self._screens: dict[int, int] = {}

    def run(self, exits: int) -> Seen:
        self._ask("list-sessions")  # an answer comes when the server has read its file, and has its idle session
        others = children(self._server.pid)
        for number in range(min(self._case.panes, exits)):
            self._start(f"w{number}", None)
        while self._life:
            time.sleep(POLL)
            for pane in self._dead():
                life = self._life.pop(pane)
                self._screens[life] = last_lines(self._screen(pane)).get(life, 0)
                if self._begun < exits:
                    self._start(self._name[pane], pane)
        self._close(others)
        return Seen(self._truth(), self._log(), self._screens)

    def _close(self, others: set[str]) -> None:
        """Close the panes, and return when the readers of their pipes have written all and ended."""
        for pane in self._name:
            self._ask(words("kill-pane", "-t", pane))
        self._client.close()
        if not until(lambda: self._reaped() <= others, READERS_END):
            raise TimeoutError(f"the log's readers have not ended within {READERS_END:g} s")

    def _reaped(self) -> set[str]:
        self._server.nudge()  # Debian's tmux misses a SIGCHLD now and then
        return children(self._server.pid)

    def _start(self, name: str, pane: str | None) -> None:
        self._begun += 1
        argv = ("/bin/sh", "-c", _PROGRAM, "sh", str(self._case.lines), self._case.linger, str(self._place / "truth"))
        spec = WorkerSpec(name=name, command=argv, cwd="/", env=(("LIFE", str(self._begun)),))
        life = f"l{self._begun}"
        pipe = pipe_command("logs", name, life, 0, self._case.segment)
        launch = Launch(spec=spec, life=life, environment=spec.env, pipe=pipe, nofile=1024)
        said = self._ask(start_in_dead_pane(launch, pane) if pane else start_in_new_session(launch))
        started = next(line.split() for line in said if line.startswith("S %"))
        self._life[started[1]] = self._begun
        self._name[started[1]] = name

    def _dead(self) -> Iterator[str]:
        listed = self._ask(words("list-panes", "-a", "-F", "#{pane_id} #{pane_dead} #{pane_dead_status}"))
        for pane, dead, status in (line.split(" ") for line in listed):
            if pane in self._life and dead == "1":
                if status:
                    self._looks.pop(pane, None)
                    yield pane
                else:
                    self._nudge_for(pane)

    def _nudge_for(self, pane: str) -> None:
        self._looks[pane] = self._looks.get(pane, 0) + 1
        if self._looks[pane] % NUDGE_AFTER == 0:
            self._server.nudge()

    def _screen(self, pane: str) -> str:
        return "\n".join([*self._ask(words("capture-pane", "-p", "-J", "-t", pane)), ""])

    def _ask(self, line: str) -> list[str]:
        (blocks,) = self._client.run(line, timeout=60)
        return [text for block in blocks for text in block.text.splitlines()]

    def _truth(self) -> dict[int, int]:
        noted = (line.split() for line in (self._place / "truth").read_text().splitlines())
        return {int(life): int(last) for life, last in noted}

    def _log(self) -> dict[int, int]:
        files = sorted((self._place / "logs").iterdir())
        return last_lines("".join(file.read_text(errors="replace") for file in files))


def counted(case: Case, exits: int) -> Losses:
    """Run one case in a directory and with a tmux server of its own, and end both."""
    with tempfile.TemporaryDirectory(prefix="pvb-", dir="/tmp") as directory:
        place = Path(directory)
        (place / "logs").mkdir()
        server = TmuxServer(place, PaneSize())
        server.ensure()
        try:
            return losses(Lives(place, server, case).run(exits))
        finally:
            server.end()


def children(pid: int | None) -> set[str]:
    """Return the pids of the tmux server's children: panes, and readers of their pipes."""
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def rows(exits: int) -> Mapping[Case, Losses]:
    return {case: counted(case, exits if case.lines < 1000 else max(20, exits // FEWER)) for case in CASES}


def main() -> None:
    exits = int(sys.argv[1]) if len(sys.argv) > 1 else EXITS
    print(f"{'case':<28} {'exits':>6} {'unread by tmux':>15} {'lost by the pipe':>17}")
    for case, lost in rows(exits).items():
        print(f"{case.name:<28} {lost.exits:>6} {lost.by_tmux:>15} {lost.by_the_pipe:>17}")


if __name__ == "__main__":
    main()
