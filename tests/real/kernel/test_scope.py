"""Which processes are looked at when a tree is ended, on real tmux."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from kit.support import wait_until

from actors.values.facts import Handle
from supervisor.kernel import scope as scopes
from supervisor.kernel.proc_table import Entry, Table, entry_of, handle_of, read_table
from supervisor.kernel.scope import Scope, children_of
from supervisor.tmux.command import argv_of, environment
from supervisor.tmux.server import TmuxServer


def pane(place: Path, name: str, script: str) -> int:
    new = argv_of("new-session", "-d", "-P", "-F", "#{pane_pid}", "-s", name, "--", "sh", "-c", script)
    argv = [*new, "sh", str(place / name)]
    return int(subprocess.run(argv, cwd=place, env=environment(), capture_output=True, text=True, check=True).stdout)


def parent(pid: int) -> int | None:
    entry = entry_of(pid)
    return entry and entry.ppid


def test_only_the_tree_and_what_was_left_to_tmux_is_read(place: Path, tmux_server: TmuxServer) -> None:
    others = [pane(place, f"other{n}", "exec sleep 1000") for n in range(3)]
    leaves = '(setsid sh -c "sleep 1000 & echo \\$\\$ >$1; wait" "$1" &) ; echo started; read _'
    own = pane(place, "own", leaves)
    server = tmux_server.process
    assert server is not None
    wait_until(lambda: (place / "own").exists() and (place / "own").read_text().endswith("\n"))
    orphan = int((place / "own").read_text())
    wait_until(lambda: parent(orphan) == server.pid and children_of(orphan))

    left = [orphan, *children_of(orphan)]
    scope = Scope(server)
    table = read_table(True, listing=lambda: scope.listing([own]))
    assert table.keys() >= {*others, own, orphan}  # at first all children are new
    scope.settle(table)
    found = set(scope.listing([own]))
    assert found == {server.pid, own, *left}
    assert set(scope.listing([])) == found - {own}
    late = pane(place, "late", "exec sleep 1000")
    assert set(scope.listing([own])) == found | {late}
    for pid in left:
        os.kill(pid, signal.SIGKILL)


def test_a_child_that_has_changed_its_place_bears_a_number_again(monkeypatch: pytest.MonkeyPatch) -> None:
    server = handle_of(os.getpid())
    assert server is not None
    children = [11, 12, 13]
    monkeypatch.setattr(scopes, "children_of", lambda pid: list(children) if pid == server.pid else [])
    scope = Scope(server)
    assert set(scope.listing([])) == {server.pid, 11, 12, 13}
    first = Entry(11, ppid=server.pid, sid=11, ticks=1, state="S", threads=1, cpu=0, terminal=5)
    scope.settle(Table(first._replace(pid=pid, sid=pid) for pid in children))
    assert set(scope.listing([])) == {server.pid}
    children[:] = [11, 13, 12]  # 12 has ended, and another process got its number
    assert set(scope.listing([])) == {server.pid, 12}
    children[:] = [13, 12, 14]
    assert set(scope.listing([])) == {server.pid, 12, 14}


def test_who_got_the_number_of_a_pane_while_everything_was_read_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    server = handle_of(os.getpid())
    assert server is not None
    monkeypatch.setattr(scopes, "WIDE", 3)
    monkeypatch.setattr(scopes, "children_of", lambda pid: [11, 12] if pid == server.pid else [])
    scope, pane = Scope(server), Entry(11, ppid=server.pid, sid=11, ticks=1, state="S", threads=1, cpu=0, terminal=5)
    scope.listing([])
    scope.settle(Table([pane, pane._replace(pid=12, sid=12)]))
    assert set(scope.listing([])) == {server.pid}
    scope.listing([21, 22, 23, 24])
    scope.settle(Table([pane, pane._replace(pid=12, sid=12, terminal=0)]))
    assert set(scope.listing([])) == {server.pid, 12}


def test_an_orphan_with_a_session_of_its_own_is_never_taken_for_a_pane(monkeypatch: pytest.MonkeyPatch) -> None:
    server = handle_of(os.getpid())
    assert server is not None
    monkeypatch.setattr(scopes, "children_of", lambda pid: [11] if pid == server.pid else [])
    scope, orphan = Scope(server), Entry(11, ppid=server.pid, sid=11, ticks=1, state="S", threads=1, cpu=0)
    for _ in range(2):
        assert set(scope.listing([])) == {server.pid, 11}
        scope.settle(Table([orphan]))


def test_without_a_server_and_in_a_storm_everything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert os.getpid() in Scope(Handle(2**22 + 1, 1)).listing([])  # above the highest pid
    monkeypatch.setattr(scopes, "WIDE", 3)
    me = handle_of(os.getpid())
    assert me is not None
    started = [subprocess.Popen(["sleep", "1000"]) for _ in range(4)]
    try:
        assert 1 in Scope(me).listing([])
    finally:
        for process in started:
            process.kill()
            process.wait()
