"""The standing control client, on a real tmux server."""

import subprocess
import sys
from pathlib import Path

from supervisor.tmux_client import ControlClient
from supervisor.tmux_server import TmuxServer
from supervisor.tmux_words import IDLE_SESSION


def test_a_client_is_attached_before_its_first_order_however_busy_the_machine_is(
    place: Path, tmux_server: TmuxServer
) -> None:
    """tmux 3.3a reads a control client's lines before it attaches it: 15 of 40 gave orders without a session."""
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    try:
        sessions = []
        for _ in range(40):
            client = ControlClient(place)
            sessions += [block.text for block in client.run("display-message -p '#{client_session}'")[0]]
            client.close()
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    assert set(sessions) == {IDLE_SESSION}
