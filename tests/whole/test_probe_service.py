"""Probes on a real service: real panes, sockets, processes, and what people see of them."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from kit.support import DEADLINE, FAST, Site, marked_processes, wait_until


@pytest.fixture
def hung() -> Iterator[str]:
    """The URL of a server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/health"


def worker(name: str, command: str, *lines: str) -> str:
    return f"[workers.{name}]\ncommand = {json.dumps(command)}\n" + "".join(f"{line}\n" for line in lines)


def test_a_worker_gets_ready_by_each_kind_of_probe(site: Site) -> None:
    listen = "import socket, time; s = socket.socket({family}); s.bind({address}); s.listen(9); time.sleep(1000)"
    unix = listen.format(family="socket.AF_UNIX", address="'api.sock'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    site.write(
        worker("unix", f'exec python3 -c "{unix}"', 'ready.unix = "api.sock"')
        + worker("http", f"exec python3 -m http.server {port}", f'ready.http = "http://127.0.0.1:{port}/"')
        + worker("command", "sleep 0.2; touch made; sleep 1000", 'ready.command = ["test", "-e", "made"]')
        + worker("log", "echo booting; sleep 0.3; echo listening on 80; sleep 1000", "ready.log = 'listening on \\d+'")
        + worker("screen", "sleep 0.3; printf 'ready> '; cat", "ready = { screen = '^ready>', timeout = '20s' }")
        + worker("never", "echo no; sleep 1000", "ready = { log = 'yes', timeout = '2s' }", "max_restarts = 0"),
    )
    site.up(check=1)
    states = {name: row["state"] for name, row in site.workers().items()}
    running = dict.fromkeys(["unix", "http", "command", "log", "screen"], "running")
    assert states == running | {"never": "failed"}
    assert "its log has no such line" in site.worker("never")["reason"]


def test_a_screen_gets_a_starting_worker_ready_long_before_the_next_capture_beat(site: Site) -> None:
    slow = '[supervisor]\nstate_dir = "state"\ncapture_interval = "10m"\nhealth_interval = "10m"\n'
    site.write(worker("repl", "sleep 0.3; printf 'ready> '; cat", "ready.screen = '^ready>'"), slow)
    site.up("--timeout", "100s")
    assert site.events("worker.ready", worker="repl")


