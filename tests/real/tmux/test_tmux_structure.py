"""libtmux, bounded: it sees the structure, and a tmux server that is stopped costs a deadline and no more."""

import os
import signal
from pathlib import Path

import pytest
from kit.support import wait_until

from actors.errors import TerminalUnreachable
from supervisor.tmux.server import TmuxServer
from supervisor.tmux.structure import BoundedServer


def test_peoples_own_windows_are_told_from_ours(place: Path, tmux_server: TmuxServer) -> None:
    server = BoundedServer(place)
    assert server.sessions_of_others() == []
    server.cmd("new-session", "-d", "-s", "mine own", "sleep 60")
    server.cmd("new-session", "-d", "-s", "ours", "sleep 60")
    server.cmd("set-option", "-p", "@panevisor", "{}", target="=ours:")
    assert server.sessions_of_others() == ["mine own"]


def test_a_stopped_tmux_server_costs_a_deadline(place: Path, tmux_server: TmuxServer) -> None:
    os.kill(tmux_server.pid, signal.SIGSTOP)
    try:
        with pytest.raises(TerminalUnreachable):
            BoundedServer(place, timeout=0.2).sessions_of_others()
    finally:
        os.kill(tmux_server.pid, signal.SIGCONT)


def test_a_server_is_never_started_by_asking(place: Path) -> None:
    assert BoundedServer(place).sessions_of_others() == []
    assert not (place / "tmux.sock").exists()


def test_programs_in_panes_end_by_signals_that_python_ignores(place: Path, tmux_server: TmuxServer) -> None:
    BoundedServer(place).cmd("new-session", "-d", f"grep SigIgn /proc/self/status >{place}/told; sleep 60")
    wait_until(lambda: (place / "told").exists() and (place / "told").read_text().endswith("\n"))
    ignored = int((place / "told").read_text().split()[1], 16)
    assert [number for number in (signal.SIGPIPE, signal.SIGXFSZ) if ignored >> (number - 1) & 1] == []
