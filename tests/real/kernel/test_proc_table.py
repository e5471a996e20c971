"""The process table, and whose tree a process belongs to: against real processes, and pure on tables made by hand."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.values.facts import Handle
from supervisor.kernel.proc_table import (
    Entry,
    Table,
    entry_of,
    escaped,
    handle_of,
    lives,
    members,
    read_table,
    signal_once,
)

MARK = "0badcafe/api/l1"
SERVER = 50  # the tmux server's pid in tables made by hand
Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Start a program that says a line when it is there; all are killed and reaped in the end."""
    started: list[subprocess.Popen[str]] = []

    def start(*argv: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            argv, env=env, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.communicate()
    table = read_table(with_marks=False)
    assert not [pid for process in started for pid in table.sessions.get(process.pid, ())]


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_process_is_read_with_its_parent_session_and_mark(spawn: Spawn) -> None:
    process = spawn("sh", "-c", "echo there; read _", env={"A": "1", "PANEVISOR_WORKER": MARK, "Z": "2"})
    said(process)
    entry = read_table(with_marks=True)[process.pid]
    assert (entry.ppid, entry.sid, entry.mark) == (os.getpid(), process.pid, MARK)
    assert entry.handle == handle_of(process.pid)
    assert not entry.zombie


def test_marks_are_read_only_where_asked_for(spawn: Spawn) -> None:
    process = spawn("sh", "-c", "echo there; read _", env={"PANEVISOR_WORKER": MARK})
    said(process)
    assert read_table(with_marks=False)[process.pid].mark is None


def test_a_mark_counts_only_as_a_variable_of_its_own(spawn: Spawn) -> None:
    process = spawn("sh", "-c", "echo there; read _", env={"X_PANEVISOR_WORKER": MARK, "Y": f"PANEVISOR_WORKER={MARK}"})
    said(process)
    assert read_table(with_marks=True)[process.pid].mark is None


def test_a_mark_behind_a_large_environment_is_found(spawn: Spawn) -> None:
    process = spawn("sh", "-c", "echo there; read _", env={"A": "x" * 100_000, "PANEVISOR_WORKER": MARK})
    said(process)
    assert read_table(with_marks=True)[process.pid].mark == MARK


def test_a_name_with_blanks_and_parentheses_confuses_nobody(spawn: Spawn, tmp_path: Path) -> None:
    program = tmp_path / "a) R 1 (b"
    shutil.copy(shutil.which("cat") or "/bin/cat", program)
    process = spawn(str(program))
    assert process.stdin is not None
    process.stdin.write("there\n")
    process.stdin.flush()
    said(process)
    entry = entry_of(process.pid)
    assert entry is not None
    assert (entry.ppid, entry.sid) == (os.getpid(), process.pid)


def test_a_start_time_tells_processes_apart(spawn: Spawn) -> None:
    process = spawn("sh", "-c", "read _")
    handle = handle_of(process.pid)
    assert handle is not None
    assert lives(handle)
    assert not lives(Handle(handle.pid, handle.ticks + 1))


def test_a_signal_goes_to_the_very_process_and_not_to_who_has_its_pid_now(spawn: Spawn) -> None:
    process = spawn("sh", "-c", "echo there; read _")
    said(process)
    handle = handle_of(process.pid)
    assert handle is not None
    with pytest.raises(ProcessLookupError):
        signal_once(Handle(handle.pid, handle.ticks - 1), signal.SIGKILL)
    assert lives(handle)
    signal_once(handle, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_an_ended_process_is_a_zombie_until_it_is_reaped(spawn: Spawn) -> None:
    process = spawn("true")
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    entry = read_table(with_marks=True)[process.pid]
    assert entry.zombie
    assert handle_of(process.pid) == entry.handle
    assert not lives(entry.handle)
    process.wait()
    assert process.pid not in read_table(with_marks=False)
    assert handle_of(process.pid) is None


def test_a_dead_main_thread_beside_a_living_one_is_no_zombie(spawn: Spawn) -> None:
    main_thread_exits = """
import ctypes, threading
main_thread = threading.get_native_id()
def say_when_over():
    while "Z" not in open("/proc/self/task/%d/stat" % main_thread).read().rpartition(")")[2]: pass
    print("there", flush=True)
    input()
threading.Thread(target=say_when_over).start()
ctypes.CDLL(None).syscall(60, 0)
"""
    if os.uname().machine != "x86_64":
        pytest.skip("the number of the exit call is that of x86_64")
    process = spawn(sys.executable, "-c", main_thread_exits)
    assert said(process) == "there"
    entry = entry_of(process.pid)
    assert entry is not None
    assert entry.state == "Z"
    assert not entry.zombie


def test_processes_born_while_the_table_is_read_are_in_it(spawn: Spawn) -> None:
    born: list[subprocess.Popen[str]] = []

    def give_birth() -> None:
        if not born:
            born.append(spawn("sh", "-c", "read _"))

    table = read_table(False, give_birth)
    assert born[0].pid in table


def test_without_descriptors_there_is_no_table_rather_than_one_with_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(*_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("supervisor.kernel.proc_table.os.open", no_more)
    with pytest.raises(OSError, match="Too many"):
        read_table(with_marks=False)
    with pytest.raises(OSError, match="Too many"):
        handle_of(os.getpid())


# ── whose a process is ────────────────────────────────────────────────────────────────────────────────────────────


def process(
    pid: int,
    ppid: int,
    *,
    sid: int = 0,
    ticks: int = 0,
    state: str = "S",
    mark: str | None = None,
    threads: int = 1,
    terminal: int = 0,
) -> Entry:
    return Entry(pid, ppid, sid or pid, ticks or pid, state, threads, 0, mark, terminal)


def tree(
    *entries: Entry,
    root: Handle | None = None,
    last: tuple[Handle, ...] = (),
    foreign: frozenset[int] = frozenset(),
    reaper: Handle | None = None,
) -> set[int]:
    table = Table([process(1, 0), process(SERVER, 1), *entries])
    return members(table, mark=MARK, root=root, last=last, foreign_roots=foreign, own={1, SERVER}, reaper=reaper)


def test_descendants_of_the_first_process_belong_to_it() -> None:
    entries = (process(100, SERVER), process(101, 100), process(102, 101), process(200, SERVER))
    assert tree(*entries, root=Handle(100, 100)) == {100, 101, 102}


def test_another_process_with_the_first_ones_pid_is_left_alone() -> None:
    entries = (process(100, SERVER, ticks=900), process(101, 100), process(102, 1, sid=100, ticks=901))
    assert tree(*entries, root=Handle(100, 100)) == set()


def test_an_escapee_is_known_by_its_mark_and_brings_its_children() -> None:
    entries = (process(300, SERVER, mark=MARK), process(301, 300), process(302, SERVER, mark="0badcafe/api/l0"))
    assert tree(*entries) == {300, 301}


def test_the_session_of_a_dead_first_process_belongs_to_it() -> None:
    entries = (process(150, SERVER, sid=100), process(90, SERVER, sid=100))
    assert tree(*entries, root=Handle(100, 100)) == {150}


def test_a_first_process_with_an_unknown_start_time_must_bear_the_mark() -> None:
    assert tree(process(100, SERVER), process(101, 100), root=Handle(100, 0)) == set()
    assert tree(process(100, SERVER, mark=MARK), process(101, 100), root=Handle(100, 0)) == {100, 101}
    assert tree(process(101, SERVER, sid=100), root=Handle(100, 0)) == {101}


def test_a_process_seen_before_belongs_still_if_it_is_the_same() -> None:
    entries = (process(400, SERVER), process(401, 400), process(500, SERVER))
    assert tree(*entries, last=(Handle(400, 400), Handle(500, 499), Handle(600, 600))) == {400, 401}


def test_zombies_are_left_out_but_not_their_living_threads() -> None:
    entries = (process(100, SERVER, state="Z"), process(101, SERVER, sid=100, state="Z", threads=2))
    assert tree(*entries, root=Handle(100, 100)) == {101}


def test_a_persons_split_that_inherited_the_mark_is_left_alone() -> None:
    entries = (process(100, SERVER, mark=MARK), process(700, SERVER, mark=MARK), process(701, 700, mark=MARK))
    assert tree(*entries, root=Handle(100, 100), foreign=frozenset({700})) == {100}


def test_a_foreign_pane_inside_the_tree_is_left_alone() -> None:
    entries = (process(100, SERVER), process(101, 100), process(102, 101))
    assert tree(*entries, root=Handle(100, 100), foreign=frozenset({101})) == {100}


def test_the_service_and_the_tmux_server_are_never_members_nor_a_way_to_others() -> None:
    table = Table([process(1, 0), process(100, 1), process(SERVER, 100, mark=MARK), process(200, SERVER)])
    found = members(table, mark=MARK, root=Handle(100, 100), last=(), foreign_roots=set(), own={1, SERVER})
    assert found == {100}


def test_a_session_with_the_number_of_a_dead_first_process_is_another_ones_unless_tmux_got_its_orphans() -> None:
    """A person logged in, got the pid, started something in the background, and logged out."""
    background, ours = process(150, 1, sid=100), process(160, SERVER, sid=100)
    found = tree(background, process(151, 150), ours, root=Handle(100, 100), reaper=Handle(SERVER, SERVER))
    assert found == {160}


def test_what_is_older_than_the_tmux_server_was_orphaned_when_that_was_not_there_yet() -> None:
    survivor = process(150, 1, sid=100)
    assert tree(survivor, root=Handle(100, 100), reaper=Handle(SERVER, 900)) == {150}


def test_the_mark_of_another_worker_outweighs_the_session_of_a_dead_first_process() -> None:
    assert tree(process(150, SERVER, sid=100, mark="0badcafe/web/l7"), root=Handle(100, 100)) == set()


@given(
    parents=st.lists(st.integers(0, 30), min_size=30, max_size=30),
    marked=st.sets(st.integers(2, 31)),
    foreign=st.sets(st.integers(2, 31)),
    last=st.sets(st.integers(2, 31)),
)
def test_whatever_the_table_nothing_foreign_is_touched_and_children_follow(
    parents: list[int], marked: set[int], foreign: set[int], last: set[int]
) -> None:
    """Parents can form rings here: a table is not read in one moment."""
    entries = [process(pid, ppid, mark=MARK if pid in marked else None) for pid, ppid in enumerate(parents, 2)]
    table = Table([process(1, 0), *entries])
    seen = tuple(Handle(pid, pid) for pid in last)
    found = members(table, mark=MARK, root=None, last=seen, foreign_roots=foreign, own={1})
    assert not found & (foreign | {1})
    assert found >= {pid for pid in marked | last if not table.below(pid, foreign, {1})}
    assert all(child in found for pid in found for child in table.children[pid] if child not in foreign | {1})


# ── who has escaped ───────────────────────────────────────────────────────────────────────────────────────────────

PTY = 136 << 8
TMUX_FORK = process(200, SERVER, sid=SERVER)  # it has just been forked, and is in tmux's session still
NEW_SESSION = process(201, SERVER)  # a moment later: it leads a session that has no terminal yet
NEW_PANE = process(202, SERVER, terminal=PTY)  # it has not come to its exec, and so to its mark
LEFT = process(300, SERVER, sid=299)  # `env -i setsid` of a process that has ended


def away(
    *entries: Entry,
    leaders: tuple[Handle, ...] = (),
    having_terminal: frozenset[int] = frozenset(),
    since: int = 0,
    foreign: frozenset[int] = frozenset(),
) -> set[int]:
    return escaped(
        Table([process(1, 0), process(SERVER, 1), *entries]),
        is_mark=lambda mark: mark.startswith("0badcafe/api/"),
        leaders=leaders,
        has_terminal=lambda pid: pid in having_terminal,
        since=since,
        reaper=SERVER,
        foreign_roots=foreign,
        own={1, SERVER},
    )


def test_an_orphan_with_the_terminal_or_a_session_of_the_tree_has_escaped_with_its_children() -> None:
    child = process(301, 300)
    assert away(LEFT, child, having_terminal=frozenset({300})) == {300, 301}
    assert away(LEFT, child, leaders=(Handle(299, 250),)) == {300, 301}
    assert away(LEFT, child) == set()


@pytest.mark.parametrize("fresh", [TMUX_FORK, NEW_PANE], ids=["in tmux's session", "with its terminal"])
def test_a_fork_of_tmux_that_has_not_come_to_its_exec_has_not_escaped(fresh: Entry) -> None:
    assert away(fresh, having_terminal=frozenset({fresh.pid})) == set()
    assert away(fresh, leaders=(Handle(fresh.pid, 100),)) == set()


def test_a_session_is_told_from_a_later_one_with_its_number_by_its_leader() -> None:
    assert away(NEW_SESSION, leaders=(Handle(201, 100),)) == set()
    assert away(LEFT, process(299, 1, ticks=280), leaders=(Handle(299, 250),)) == set()
    assert away(LEFT, leaders=(Handle(299, 301),)) == set()


def test_what_bears_the_mark_of_another_worker_is_its_own() -> None:
    other = process(300, SERVER, sid=299, mark="0badcafe/web/l1")
    assert away(other, leaders=(Handle(299, 250),), having_terminal=frozenset({300})) == set()
    assert away(process(300, SERVER, sid=299, mark="0badcafe/api/l0")) == {300}


@given(
    parents=st.lists(st.integers(0, 30), min_size=30, max_size=30),
    sessions=st.lists(st.integers(1, 31), min_size=30, max_size=30),
    marks=st.lists(st.sampled_from([None, "0badcafe/api/l0", "0badcafe/web/l1"]), min_size=30, max_size=30),
    terminals=st.lists(st.sampled_from([0, PTY]), min_size=30, max_size=30),
    leaders=st.sets(st.integers(2, 31)),
)
def test_whatever_the_table_no_pane_no_fork_and_no_other_workers_process_is_accused(
    parents: list[int], sessions: list[int], marks: list[str | None], terminals: list[int], leaders: set[int]
) -> None:
    """All orphans have the terminal open, and each pid has been another process's before. 31 is the tmux server."""
    rows = zip(range(2, 32), parents, sessions, marks, terminals, strict=True)
    table = Table(
        [process(1, 0)]
        + [process(pid, ppid, sid=sid, mark=mark, terminal=tty, ticks=100) for pid, ppid, sid, mark, tty in rows]
    )
    panes = set(table.pane_roots(31))
    found = escaped(
        table,
        is_mark=lambda mark: mark.startswith("0badcafe/api/"),
        leaders=[Handle(pid, 50) for pid in leaders],
        has_terminal=lambda pid: True,
        since=0,
        reaper=31,
        foreign_roots=panes,
        own={1, 31},
    )
    assert not found & (panes | {1, 31})
    alone = {pid for pid in found if table[pid].ppid not in found}
    forks = {pid for pid in alone if table[pid].ppid == 31 and table[pid].sid == table[31].sid}
    assert all(table[pid].mark == "0badcafe/api/l0" for pid in forks)
    assert all(table[pid].mark in (None, "0badcafe/api/l0") for pid in alone)
