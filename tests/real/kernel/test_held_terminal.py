"""A held terminal is told from the next one with its number: against real terminals, and by what the kernel says."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.support import no_descriptors_left

from supervisor.kernel import pidfds
from supervisor.kernel.pidfds import HeldTerminal, has_terminal_of, hold_terminal, is_same, terminal_of
from supervisor.kernel.proc_table import Entry, entry_of

LEADER = "import os, sys, time; os.setsid(); os.open(sys.argv[1], os.O_RDWR); print('there', flush=True); input()"


class Terminal:
    """A terminal and the leader of its session."""

    def __init__(self) -> None:
        self.ends = list(os.openpty())
        self.path = os.ttyname(self.ends[1])
        pipe = subprocess.PIPE
        self.leader = subprocess.Popen([sys.executable, "-c", LEADER, self.path], stdin=pipe, stdout=pipe, text=True)
        assert self.leader.stdout is not None
        assert self.leader.stdout.readline() == "there\n"

    def entry(self) -> Entry:
        entry = entry_of(self.leader.pid)
        assert entry is not None
        return entry

    def hold(self) -> HeldTerminal:
        held = hold_terminal(self.entry())
        assert held is not None
        return held

    def hang_up(self) -> None:
        while self.ends:
            os.close(self.ends.pop())

    def close(self) -> None:
        self.hang_up()
        self.leader.kill()
        self.leader.communicate()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def terminal(stack: ExitStack) -> Terminal:
    terminal = Terminal()
    stack.callback(terminal.close)
    return terminal


def test_who_has_it_open_is_known_before_and_after_it_has_hung_up(terminal: Terminal, stack: ExitStack) -> None:
    held = terminal.hold()
    stack.callback(held.close)
    with subprocess.Popen(["sleep", "1000"], stdin=terminal.ends[1]) as other:
        try:
            os.chmod(terminal.path, 0o600)  # as `mesg n` does
            assert held.is_open_in(other.pid)
            assert held.is_open_in(terminal.leader.pid)
            terminal.hang_up()
            assert held.is_open_in(other.pid)
        finally:
            other.kill()
    assert not held.is_open_in(other.pid)


def test_a_terminal_known_by_its_number_is_the_one_that_was_there_then(terminal: Terminal) -> None:
    number, before = terminal_of(terminal.path), os.stat(terminal.path).st_ctime - 1
    with subprocess.Popen(["sleep", "1000"], stdin=terminal.ends[1]) as other:
        try:
            assert has_terminal_of(other.pid, {number: time.time()})
            assert not has_terminal_of(other.pid, {number: before}), "it was born later: it is of another pane"
            assert not has_terminal_of(other.pid, {number + 1: time.time()})
            terminal.hang_up()
            assert has_terminal_of(other.pid, {number: time.time()})
        finally:
            other.kill()
    assert not has_terminal_of(other.pid, {number: time.time()})


def test_the_next_terminal_with_its_number_is_another_one(stack: ExitStack) -> None:
    for _ in range(50):  # anybody on the machine may be quicker to get the number
        first = Terminal()
        stack.callback(first.close)
        held = first.hold()
        stack.callback(held.close)
        first.close()
        second = Terminal()
        stack.callback(second.close)
        if second.path == first.path:
            assert not held.is_open_in(second.leader.pid)
            again = second.hold()
            stack.callback(again.close)
            assert again.is_open_in(second.leader.pid)
            return
    raise AssertionError("nobody got the number again")


def test_a_process_without_a_terminal_or_with_one_that_hung_up_has_none_to_hold(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, descriptors = terminal.entry(), set(os.listdir("/proc/self/fd"))
    assert hold_terminal(before._replace(terminal=0)) is None
    assert hold_terminal(before._replace(ticks=before.ticks - 1)) is None
    with no_descriptors_left():
        assert hold_terminal(before) is None
    with monkeypatch.context() as patch:
        patch.setattr(pidfds, "entry_of", Mock(side_effect=OSError(24, "Too many open files")))
        assert hold_terminal(before) is None
    assert set(os.listdir("/proc/self/fd")) == descriptors
    terminal.hang_up()
    assert hold_terminal(before) is None


def file(born: int, names: int) -> Any:
    return SimpleNamespace(st_dev=1, st_ino=5, st_rdev=136 << 8, st_ctime_ns=born, st_nlink=names)


@given(born=st.integers(0, 3), later=st.integers(0, 3), hung_up=st.booleans())
def test_two_files_of_one_number_are_the_same_if_neither_birth_nor_name_tells_otherwise(
    born: int, later: int, hung_up: bool
) -> None:
    """A later file exists only when the one before it has lost its name; both can be of one clock tick."""
    assert is_same(file(born, 1), file(born, 0 if hung_up else 1))
    assert not is_same(file(born, 0), file(born + later, 1))
    assert is_same(file(born, 0), file(born + later, 0)) == (later == 0)
