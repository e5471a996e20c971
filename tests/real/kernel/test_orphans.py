"""What has escaped to the tmux server when it ends: found by its parent, and told from panes, helpers and forks."""

import contextlib
import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
from kit.support import alive, wait_until

from actors.values.facts import Handle
from supervisor.kernel import orphans
from supervisor.kernel.orphans import end_orphans
from supervisor.kernel.proc_table import Entry, Table, entry_of, handle_of, signal_once
from supervisor.tmux.command import batch
from supervisor.tmux.server import TmuxServer


def test_an_orphan_of_another_user_is_left_and_keeps_no_other_one_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell stands for the tmux server: who is in its own session is a helper of it."""
    script = "setsid sleep 1000 & echo $!; setsid sleep 1000 & echo $!; sleep 1000 & echo $!; wait"
    with subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        others, ours, helper = (int(parent.stdout.readline()) for _ in range(3))
        server = handle_of(parent.pid)
        assert server is not None

        def refused(process: Handle, number: signal.Signals) -> None:
            if process.pid == others:
                raise PermissionError(1, "Operation not permitted")
            signal_once(process, number)

        try:
            wait_until(lambda: all(os.getsid(pid) == pid for pid in (others, ours)))
            with monkeypatch.context() as another_user:
                another_user.setattr(orphans, "signal_once", refused)
                assert end_orphans(Handle(server.pid, server.ticks - 1)) == []
                assert end_orphans(server) == [ours]
            assert (alive(others), alive(ours), alive(helper)) == (True, False, True)
        finally:
            for pid in filter(alive, (others, ours, helper)):
                os.kill(pid, signal.SIGKILL)


def test_at_down_a_new_window_is_no_orphan_and_the_name_of_a_program_proves_nothing(
    place: Path, tmux_server: TmuxServer
) -> None:
    """`sleep infinity` keeps the idle session, and `split` is what logs go through; a worker may use both."""
    assert tmux_server.process is not None
    written = place / "left"
    script = f"env -i setsid sleep infinity & echo $! >{written}; exec sleep 1000"
    window = int(batch(place, f"new-window -d -P -F '#{{pane_pid}}' -t =_panevisor: -- sh -c {shlex.quote(script)}\n"))
    wait_until(lambda: written.exists() and written.read_text().endswith("\n"))
    left = int(written.read_text())
    wait_until(lambda: Path(f"/proc/{left}/cmdline").read_bytes().startswith(b"sleep"))
    os.kill(window, signal.SIGKILL)
    wait_until(lambda: (entry := entry_of(left)) is not None and entry.ppid == tmux_server.pid)
    other = int(batch(place, "new-window -d -P -F '#{pane_pid}' -t =_panevisor: -- sleep 1000\n"))
    assert end_orphans(tmux_server.process) == [left]
    assert (alive(left), alive(other)) == (False, True)


def test_at_down_a_fork_of_tmux_that_has_no_terminal_yet_is_no_orphan(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine it can stand between its own session and its terminal for as long as two looks take."""
    with contextlib.ExitStack() as started:

        def start(*argv: str) -> Handle:
            child = started.enter_context(subprocess.Popen(argv))
            started.callback(child.kill)
            wait_until(lambda: Path(f"/proc/{child.pid}/cmdline").read_bytes().startswith(b"sleep"))
            return handle_of(child.pid) or Handle(0, 0)

        server, fork, left = start("sleep", "1001"), start("sleep", "1001"), start("sleep", "1002")
        monkeypatch.setattr("supervisor.kernel.orphans.orphans", lambda table, server: {fork, left})
        assert end_orphans(server) == [left.pid]
        assert alive(fork.pid)


def process(pid: int, ppid: int, *, sid: int = 0, terminal: int = 0) -> Entry:
    return Entry(pid, ppid, sid or pid, pid, "S", 1, 0, None, terminal)


def test_panes_and_what_is_in_tmux_s_session_are_no_orphans_nor_is_anything_of_another_server() -> None:
    pane, child = process(60, 50, terminal=9), process(61, 60, sid=60, terminal=9)
    fork, orphan, its_child = process(70, 50, sid=49), process(80, 50), process(81, 80)
    table = Table([process(50, 1, sid=49), pane, child, fork, orphan, its_child])
    assert orphans.orphans(table, Handle(50, 50)) == {Handle(80, 80), Handle(81, 81)}
    assert orphans.orphans(table, Handle(50, 49)) == set()
