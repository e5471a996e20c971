"""Who has escaped from a worker's tree, on real tmux: terminals whose number goes to the next pane, windows of people.

A pane's first process stands for a worker's. What the port is told of panes is as old as can be: nothing at all.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.processes import House
from kit.support import alive, wait_until

from actors.values.effects import EndTree, SeekTree, Watch
from actors.values.facts import Handle, ProcessEnded, TreeFound
from supervisor.kernel.pidfds import terminal_of
from supervisor.kernel.proc_table import entry_of, handle_of
from supervisor.tmux.command import argv_of, environment
from supervisor.tmux.server import TmuxServer

FORMAT = "#{pane_pid} #{pane_tty}"
TRIES = 50
DAEMONIZES = 'trap "" HUP; env -i setsid sleep 1000 9>&1 <&- >&- 2>&- & echo $! >"$1"'
LEAVES_ONE = '(env -i setsid sleep 1000 & echo $! >"$1"); read _'


class Tmux(House):
    """A real server, its panes, and the port that ends their trees."""

    def __init__(self, place: Path, server: TmuxServer) -> None:
        super().__init__()
        self.place, self.nudge = place, server.nudge
        assert server.process is not None
        self.port.watch_server(0, server.process, lambda: None)

    def pane(self, name: str, script: str, *, life: str | None) -> tuple[Handle, str]:
        """Return the first process of a new pane and its terminal; without a life nothing marks it."""
        mark = ("-e", f"PANEVISOR_WORKER={self.digest}/{name}/{life}") if life else ()
        new = ("new-session", "-d", "-P", "-F", FORMAT, "-s", name, *mark, "--", "sh", "-c", script)
        pid, tty = self.tmux(*new, "sh", str(self.place / name)).split()
        return handle_of(int(pid)) or Handle(int(pid), 0), tty

    def succession(self, script: str, *, life: str | None) -> tuple[str, Handle, Handle]:
        """Return a dead worker's name, its first process, and that of the pane which has its terminal's number now.

        Anybody on the machine may be quicker to get the number: then both are made again.
        """
        for number in range(TRIES):
            worker, tty = self.pane(f"api{number}", "read _", life="l1")
            self.watch("l1", worker)
            self.crash(f"api{number}", worker)
            successor, next_tty = self.pane(f"next{number}", script, life=life)
            if next_tty == tty:
                return f"api{number}", worker, successor
        raise AssertionError(f"in {TRIES} tries no pane got the terminal of the dead one")

    def tmux(self, *arguments: str) -> str:
        return subprocess.run(
            argv_of(*arguments), cwd=self.place, env=environment(), capture_output=True, text=True, check=True
        ).stdout

    def left_by(self, name: str) -> int:
        """Return the pid of the process that a pane has started, once nothing marks it and it is tmux's child."""
        written = self.place / name
        wait_until(lambda: written.exists() and written.read_text().endswith("\n"))
        pid = int(written.read_text())
        wait_until(lambda: Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sleep"))
        return pid

    def crash(self, name: str, first: Handle) -> None:
        """Kill a pane's first process; tmux has closed its terminal then."""
        os.kill(first.pid, signal.SIGKILL)
        dead = ("display-message", "-p", "-t", f"={name}:", "#{pane_dead}")
        wait_until(lambda: self.nudge() or self.tmux(*dead).strip() == "1")

    def accused(self, name: str, first: Handle | None) -> list[int]:
        """End a life's tree; return who was found to have left it."""
        self.end(first, "TERM", name=name)
        return self.escaped()


@pytest.fixture
def tmux(place: Path, tmux_server: TmuxServer) -> Iterator[Tmux]:
    tmux = Tmux(place, tmux_server)
    yield tmux
    tmux.port.close()
    assert tmux.errors.empty()


def test_a_daemon_whose_parent_ended_before_anybody_looked_is_found_by_the_terminal_of_its_birth(tmux: Tmux) -> None:
    """Nothing marks it, as nothing does who overwrites his environment, and its parent's start time is not known."""
    first, tty = tmux.pane("api", DAEMONIZES, life="l1")
    daemon = tmux.left_by("api")
    wait_until(lambda: tmux.nudge() or not alive(first.pid))
    unknown = Handle(first.pid, 0)
    tmux.port.watch(Watch("l1", unknown, terminal_of(tty)), tmux.facts.put)
    assert isinstance(tmux.next(), ProcessEnded)
    tmux.port.seek("api", SeekTree("l1", unknown, (), server=0), tmux.facts.put)
    found = tmux.next()
    assert isinstance(found, TreeFound)
    assert [each.process.pid for each in found.left] == [daemon]
    assert tmux.accused("api", unknown) == [daemon]
    assert not alive(daemon)
    assert tmux.port.tables()["terminals"] == 0


def test_a_terminal_is_known_by_its_path() -> None:
    assert terminal_of("/dev/pts/300") == os.makedev(136, 300)
    assert terminal_of("") == terminal_of("/dev/tty1") == 0


def test_the_next_pane_with_the_dead_ones_terminal_is_not_taken_for_what_escaped(tmux: Tmux) -> None:
    """Nothing marks it: a person's new window, or a worker's process that has not come to its exec."""
    name, worker, window = tmux.succession("read _", life=None)
    assert tmux.accused(name, worker) == []
    assert alive(window.pid)


def test_what_another_pane_with_the_dead_ones_terminal_has_left_is_not_its_own(tmux: Tmux) -> None:
    name, worker, _ = tmux.succession(LEAVES_ONE, life="l2")
    left = tmux.left_by(name.replace("api", "next"))
    assert tmux.accused(name, worker) == []
    assert alive(left)
    os.kill(left, signal.SIGKILL)


def test_what_the_dead_pane_has_left_is_found_by_its_terminal(tmux: Tmux) -> None:
    worker, tty = tmux.pane("api", LEAVES_ONE, life="l1")
    left = tmux.left_by("api")
    tmux.watch("l1", worker)
    tmux.crash("api", worker)
    _, next_tty = tmux.pane("window", "read _", life=None)
    assert next_tty != tty
    assert tmux.accused("api", worker) == [left]
    assert not alive(left)


def test_what_the_dead_pane_has_left_is_found_while_tmux_has_not_noticed_the_death(
    tmux: Tmux, tmux_server: TmuxServer
) -> None:
    worker, _ = tmux.pane("api", LEAVES_ONE, life="l1")
    left = tmux.left_by("api")
    tmux.watch("l1", worker)
    assert tmux_server.pid is not None
    os.kill(tmux_server.pid, signal.SIGSTOP)
    try:
        os.kill(worker.pid, signal.SIGKILL)
        wait_until(lambda: not alive(worker.pid))
        assert tmux.accused("api", worker) == [left]
    finally:
        os.kill(tmux_server.pid, signal.SIGCONT)


def test_a_new_window_that_bears_the_mark_of_the_life_is_left_alone(tmux: Tmux) -> None:
    """A split inherits a mark that stayed in its session; what is known of panes is older than it."""
    worker, _ = tmux.pane("api", "read _", life="l1")
    tmux.watch("l1", worker)
    mark = f"PANEVISOR_WORKER={tmux.digest}/api/l1"
    split = tmux.tmux("split-window", "-d", "-P", "-F", "#{pane_pid}", "-t", "=api:", "-e", mark, "--", "sleep", "1000")
    assert tmux.accused("api", worker) == []
    assert (alive(worker.pid), alive(int(split))) == (False, True)


def test_the_first_process_of_a_life_is_ended_though_nobody_knows_its_pid(tmux: Tmux) -> None:
    worker, _ = tmux.pane("api", "read _", life="l1")
    wait_until(lambda: (entry := entry_of(worker.pid, with_mark=True)) is not None and entry.mark is not None)
    assert tmux.accused("api", None) == []
    assert not alive(worker.pid)


@pytest.mark.parametrize("beside", [True, False])
def test_what_ran_beside_the_tree_is_looked_for_where_a_check_runs_commands(tmux: Tmux, beside: bool) -> None:
    worker, _ = tmux.pane("api", "read _", life="l1")
    tmux.watch("l1", worker)
    left = tmux.there()  # a child of the service, not of tmux
    tmux.port.end("api", EndTree("l1", worker, (), "KILL", whole=True, beside=beside, server=0), tmux.facts.put)
    tmux.until_gone()
    assert alive(left.pid) is not beside
    tmux.kill(left)


def test_whoever_has_a_reused_pid_lends_its_terminal_to_nobody(tmux: Tmux) -> None:
    """A dead pane's pid without a start time is watched as whoever has it by now."""
    window, _ = tmux.pane("window", LEAVES_ONE, life=None)
    left = tmux.left_by("window")
    tmux.watch("l1", Handle(window.pid, 0))
    assert tmux.accused("api", Handle(window.pid, 0)) == []
    assert (alive(window.pid), alive(left)) == (True, True)
    os.kill(left, signal.SIGKILL)
