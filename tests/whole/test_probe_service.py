"""Probes on a real service: real panes, sockets, processes, and what people see of them."""

import json
import os
import socket
import subprocess
import sys

from kit.support import DEADLINE, Site, cmdline, wait_until

SLOW = '[supervisor]\nstate_dir = "state"\ncapture_interval = "10m"\nhealth_interval = "10m"\n'


def worker(name: str, command: str, *lines: str) -> str:
    return f"[workers.{name}]\ncommand = {json.dumps(command)}\n" + "".join(f"{line}\n" for line in lines)


def test_a_worker_gets_ready_by_each_kind_of_probe_long_before_the_next_beat(site: Site, free_port: int) -> None:
    """Whoever began it all ignored its children, which the service must not inherit: a failed command would succeed."""
    listen = "import socket, time; s = socket.socket({family}); s.bind({address}); s.listen(9); time.sleep(1000)"
    unix = listen.format(family="socket.AF_UNIX", address="'api.sock'")
    url = f"http://127.0.0.1:{free_port}/"
    site.write(
        worker("unix", f'exec python3 -c "{unix}"', 'ready.unix = "api.sock"')
        + worker("http", f"exec python3 -m http.server {free_port}", f'ready.http = "{url}"')
        + worker("command", "sleep 0.2; touch made; sleep 1000", 'ready.command = ["test", "-e", "made"]')
        + worker("log", "echo booting; sleep 0.3; echo listening on 80; sleep 1000", "ready.log = 'listening on \\d+'")
        + worker("screen", "sleep 0.3; printf 'ready> '; cat", "ready = { screen = '^ready>', timeout = '20s' }")
        + worker("never", "echo no; sleep 1000", "ready = { log = 'yes', timeout = '2s' }", "max_restarts = 0")
        + worker(
            "badly", "sleep 1000", 'ready = { command = "sleep 0.3; exit 1", timeout = "2s" }', "max_restarts = 0"
        ),
        SLOW,
    )
    ignoring = "from signal import *; import os, sys; signal(SIGCHLD, SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    up = [sys.executable, "-c", ignoring, *site.argv("up")]
    done = subprocess.run(up, cwd=site.place, env=site.environment(), capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 1
    states = {name: row["state"] for name, row in site.workers().items()}
    running = dict.fromkeys(["unix", "http", "command", "log", "screen"], "running")
    assert states == running | {"never": "failed", "badly": "failed"}
    assert "its log has no such line" in site.worker("never")["reason"]
    assert "exited with code 1" in site.worker("badly")["reason"]


def test_a_worker_that_is_no_longer_well_is_restarted_or_shown_as_unready_and_left_alone(site: Site) -> None:
    live = 'live = {{ command = "test ! -e sick", grace = "0s", interval = "100ms", {} }}'
    site.write(
        worker("api", "exec sleep 1000", live.format("failures = 2"), 'backoff.initial = "100ms"')
        + worker("told", "exec sleep 1000", live.format('do = "notify"'))
    )
    site.up()
    lives = {name: row["life"] for name, row in site.workers().items()}
    (site.place / "sick").touch()
    wait_until(lambda: site.events("worker.unhealthy", worker="api"))
    wait_until(lambda: site.worker("told")["health"] == "unready")
    said = site.run("why", "told", check=0).stdout
    assert "unready" in said.splitlines()[0]
    assert "not well, told by its command probe: exited with code 1" in said
    (site.place / "sick").unlink()
    wait_until(lambda: site.worker("told")["health"] == "ok")
    wait_until(lambda: site.worker("api")["life"] != lives["api"] and site.worker("api")["state"] == "running")
    (told,) = site.events("worker.unhealthy", life=lives["api"])
    assert (told["kind"], told["failures"], told["from"], told["to"]) == ("command", 2, "running", "backoff")
    assert "exited with code 1 (its command probe), so it was ended" in site.run("why", "api", check=0).stdout
    assert site.worker("told")["life"] == lives["told"]
    for event in ("worker.unhealthy", "worker.healthy"):
        assert len(site.events(event, worker="told")) == 1


def test_what_a_command_probe_leaves_behind_ends_with_the_life_and_a_probe_with_the_service(site: Site) -> None:
    live = 'live = { command = "sleep 997", grace = "0s", interval = "100ms", attempt_timeout = "100s" }'
    site.write(
        worker("left", "exec sleep 1000", 'ready.command = "setsid sleep 998 & sleep 0.3"')
        + worker("api", "exec sleep 1000", live)
    )
    site.up()
    wait_until(lambda: any("998" in cmdline(pid) for pid in site.truth()["left"]))
    wait_until(lambda: any("997" in cmdline(pid) for pid in site.truth()["api"]))
    site.run("stop", "left", check=0)
    assert "left" not in site.truth()
    site.run("down", "--keep-workers", check=0)
    assert [cmdline(pid) for pid in site.truth()["api"]] == ["sleep 1000 "]


def test_no_secret_of_a_probe_is_ever_shown(site: Site) -> None:
    hung = socket.create_server(("127.0.0.1", 0), backlog=128)  # accepts, and never answers
    url = f"http://127.0.0.1:{hung.getsockname()[1]}/health?token=SECRET"
    http = f'{{ url = "{url}", headers = {{ Authorization = "SECRET" }} }}'
    site.write(
        worker("a", "exec sleep 1000", f"live.http = {http}", 'ready.command = "test SECRET"')
        + worker("b", "exec sleep 1000", 'live = { command = ["false", "SECRET"], failures = 1, grace = "0s" }')
    )
    site.up(check=None)
    wait_until(lambda: site.events("worker.unhealthy", worker="b"))
    for asked in ("why a", "why a -o json", "why b -o json", "status -o json", "events"):
        shown = site.run(*asked.split(), check=0)
        assert "SECRET" not in shown.stdout + shown.stderr
    policy = json.loads(site.run("why", "a", "-o", "json", check=0).stdout)["policy"]
    assert (policy["ready"]["kind"], policy["live"]["kind"]) == ("command", "http")
    assert "SECRET" not in site.log_text()
    assert os.path.exists(site.state / "status.json")
    assert "SECRET" not in (site.state / "status.json").read_text()
    hung.close()
