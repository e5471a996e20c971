"""libtmux, bounded: it sees the structure, and a tmux server that is stopped costs a deadline and no more."""

import os
import signal
from pathlib import Path

import pytest

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
