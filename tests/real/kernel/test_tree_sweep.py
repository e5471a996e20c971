"""One look at all processes tells what each worker's tree uses: against real processes."""

import ctypes
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil
import pytest
from kit.support import DEADLINE, wait_until

from actors.ports import TreeSweep
from actors.values.facts import Handle, Tree
from supervisor.kernel import usage as tree_sweep
from supervisor.kernel.proc_table import Entry, Table, handle_of, read_table
from supervisor.kernel.usage import TreeSweeper

PR_SET_CHILD_SUBREAPER = 36
Shell = Callable[[str], Handle]


class Sweeps:
    """A sweeper and the answers that it gave."""

    def __init__(self) -> None:
        self.answers: queue.SimpleQueue[TreeSweep] = queue.SimpleQueue()
        self.errors: queue.SimpleQueue[BaseException] = queue.SimpleQueue()
        self.sweeper = TreeSweeper(self.errors.put)

    def take(self, **roots: Handle) -> TreeSweep:
        self.sweeper.sweep_trees(roots, self.answers.put)
        return self.answers.get(timeout=DEADLINE)

    def tree(self, root: Handle) -> Tree:
        tree = self.take(api=root).trees["api"]
        assert tree is not None
        return tree


@pytest.fixture
def sweeps() -> Iterator[Sweeps]:
    sweeps = Sweeps()
    yield sweeps
    sweeps.sweeper.close()
    assert sweeps.errors.empty()


