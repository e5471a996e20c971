"""Stops on a real service: consoles that are asked, trees that are ended, and what escapes from them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kit.support import DEADLINE, LEAVES, Site, alive, rows_of, service_inside, sleepers, wait_until

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
DEAF = "import signal, time\nfor n in (2, 15):\n    signal.signal(n, 1)\nprint('ready', flush=True)\ntime.sleep(1000)\n"
READY = 'ready = { log = "^ready" }\n'


def program(site: Site, name: str, source: str) -> str:
    path = site.place / f"{name}.py"
    path.write_text(source)
    return f"[workers.{name}]\ncommand = ['{sys.executable}', '{path}']\n"


def test_consoles_are_asked_before_they_are_signalled_and_nothing_of_a_tree_is_left(site: Site) -> None:
    """One goes when it is asked, one does not listen, one leaves a child behind, one has a child that escapes."""
    asks = 'stop = [{{ keys = ["C-c"] }}, "300ms", {{ text = "exit" }}, "{}", "TERM", "300ms", "KILL"]\n'
    site.write(
        program(site, "console", CONSOLE) + READY + asks.format("20s")
        + program(site, "deaf", DEAF) + READY + asks.format("200ms")
        + "[workers.sh]\ncommand = 'setsid sleep 1000 & read line'\n"
        + 'stop = [{ text = "go" }, "60s", "TERM", "10s", "KILL"]\n'
        + program(site, "escaping", LEAVES)
    )  # fmt: skip
    site.up()
    wait_until(lambda: [len(site.truth().get(name, [])) for name in ("sh", "escaping")] == [2, 2])
    wait_until(lambda: site.worker("escaping")["processes"] == 2)
    site.run("stop", "console", "deaf", "sh", "escaping", check=0)
    assert site.truth() == {}
    assert site.worker("console")["exit_code"] == 0
    assert "interrupted" in site.run("logs", "console", check=0).stdout
    forced = {name: site.events("worker.stopped", worker=name)[0].get("forced") for name in ("console", "deaf", "sh")}
    assert forced == {"console": None, "deaf": True, "sh": None}
    (escaped,) = site.events("worker.escaped", worker="escaping")
    (pid,) = escaped["pids"]
    assert not alive(pid)
    told = site.run("why", "escaping", check=0).stdout
    assert f"had left its process tree unseen, and was ended with it: pid {pid}" in told


def test_down_waits_for_what_has_failed_and_is_still_being_ended(site: Site) -> None:
    becomes = {"never": "failed", "always": "backoff"}
    site.write(
        "".join(
            f"""
[workers.{restart}]
command = "trap '' HUP; trap 'sleep 2; echo x > {site.place}/{restart}; exit 0' TERM; while :; do sleep 0.1; done"
restart = "{restart}"
stop = ["TERM", "30s", "KILL"]
ready = {{ tcp = "127.0.0.1:1", timeout = "1s" }}
"""
            for restart in becomes
        )
    )
    site.up(check=1)
    for restart, state in becomes.items():
        site.wait_state(restart, state)
    site.run("down", check=0)
    assert site.truth() == {}
    assert all((site.place / restart).exists() for restart in becomes)


def test_a_service_that_cannot_end_what_escaped_ends_all_the_same(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> list[int]:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    monkeypatch.setattr("supervisor.service.end_orphans", refused)
    with service_inside(place, sleepers(1), rows_of) as service:
        tmux = service.machine.servers[0].pid
    log = (service.place.state_dir / "service.log").read_text()
    os.kill(tmux, signal.SIGKILL)
    assert '"tmux.not_ended"' in log
    assert '"service.stopped"' in log


def test_a_signal_reloads_a_worker_and_a_second_stop_does_not_wait_for_its_plan(site: Site) -> None:
    script = "trap '' TERM; trap 'echo reloaded' HUP; echo there; while :; do sleep 0.1; done"
    site.write(f'[workers.a]\ncommand = ["sh", "-c", "{script}"]\nstop = ["TERM", "1h", "KILL"]\nready.log = "there"\n')
    site.up()
    said = site.run("signal", "a", "sighup", check=0).stdout
    assert said == "a: HUP was sent to its main process\n"
    wait_until(lambda: "reloaded" in site.run("logs", "a", check=0).stdout)
    assert "INT" in site.run("signal", "a", "INTERRUPT", check=2).stderr
    assert site.run("signal", "a", "28", check=0).stdout == "a: WINCH was sent to its main process\n"
    site.run("stop", "a", "--no-wait", check=0)
    wait_until(lambda: "stop --kill a" in site.run("why", "a", check=0).stdout)
    assert "a is stopping" in site.run("start", "a", "--no-wait", check=0).stderr
    site.run("restart", "--now", "a", check=0)
    assert site.worker("a")["state"] == "running"
    site.run("stop", "a", "--no-wait", check=0)
    assert site.run("stop", "a", check=0).stdout == "a: stopped\n"
    assert "a is stopped" in site.run("signal", "a", "HUP", check=3).stderr
    site.run("start", "a", check=0)
    with subprocess.Popen(site.argv("down"), env=site.environment(), stderr=subprocess.PIPE, text=True) as first:
        site.wait_state("a", "stopping")
        site.run("down", "--now", check=0)
        assert first.wait(DEADLINE) == 0
    assert [hurried["step"] for hurried in site.events("worker.hurried")] == ["KILL"] * 3
