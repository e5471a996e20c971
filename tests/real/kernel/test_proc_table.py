"""The process table: against real processes."""

import os
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from kit.processes import Family

from actors.values.facts import Handle
from supervisor.kernel.proc_table import entry_of, handle_of, lives, read_table, signal_once

MARK = "0badcafe/api/l1"


@pytest.mark.parametrize(
    ("env", "asked_for", "mark"),
    [
        ({"A": "1", "PANEVISOR_WORKER": MARK, "Z": "2"}, True, MARK),
        ({"PANEVISOR_WORKER": MARK}, False, None),
        ({"X_PANEVISOR_WORKER": MARK, "Y": f"PANEVISOR_WORKER={MARK}"}, True, None),
        ({"A": "x" * 100_000, "PANEVISOR_WORKER": MARK}, True, MARK),
    ],
    ids=["among others", "not asked for", "no variable of its own", "behind a large environment"],
)
def test_a_process_is_read_with_its_parent_session_and_mark(
    family: Family, env: Mapping[str, str], asked_for: bool, mark: str | None
) -> None:
    handle = family.start("sh", "-c", "echo there; read _", env=env)
    family.said()
    entry = read_table(with_marks=asked_for)[handle.pid]
    assert (entry.ppid, entry.sid, entry.mark) == (os.getpid(), handle.pid, mark)
    assert (entry.handle, entry.zombie) == (handle, False)


def test_a_name_with_blanks_and_parentheses_confuses_nobody(family: Family, tmp_path: Path) -> None:
    program = tmp_path / "a) R 1 (b"
    shutil.copy(shutil.which("cat") or "/bin/cat", program)
    pid = family.start(str(program)).pid
    family.tell("there")
    assert family.said() == "there"
    entry = entry_of(pid)
    assert entry is not None
    assert (entry.ppid, entry.sid) == (os.getpid(), pid)


def test_a_signal_goes_to_the_very_process_and_not_to_who_has_its_pid_now(family: Family) -> None:
    handle = family.there()
    other = Handle(handle.pid, handle.ticks - 1)
    with pytest.raises(ProcessLookupError):
        signal_once(other, signal.SIGKILL)
    assert (lives(handle), lives(other)) == (True, False)
    signal_once(handle, signal.SIGKILL)
    assert family.started[0].wait() == -signal.SIGKILL


def test_an_ended_process_is_a_zombie_until_it_is_reaped(family: Family) -> None:
    pid = family.start("true").pid
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    entry = read_table(with_marks=True)[pid]
    assert entry.zombie
    assert handle_of(pid) == entry.handle
    assert not lives(entry.handle)
    family.started[0].wait()
    assert pid not in read_table(with_marks=False)
    assert handle_of(pid) is None


def test_a_dead_main_thread_beside_a_living_one_is_no_zombie(family: Family) -> None:
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
    handle = family.start(sys.executable, "-c", main_thread_exits)
    assert family.said() == "there"
    entry = entry_of(handle.pid)
    assert entry is not None
    assert entry.state == "Z"
    assert not entry.zombie


def test_processes_born_while_the_table_is_read_are_in_it(family: Family) -> None:
    born: list[Handle] = []

    def give_birth() -> None:
        if not born:
            born.append(family.shell("read _"))

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