@pytest.fixture
def started() -> Iterator[list["subprocess.Popen[str]"]]:
    """Leaders of sessions, as panes' processes are; all sessions are ended, and the orphans reaped, at the end."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    table = read_table(with_marks=False)
    for pid in [pid for process in started for pid in table.sessions.get(process.pid, ())]:
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    table = read_table(with_marks=False)
    assert not [pid for process in started for pid in table.sessions.get(process.pid, ())]


@pytest.fixture
def shell(started: list["subprocess.Popen[str]"]) -> Shell:
    def start(script: str) -> Handle:
        argv = ["sh", "-c", script, sys.executable]
        pipe = subprocess.PIPE
        process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, start_new_session=True)
        started.append(process)
        handle = handle_of(process.pid)
        assert handle is not None
        return handle

    return start


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_tree_is_its_first_process_and_all_descendants(
    sweeps: Sweeps, shell: Shell, started: list["subprocess.Popen[str]"]
) -> None:
    root = shell("sh -c 'sleep 1000 & echo $! $$; wait' & echo there; wait")
    lines = {said(started[0]), said(started[0])} - {"there"}
    pids = {root.pid, *map(int, lines.pop().split())}
    tree = sweeps.tree(root)
    assert {handle.pid for handle in tree.handles} == pids
    assert all(handle_of(handle.pid) == handle for handle in tree.handles)
    close = 1_000_000  # bytes: the stat line lags behind by some pages a core
    wait_until(
        lambda: abs(sweeps.tree(root).rss_bytes - sum(psutil.Process(pid).memory_info().rss for pid in pids)) < close
    )


def test_an_orphan_of_the_session_that_came_to_the_tmux_server_is_counted(
    sweeps: Sweeps, shell: Shell, started: list["subprocess.Popen[str]"]
) -> None:
    root = shell("(sleep 1000 & echo $!); read _")
    orphan = int(said(started[0]))
    while read_table(with_marks=False)[orphan].ppid != os.getpid():
        pass
    assert {handle.pid for handle in sweeps.tree(root).handles} == {root.pid, orphan}


def test_who_was_seen_in_the_tree_is_counted_still_when_it_is_left_to_the_tmux_server(
    sweeps: Sweeps, shell: Shell, started: list["subprocess.Popen[str]"]
) -> None:
    root = shell("sh -c 'setsid sleep 1000 & echo $!; read _'; read _")
    escapee = int(said(started[0]))
    try:
        while read_table(with_marks=False)[escapee].sid != escapee:
            pass  # it is on its way out of the session
        assert escapee in {handle.pid for handle in sweeps.tree(root).handles}
        assert started[0].stdin is not None
        started[0].stdin.write("\n")
        started[0].stdin.flush()
        while read_table(with_marks=False)[escapee].ppid != os.getpid():
            pass
        for _ in range(2):
            assert {handle.pid for handle in sweeps.tree(root).handles} == {root.pid, escapee}
    finally:
        os.kill(escapee, signal.SIGKILL)


def test_who_was_seen_in_the_tree_counts_no_more_once_it_is_another_or_has_another_parent() -> None:
    parents = {10: 1, 20: 10, 30: 10, 31: 30, 32: 10}
    table = Table(Entry(pid, ppid, sid=pid, ticks=5, state="S", threads=1, cpu=0) for pid, ppid in parents.items())
    root = Handle(20, 5)
    assert tree_sweep._members(table, root, (root, Handle(31, 5), Handle(32, 4))) == [table[20]]
    assert tree_sweep._members(table, root, (root, Handle(32, 5))) == [table[20], table[32]]


def test_an_orphan_in_the_session_of_one_who_was_seen_in_the_tree_is_counted() -> None:
    root, orphan = (Entry(pid, 10, sid, ticks=5, state="S", threads=1, cpu=0) for pid, sid in ((20, 20), (33, 32)))
    assert tree_sweep._members(Table([root, orphan]), root.handle, (root.handle, Handle(32, 5))) == [root, orphan]


def test_a_pane_and_a_session_that_began_before_its_leader_are_not_counted() -> None:
    root, pane, earlier = (
        Entry(pid, 10, sid, ticks, state="S", threads=1, cpu=0, terminal=9 if pid == sid else 0)
        for pid, sid, ticks in ((20, 20, 5), (32, 32, 7), (33, 40, 4))
    )
    before = (root.handle, pane.handle, Handle(40, 5))
    assert tree_sweep._members(Table([root, pane, earlier]), root.handle, before) == [root]


def test_a_root_that_has_ended_or_was_never_this_one_has_no_tree(
    sweeps: Sweeps, shell: Shell, started: list["subprocess.Popen[str]"]
) -> None:
    living, zombie = shell("read _"), shell("exit 3")
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    other = Handle(living.pid, living.ticks + 1)
    trees = sweeps.take(living=living, zombie=zombie, other=other, nobody=Handle(2**22 + 1, 5)).trees
    assert [name for name, tree in trees.items() if tree is None] == ["zombie", "other", "nobody"]
    started[1].wait()
    assert sweeps.take(zombie=zombie).trees == {"zombie": None}


def test_cpu_is_told_from_the_second_sweep_on_and_of_the_same_processes_only(
    sweeps: Sweeps, shell: Shell, started: list["subprocess.Popen[str]"]
) -> None:
    root = shell("echo there; while :; do :; done")
    said(started[0])
    assert sweeps.tree(root).cpu_percent is None
    other = shell("read _")
    while not (percent := sweeps.tree(root).cpu_percent):
        pass  # until it was given a whole clock tick of CPU time between two sweeps
    assert percent > 0
    assert sweeps.tree(other).cpu_percent is None


def test_cpu_is_in_percent_of_one_core(
    sweeps: Sweeps, shell: Shell, started: list["subprocess.Popen[str]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, clock, spent = shell("read _"), iter((10.0, 10.0, 12.0, 12.0)), iter((500, 600))

    def table(with_marks: bool) -> Table:
        real = read_table(with_marks)
        real[root.pid] = real[root.pid]._replace(cpu=next(spent))
        return real

    monkeypatch.setattr(tree_sweep, "TICKS_PER_SECOND", 100)
    monkeypatch.setattr(tree_sweep, "read_table", table)
    monkeypatch.setattr(tree_sweep.time, "monotonic", lambda: next(clock))  # type: ignore[attr-defined]
    sweep = tree_sweep._Sweep()
    sweep.take({"api": root})
    second = sweep.take({"api": root}).trees["api"]
    assert second is not None
    assert second.cpu_percent == 50.0


def test_the_machine_is_in_the_sweep(sweeps: Sweeps) -> None:
    first, second = sweeps.take(), sweeps.take()
    assert first.host.cpu_percent is None
    assert second.host.cpu_percent is not None
    assert second.host.load is not None
    assert 0 < (second.host.memory_available_bytes or 0) <= psutil.virtual_memory().total
    assert first.taken < first.taken + first.took_s <= second.taken


def test_while_a_sweep_runs_only_the_newest_request_waits(sweeps: Sweeps) -> None:
    held, release, heard = threading.Event(), threading.Event(), queue.SimpleQueue[str]()

    def hold_the_thread(_: TreeSweep) -> None:
        heard.put("first")
        held.set()
        assert release.wait(DEADLINE)

    sweeps.sweeper.sweep_trees({}, hold_the_thread)
    assert held.wait(DEADLINE)
    sweeps.sweeper.sweep_trees({}, lambda sweep: heard.put("older"))
    sweeps.sweeper.sweep_trees({}, lambda sweep: heard.put("newest"))
    release.set()
    assert heard.get(timeout=DEADLINE) == "first"
    assert heard.get(timeout=DEADLINE) == "newest"
    sweeps.take()
    assert heard.empty()


def test_a_sweep_or_answer_that_fails_does_not_end_the_sweeping(
    sweeps: Sweeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise SystemExit(1)

    sweeps.sweeper.sweep_trees({}, fail)
    assert isinstance(sweeps.errors.get(timeout=DEADLINE), SystemExit)
    monkeypatch.setattr(tree_sweep, "read_table", lambda with_marks: fail(None))
    sweeps.sweeper.sweep_trees({}, sweeps.answers.put)
    assert isinstance(sweeps.errors.get(timeout=DEADLINE), SystemExit)
    monkeypatch.undo()
    assert sweeps.take().trees == {}
    assert sweeps.answers.empty()


def test_nothing_is_remembered_of_trees_that_are_gone(sweeps: Sweeps, shell: Shell) -> None:
    sweeps.tree(shell("read _"))
    sweeps.take()
    assert not sweeps.sweeper._sweep._cpu
    assert not sweeps.sweeper._sweep._trees


def test_a_closed_sweeper_answers_no_more(sweeps: Sweeps) -> None:
    sweeps.sweeper.close()
    sweeps.sweeper.close()
    sweeps.sweeper.sweep_trees({}, sweeps.answers.put)
    assert not sweeps.sweeper._thread.is_alive()
    assert sweeps.answers.empty()