def test_a_command_that_fails_is_no_success_though_whoever_began_it_all_ignored_its_children(site: Site) -> None:
    site.write(
        worker("w", "sleep 1000", 'ready = { command = "sleep 0.3; exit 1", timeout = "2s" }', "max_restarts = 0")
    )
    ignoring = "from signal import *; import os, sys; signal(SIGCHLD, SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    up = [sys.executable, "-c", ignoring, *site.argv("up")]
    done = subprocess.run(up, cwd=site.place, env=site.environment(), capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 1
    assert "exited with code 1" in site.worker("w")["reason"]


def test_hung_probes_delay_no_beat_and_no_other_probe(site: Site, hung: str) -> None:
    often = 'interval = "200ms", attempt_timeout = "30s"'
    site.write(
        "".join(
            worker(f"h{n}", "exec sleep 1000", f'live = {{ http = "{hung}", grace = "0s", {often} }}') for n in range(8)
        )
        + "".join(
            worker(f"c{n}", "exec sleep 1000", f'live = {{ command = "sleep 999", grace = "0s", {often} }}')
            for n in range(8)
        ),
        FAST.replace("200ms", "1s").replace("500ms", "2s"),
    )
    site.up()
    wait_until(lambda: sum("sleep\x00999" in argv(pid) for pid, _ in marked_processes()) >= 8)
    before = site.status()["supervisor"]
    wait_until(lambda: site.status()["supervisor"]["tick"] >= before["tick"] + 15)
    after = site.status()["supervisor"]
    assert (after["overruns"] - before["overruns"], after["degraded"]) == (0, [])
    good = worker("good", "touch ok; sleep 1000", 'ready.command = ["test", "-e", "ok"]')
    site.config.write_text(site.config.read_text() + good)
    site.up("--timeout", "100s")
    site.wait_state("good", "running")
    site.run("stop", "--all", check=0)
    assert site.truth() == {}


def argv(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read()
    except OSError:
        return ""


def test_a_worker_that_is_no_longer_well_is_restarted(site: Site) -> None:
    live = 'live = { command = ["test", "!", "-e", "sick"], grace = "0s", interval = "100ms", failures = 2 }'
    site.write(worker("api", "exec sleep 1000", live, 'backoff.initial = "100ms"'))
    site.up()
    first = site.worker("api")["life"]
    (site.place / "sick").touch()
    wait_until(lambda: site.events("worker.unhealthy"))
    (site.place / "sick").unlink()
    wait_until(lambda: site.worker("api")["life"] != first and site.worker("api")["state"] == "running")
    (told,) = site.events("worker.unhealthy", life=first)
    assert (told["kind"], told["failures"], told["from"], told["to"]) == ("command", 2, "running", "backoff")
    assert "exited with code 1 (its command probe), so it was ended" in site.run("why", "api", check=0).stdout


def test_with_notify_it_is_shown_as_unready_and_left_alone(site: Site) -> None:
    live = 'live = { command = "test ! -e sick", grace = "0s", interval = "100ms", do = "notify" }'
    site.write(worker("api", "exec sleep 1000", live))
    site.up()
    life = site.worker("api")["life"]
    (site.place / "sick").touch()
    wait_until(lambda: site.worker("api")["health"] == "unready")
    said = site.run("why", "api", check=0).stdout
    assert "unready" in said.splitlines()[0]
    assert "not well, told by its command probe: exited with code 1" in said
    (site.place / "sick").unlink()
    wait_until(lambda: site.worker("api")["health"] == "ok")
    assert site.worker("api")["life"] == life
    assert len(site.events("worker.unhealthy")) == len(site.events("worker.healthy")) == 1


def test_what_a_command_probe_leaves_behind_ends_with_the_life(site: Site) -> None:
    site.write(worker("api", "exec sleep 1000", 'ready.command = "setsid sleep 998 & sleep 0.3"'))
    site.up()
    wait_until(lambda: any("998" in argv(pid) for pid in site.truth()["api"]))
    site.run("stop", "api", check=0)
    assert site.truth() == {}


def test_the_service_ends_with_no_probe_left(site: Site) -> None:
    live = 'live = { command = "sleep 997", grace = "0s", interval = "100ms", attempt_timeout = "100s" }'
    site.write(worker("api", "exec sleep 1000", live))
    site.up()
    wait_until(lambda: any("997" in argv(pid) for pid in site.truth()["api"]))
    site.run("down", "--keep-workers", check=0)
    assert [argv(pid) for pid in site.truth()["api"]] == ["sleep\x001000\x00"]


def test_no_secret_of_a_probe_is_ever_shown(site: Site, hung: str) -> None:
    http = f'{{ url = "{hung}?token=SECRET", headers = {{ Authorization = "SECRET" }} }}'
    site.write(
        worker("a", "exec sleep 1000", f"live.http = {http}", 'ready.command = "test SECRET"')
        + worker("b", "exec sleep 1000", 'live = { command = ["false", "SECRET"], failures = 1, grace = "0s" }')
    )
    site.up(check=None)
    wait_until(lambda: site.events("worker.unhealthy", worker="b"))
    for asked in (
        ["why", "a"],
        ["why", "a", "-o", "json"],
        ["why", "b", "-o", "json"],
        ["status", "-o", "json"],
        ["events"],
    ):
        shown: subprocess.CompletedProcess[str] = site.run(*asked, check=0)
        assert "SECRET" not in shown.stdout + shown.stderr
    policy = json.loads(site.run("why", "a", "-o", "json", check=0).stdout)["policy"]
    assert (policy["ready"]["kind"], policy["live"]["kind"]) == ("command", "http")
    assert "SECRET" not in site.log_text()
    assert os.path.exists(site.state / "status.json")
    assert "SECRET" not in (site.state / "status.json").read_text()


def test_every_pane_is_captured_whatever_its_number(site: Site) -> None:
    """display-message reads "%3" as a date, and pads it: panes from the third on had no screen."""
    site.write("".join(worker(f"w{n}", f"echo hello{n}; exec sleep 1000") for n in range(12)))
    site.up()
    wait_until(lambda: all(row["screen_bytes"] for row in site.workers().values()))
