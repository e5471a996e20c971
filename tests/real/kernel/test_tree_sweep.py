"""One look at all processes tells what each worker's tree uses: against real processes."""

import os
import queue
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from unittest.mock import Mock

import psutil
import pytest
from kit.processes import Family
from kit.support import DEADLINE, wait_until

from actors.ports import TreeSweep
from actors.values.facts import Handle, Tree
from supervisor.kernel import usage
from supervisor.kernel.proc_table import Entry, Table, handle_of, read_table
from supervisor.kernel.usage import TreeSweeper


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

    def pids(self, root: Handle) -> set[int]:
        return {handle.pid for handle in self.tree(root).handles}


@pytest.fixture
def sweeps() -> Iterator[Sweeps]:
    sweeps = Sweeps()
    yield sweeps
    sweeps.sweeper.close()
    assert sweeps.errors.empty()


def entry(pid: int) -> Entry:
    return read_table(with_marks=False)[pid]


def test_a_tree_is_its_first_process_and_all_descendants(sweeps: Sweeps, family: Family) -> None:
    root = family.shell("sh -c 'sleep 1000 & echo $! $$; wait' & wait")
    pids = {root.pid, *map(int, family.said().split())}
    tree = sweeps.tree(root)
    assert {handle.pid for handle in tree.handles} == pids
    assert all(handle_of(handle.pid) == handle for handle in tree.handles)
    close = 1_000_000  # bytes: the stat line lags behind by some pages a core
    wait_until(
        lambda: abs(sweeps.tree(root).rss_bytes - sum(psutil.Process(pid).memory_info().rss for pid in pids)) < close
    )


def test_an_orphan_of_the_session_that_came_to_the_tmux_server_is_counted(sweeps: Sweeps, family: Family) -> None:
    root = family.shell("(sleep 1000 & echo $!); read _")
    orphan = int(family.said())
    wait_until(lambda: entry(orphan).ppid == os.getpid())
    assert sweeps.pids(root) == {root.pid, orphan}


def test_who_was_seen_in_the_tree_is_counted_still_when_it_is_left_to_the_tmux_server(
    sweeps: Sweeps, family: Family
) -> None:
    root = family.shell("sh -c 'setsid sleep 1000 & echo $!; read _'; read _")
    escapee = family.stranger(family.said()).pid
    wait_until(lambda: entry(escapee).sid == escapee)  # it is on its way out of the session
    assert escapee in sweeps.pids(root)
    family.tell("")
    wait_until(lambda: entry(escapee).ppid == os.getpid())
    for _ in range(2):
        assert sweeps.pids(root) == {root.pid, escapee}


def test_a_root_that_has_ended_or_was_never_this_one_has_no_tree(sweeps: Sweeps, family: Family) -> None:
    living, zombie = family.shell("read _"), family.shell("exit 3")
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    other = Handle(living.pid, living.ticks + 1)
    trees = sweeps.take(living=living, zombie=zombie, other=other, nobody=Handle(2**22 + 1, 5)).trees
    assert [name for name, tree in trees.items() if tree is None] == ["zombie", "other", "nobody"]
    family.started[1].wait()
    assert sweeps.take(zombie=zombie).trees == {"zombie": None}
    assert (sweeps.sweeper._sweep._cpu, sweeps.sweeper._sweep._trees) == ({}, {})  # nothing of trees that are gone


def test_cpu_is_told_from_the_second_sweep_on_and_of_the_same_processes_only(sweeps: Sweeps, family: Family) -> None:
    root = family.there("while :; do :; done")
    assert sweeps.tree(root).cpu_percent is None
    other = family.shell("read _")
    wait_until(lambda: sweeps.tree(root).cpu_percent)  # it was given a whole clock tick of CPU time between two sweeps
    assert sweeps.tree(other).cpu_percent is None


def test_a_few_workers_are_read_alone_below_their_server(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    root = family.shell("sleep 1000 & echo $!; read _")
    child, server = int(family.said()), handle_of(os.getpid())
    assert server is not None
    monkeypatch.setattr(usage, "read_table", Mock(side_effect=AssertionError("all processes were read")))
    tree = usage._Sweep(lambda: [server]).take({"api": root}).trees["api"]
    assert tree is not None
    assert {handle.pid for handle in tree.handles} == {root.pid, child}


def test_cpu_is_in_percent_of_one_core(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    root, clock, spent = family.shell("read _"), iter((10.0, 12.0)), iter((500, 600))

    def table(with_marks: bool) -> Table:
        real = read_table(with_marks)
        real[root.pid] = real[root.pid]._replace(cpu=next(spent))
        return real

    monkeypatch.setattr(usage, "TICKS_PER_SECOND", 100)
    monkeypatch.setattr(usage, "read_table", table)
    monkeypatch.setattr(usage, "time", SimpleNamespace(monotonic=clock.__next__))  # not that of other threads too
    sweep = usage._Sweep()
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
    assert first.taken < second.taken


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
    monkeypatch.setattr(usage, "read_table", lambda with_marks: fail(None))
    sweeps.sweeper.sweep_trees({"api": Handle(2**22 + 1, 1)}, sweeps.answers.put)
    assert isinstance(sweeps.errors.get(timeout=DEADLINE), SystemExit)
    monkeypatch.undo()
    assert sweeps.take().trees == {}
    assert sweeps.answers.empty()


def test_a_closed_sweeper_answers_no_more(sweeps: Sweeps) -> None:
    sweeps.sweeper.close()
    sweeps.sweeper.close()
    sweeps.sweeper.sweep_trees({}, sweeps.answers.put)
    assert not sweeps.sweeper._thread.is_alive()
    assert sweeps.answers.empty()
