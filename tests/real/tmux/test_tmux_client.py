"""The standing control client, on a real tmux server."""

import subprocess
import sys
import threading
from pathlib import Path

from kit.support import wait_until

from actors.values.effects import Type
from supervisor.kernel.proc_table import lives
from supervisor.state.place import TMUX_CONF
from supervisor.tmux.client import ControlClient
from supervisor.tmux.server import TmuxServer
from supervisor.tmux.words import MARK_OPTION, TYPED, type_into, words


def test_a_client_is_attached_before_its_first_order_however_busy_the_machine_is(
    place: Path, tmux_server: TmuxServer
) -> None:
    """tmux 3.3a reads a client's lines before it attaches it, and then starts programs with the client's PATH."""
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    other = ControlClient(place)
    other.run("display-message -p x")  # tmux would answer for this one
    try:
        paths = [path_of_a_start(place, number) for number in range(40)]
    finally:
        other.close()
        for burner in burners:
            burner.kill()
            burner.wait()
    assert paths == ["/its/own"] * 40


def path_of_a_start(place: Path, number: int) -> str:
    """Return the PATH of a program that a fresh client starts with a PATH of its own."""
    client, told = ControlClient(place), place / f"path{number}"
    line = words("new-session", "-d", "-e", "PATH=/its/own", "--", "/bin/sh", "-c", f'echo "$PATH" > {told}')
    client.run(line)
    client.close()
    wait_until(lambda: told.exists() and told.read_text())
    return told.read_text().strip()


def test_a_client_attaches_while_nothing_is_ordered(place: Path, tmux_server: TmuxServer) -> None:
    """tmux 3.3a crashes when it tells a client of a new session that has not attached yet: most times within a few."""
    maker, over = ControlClient(place), threading.Event()

    def make_sessions() -> None:
        while not over.is_set():
            maker.run("new-session -d -s made 'sleep 1000' ; kill-session -t =made")

    making = threading.Thread(target=make_sessions)
    making.start()
    try:
        for _ in range(30):
            client = ControlClient(place)
            client.run("display-message -p x")
            client.close()
    finally:
        over.set()
        making.join()
        maker.close()
    assert tmux_server.process is not None
    assert lives(tmux_server.process)


def test_a_server_begins_on_a_full_disk_with_the_conf_that_is_there(place: Path, tmux_server: TmuxServer) -> None:
    conf = place / TMUX_CONF
    conf.chmod(0o400)
    before = conf.stat().st_mtime_ns
    tmux_server.end()
    tmux_server.ensure()
    assert conf.stat().st_mtime_ns == before


def test_typing_is_guarded_against_a_dead_pane_and_another_life(place: Path, tmux_server: TmuxServer) -> None:
    client = ControlClient(place)
    (((pane,),),) = [[[b.text for b in client.run("new-session -d -P -F '#{pane_id}' 'exec sleep 100'")[0]]]]
    client.run(words("set-option", "-p", "-t", pane, MARK_OPTION, '{"life": "abc-1"}'))

    def said(life: str) -> list[str]:
        return [block.text for block in client.run(type_into(Type(life, 1, pane, b"x", (), if_taken=False)))[0]]

    assert TYPED in said("abc-1")
    assert said("abc-2") == ["invalid option: not-typed"]
    client.run(f"set-option -g remain-on-exit on ; respawn-pane -k -t {pane} 'exit 0'")
    wait_until(lambda: client.run(f"display-message -p -t {pane} '#{{pane_dead}}'")[0][0].text == "1")
    assert said("abc-1") == ["invalid option: not-typed"]
    client.close()
