"""Stops on a real service: consoles that are asked, trees that are ended, and what escapes from them."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kit.support import LEAVES, Site, alive, rows_of, service_inside, sleepers, wait_until

from actors.values.facts import Handle
from supervisor.kernel import orphans
from supervisor.kernel.orphans import end_orphans
from supervisor.kernel.proc_table import Entry, Table, entry_of, handle_of, signal_once
from supervisor.tmux.command import batch
from supervisor.tmux.server import TmuxServer

CONSOLE = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(15))
print("ready", flush=True)
while True:
    try:
        line = input("> ")
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        continue
    if line == "exit":
        sys.exit(0)
"""


def program(site: Site, name: str, source: str) -> str:
    path = site.place / f"{name}.py"
    path.write_text(source)
    return f"command = ['{sys.executable}', '{path}']\n"


def test_a_console_is_asked_with_keys_and_text_and_goes_by_itself(site: Site) -> None:
    console = program(site, "console", CONSOLE)
    plan = 'stop = [{ keys = ["C-c"] }, "300ms", { text = "exit" }, "20s", "TERM", "10s", "KILL"]\n'
    site.write(f"[workers.console]\n{console}{plan}ready = {{ delay = '500ms' }}\n")
    site.up()
    site.run("stop", "console", check=0)
    assert site.worker("console")["exit_code"] == 0
    assert "interrupted" in site.run("logs", "console", check=0).stdout
    assert site.truth() == {}
    assert "forced" not in site.events("worker.stopped", worker="console")[0]


def test_what_a_console_leaves_behind_is_ended_at_once(site: Site) -> None:
    site.write(
        "[workers.sh]\ncommand = 'setsid sleep 1000 & read line'\n"
        'stop = [{ text = "go" }, "60s", "TERM", "10s", "KILL"]\n'
    )
    site.up()
    wait_until(lambda: len(site.truth().get("sh", [])) == 2)
    site.run("stop", "sh", check=0)
    assert site.truth() == {}


def test_a_console_that_does_not_listen_is_signalled_when_the_asking_is_over(site: Site) -> None:
    plan = 'stop = [{ keys = ["C-c"] }, "200ms", { text = "exit" }, "200ms", "TERM", "300ms", "KILL"]\n'
    deaf = program(site, "deaf", "import signal, time\nfor n in (2, 15):\n    signal.signal(n, 1)\ntime.sleep(1000)\n")
    site.write(f"[workers.deaf]\n{deaf}{plan}ready = {{ delay = '500ms' }}\n")
    site.up()
    site.run("stop", "deaf", check=0)
    assert site.events("worker.stopped", worker="deaf")[0]["forced"] is True
    assert site.truth() == {}


def test_what_escapes_at_a_stop_is_ended_and_named_in_the_log_and_in_why(site: Site) -> None:
    site.write(f"[workers.e]\n{program(site, 'escaping', LEAVES)}")
    site.up()
    wait_until(lambda: len(site.truth().get("e", [])) == 2)
    wait_until(lambda: site.worker("e")["processes"] == 2)
    site.run("stop", "e", check=0)
    (escaped,) = site.events("worker.escaped", worker="e")
    (pid,) = escaped["pids"]
    assert not alive(pid)
    assert f"had left its process tree unseen, and was ended with it: pid {pid}" in site.run("why", "e", check=0).stdout


@pytest.mark.parametrize("restart", ["never", "always"])
def test_down_waits_for_what_has_failed_and_is_still_being_ended(site: Site, restart: str) -> None:
    cleaned = site.place / "cleaned"
    site.write(f"""
[workers.a]
command = "trap '' HUP; trap 'sleep 2; echo x > {cleaned}; exit 0' TERM; while :; do sleep 0.1; done"
restart = "{restart}"
stop = ["TERM", "8s", "KILL"]
ready = {{ tcp = "127.0.0.1:1", timeout = "1s" }}
""")
    site.up(check=1)
    site.wait_state("a", "failed" if restart == "never" else "backoff")
    site.run("down", check=0)
    assert site.truth() == {}
    assert cleaned.exists()


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


def test_a_service_that_cannot_end_what_escaped_ends_all_the_same(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> list[int]:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    monkeypatch.setattr("supervisor.service.end_orphans", refused)
    with service_inside(place, sleepers(1), rows_of) as service:
        tmux = service.machine.server.pid
    log = (service.place.state_dir / "service.log").read_text()
    os.kill(tmux, signal.SIGKILL)
    assert '"tmux.not_ended"' in log
    assert '"service.stopped"' in log
