"""Secrets on the whole machine: each start reads them anew, they reach the program, and stand nowhere else."""

import os
from pathlib import Path

from kit.support import FAST, Site, cmdline, comes_to, wait_until

CANARY = "canary-8093"
LOUD = FAST + 'log.level = "debug"\n'
WORKERS = """
[workers.api]
command = "test -n \\"$DB_PASSWORD\\" && exec sleep 1000"
secret_files.DB_PASSWORD = "db"
env_command = "./vault"
env_command_timeout = "700ms"
env.PLAIN = "yes"
backoff = ["300ms"]
max_restarts = 1
ready.command = 'printf "$DB_PASSWORD $TOKEN" > checked'
rules = [{ on = "state", states = ["backoff", "failed"], do = [{ run = ["sh", "-c", "cat >> facts; env >> facts"] }] }]

[workers.other]
command = "exec sleep 1000"
"""


def variable(pid: int, name: str) -> str | None:
    entries = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return next((entry.partition("=")[2] for entry in entries if entry.startswith(f"{name}=")), None)


def secrets_of(site: Site) -> tuple[str | None, str | None]:
    pid = site.living("api")
    return variable(pid, "DB_PASSWORD"), variable(pid, "TOKEN")


def vault(site: Site, text: str) -> None:
    file = site.place / "vault"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o700)


def test_each_start_reads_its_secrets_anew_and_they_stand_nowhere_but_in_the_program(site: Site) -> None:
    file = site.place / "db"
    file.write_text(f"{CANARY}-1\n")
    file.chmod(0o600)
    vault(site, f'test "$PLAIN" = yes && echo "TOKEN=\'{CANARY} 2\'"; echo {CANARY}-said >&2')
    site.write(WORKERS, LOUD)
    site.up()
    assert secrets_of(site) == (f"{CANARY}-1", f"{CANARY} 2")
    assert (site.place / "checked").read_text() == f"{CANARY}-1 {CANARY} 2"
    file.write_text(f"{CANARY}-3")
    site.run("restart", "api", check=0)
    assert secrets_of(site) == (f"{CANARY}-3", f"{CANARY} 2")
    other = site.worker("other")["pid"]

    the_old_one_goes_on_with_what_it_has(site)
    what_is_refused_is_said_and_stops_nothing_else(site, file)
    file.write_text(f"{CANARY}-4")
    vault(site, f"echo TOKEN={CANARY}-5")
    site.run("start", "api", check=0)
    assert secrets_of(site) == (f"{CANARY}-4", f"{CANARY}-5")
    assert site.worker("other")["pid"] == other
    wait_until(lambda: (site.place / "facts").exists() and "no_secrets" not in (site.place / "facts").read_text())
    stands_nowhere(site)


def the_old_one_goes_on_with_what_it_has(site: Site) -> None:
    """Another service adopts the worker: nothing is read for it, its check has what it has."""
    before, reads = secrets_of(site), site.place / "checked"
    reads.unlink()
    site.kill_service()
    site.up()
    assert secrets_of(site) == before


def what_is_refused_is_said_and_stops_nothing_else(site: Site, file: Path) -> None:
    vault(site, "exec sleep 1000")
    site.run("restart", "api", check=None)
    refused = site.wait_state("api", "failed")
    said = "env_command has not ended within 0.7s; what it prints is not kept: run it by hand to see why"
    assert refused["reason"] == f"{said}; 1 restart without a healthy life of 1m: budget spent"
    assert site.events("worker.no_secrets")[0]["reason"] == said
    assert f"not started: {said} (restart 1 of 1, after a pause of" in site.run("why", "api").stdout
    vault(site, f"echo TOKEN={CANARY}; echo {CANARY} alone")
    site.run("start", "api", check=None)
    said = "env_command has printed text whose line 2 is not NAME=value, or has a quote that does not close"
    comes_to(lambda: site.wait_state("api", "failed")["reason"].partition(";")[0], said)
    file.unlink()
    vault(site, f"echo TOKEN={CANARY}")
    site.run("start", "api", check=None)
    said = f'secret_files.DB_PASSWORD names "{file}", and there is no such file (looked for {file})'
    comes_to(lambda: site.wait_state("api", "failed")["reason"].partition(";")[0], said)


def stands_nowhere(site: Site) -> None:
    ours = {site.place / name for name in ("db", "vault", "checked")}
    files = [path for path in site.place.rglob("*") if path.is_file() and path not in ours]
    assert [str(path) for path in files if CANARY.encode() in path.read_bytes()] == []
    assert site.state in {parent for path in files for parent in path.parents}
    pids = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdecimal()]
    assert [pid for pid in pids if CANARY in cmdline(pid)] == []
    of_tmux = ["show-environment -g", "show-environment -t =api", "show-messages", "show-options -g", "list-buffers"]
    of_tmux += ["list-panes -aF #{pane_start_command}#{pane_title}#{@panevisor}", "list-sessions", "show-hooks -g"]
    asked = [site.tmux(*order.split()) for order in of_tmux]
    verbs = [
        "status",
        "status -o json",
        "why api",
        "deaths api",
        "events -n 500",
        "plan",
        "check",
        "doctor",
        "logs api",
    ]
    asked += [done.stdout + done.stderr for verb in verbs if (done := site.run(*verb.split()))]
    assert all(CANARY not in said for said in asked)
    assert [variable(pid, "TOKEN") for pid in (site.service_pid(), site.tmux_pid())] == [None, None]


def test_a_stop_does_not_wait_for_a_command_that_hangs(site: Site) -> None:
    worker = '[workers.api]\ncommand = "exec sleep 1000"\nenv_command_timeout = "1h"\n'
    site.write(f"{worker}env_command = 'echo $$ > pid; exec sleep 1000'\n")
    site.run("up", "--timeout", "1s", check=None)
    pid = site.place / "pid"
    wait_until(lambda: pid.exists() and pid.read_text())
    site.run("stop", "api", check=0)
    assert site.worker("api")["state"] == "stopped"
    wait_until(lambda: not os.path.exists(f"/proc/{pid.read_text().strip()}"))


def test_a_secret_file_that_everybody_may_read_is_told_of_once(site: Site) -> None:
    file = site.place / "db"
    file.write_text("x")
    file.chmod(0o644)
    site.write('[workers.api]\ncommand = "exec sleep 1000"\nsecret_files.DB_PASSWORD = "db"\n')
    assert f"warning: api: everybody on this machine may read {file}" in site.run("check", check=0).stdout
    site.up()
    site.run("restart", "api", check=0)
    assert [entry["files"] for entry in site.events("worker.secrets_open")] == [[str(file)]]
