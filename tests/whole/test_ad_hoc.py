"""Workers that are in no file: run, completed, removed; they survive the service and leave nothing behind."""

import os
from pathlib import Path

import pytest
from kit.support import Site, alive, wait_until

SLEEPER = 'command = ["sleep", "1000"]\n'


def environ(site: Site, name: str) -> set[str]:
    return set(Path(f"/proc/{site.worker(name)['pid']}/environ").read_bytes().decode().split("\0"))


def test_run_takes_folder_path_variables_env_file_and_settings_of_the_caller_and_says_what_it_refuses(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write(f"[workers.a]\n{SLEEPER}")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("KEPT", "first")
    site.up()
    monkeypatch.setenv("KEPT", "second")
    monkeypatch.setenv("PATH", f"{site.place}/bin:{os.environ['PATH']}")
    tool = site.place / "bin" / "tool"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\necho "$PWD $GIVEN $PASSED"\nsleep 1000\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PASSED", "passed on")
    done = site.run("run", "--name", "job", "-p", "p", "-e", "GIVEN=a b", "-e", "PASSED", "--", "tool", check=0)
    assert done.stdout.startswith("job: running (pid ")
    told = "of this shell's environment it has PATH alone: with another KEPT (-e NAME passes one on, -E all)"
    assert f"job: {told}" in done.stderr
    wait_until(lambda: site.run("logs", "job", check=0).stdout == f"{site.place} a b passed on\n")
    assert site.worker("job")["project"] == "p"

    (site.place / "job.env").write_text("TOKEN=of-the-file\n")
    site.run("run", "--name", "secret", "--env-file", "job.env", "--", "/bin/sleep", "1000", check=0)
    assert "TOKEN=of-the-file" in environ(site, "secret")

    of_table = ("--set", 'env = { PATH = "/set", A = "set", B = "set" }', "--set", 'labels = { x = "set", y = "set" }')
    site.run("run", "--name", "set", *of_table, "-e", "B=option", "-l", "y=option", "--", "/bin/sleep", "1000", check=0)
    assert {"PATH=/set", "A=set", "B=option", "KEPT=first"} <= environ(site, "set")
    assert site.run("run", "--name", "all", "-E", "--", "/bin/sleep", "1000", check=0).stderr == ""
    assert "KEPT=second" in environ(site, "all")
    assert [entry for name in ("a", "all") for entry in environ(site, name) if entry.startswith("COLUMNS")] == []
    assert (
        "a: KEPT, PATH are the old ones, not this shell's: set it by `env`" in site.run("restart", "a", check=0).stderr
    )
    assert site.worker("set")["labels"] == {"x": "set", "y": "option"}

    for name, options, code, said in (
        ("a", (), 9, "panevisor remove a"),
        ("a b", (), 2, "a b"),
        ("x", ("--set", "ready.tcp='y'"), 2, "ready.tcp"),
        ("x", ("--set", 'command = ["true"]'), 2, "command cannot be set"),
        ("x", ("--set", 'cwd = "/"'), 2, "cwd cannot be set"),
        ("x", ("--set", "env = 1"), 2, "env must be"),
        ("x", ("-e", "TMUX=1"), 2, "env.TMUX is never set"),
    ):
        assert said in site.run("run", "--name", name, *options, "--", "true", check=code).stderr
    assert set(site.workers()) == {"a", "all", "job", "secret", "set"}
    shown = site.log_text() + str(site.status())
    assert [word for word in ("GIVEN", "of-the-file") if word in shown] == []


def test_what_run_started_outlives_the_service_and_what_was_removed_or_completed_leaves_nothing(site: Site) -> None:
    site.write(
        f"[workers.p]\n{SLEEPER}protected = true\n"
        f'[workers.brief]\n{SLEEPER}cleanup_after = "700ms"\nrestart = "always"\n'
    )
    site.up()
    site.run("run", "--name", "job", "--", "sh", "-c", "echo hello; sleep 1000 & sleep 1000", check=0)
    site.run("run", "--name", "done", "--restart", "never", "--", "true", check=0)
    wait_until(lambda: list((site.state / "logs").glob("job*")))
    pid = site.worker("job")["pid"]
    site.kill_service()
    site.up()
    assert site.worker("job")["pid"] == pid
    site.wait_state("done", "completed")
    site.config.write_text(site.config.read_text() + f"[workers.b]\n{SLEEPER}")
    site.run("apply", check=0)
    assert site.worker("job")["pid"] == pid
    assert set(site.workers()) == {"p", "brief", "b", "job", "done"}

    for verb in ("stop", "complete", "remove"):
        assert "protected: p" in site.run(verb, "--all", check=6).stderr
    assert {w["state"] for name, w in site.workers().items() if name != "done"} == {"running"}
    site.run("restart", "p", check=0)  # which ends it for a moment only
    site.run("stop", "p", "--force", check=0)
    site.wait_state("p", "stopped")

    assert site.run("remove", "job", check=0).stdout == "job: removed\n"
    assert "job" not in site.workers()
    assert "job" not in site.truth()
    assert "job" not in panes(site)
    wait_until(lambda: not list((site.state / "logs").glob("*job*")))
    site.run("run", "--name", "job", "--", "sh", "-c", "echo two; sleep 1000", check=0)
    wait_until(lambda: site.run("logs", "job").stdout == "two\n")  # nobody's logs are shown as another one's

    pid = site.worker("brief")["pid"]
    assert site.run("complete", "brief", check=0).stdout.startswith("brief: completed")
    assert not alive(pid)
    wait_until(lambda: "brief" not in panes(site))
    wait_until(lambda: site.worker("brief")["pane"] is None)
    site.kill_service()
    site.up()
    site.wait_state("brief", "completed")
    site.run("start", "brief", check=0)


def panes(site: Site) -> list[str]:
    return site.tmux("list-sessions", "-F", "#{session_name}").split()


def test_over_the_cap_they_wait_in_order_and_none_is_lost(site: Site) -> None:
    site.write("".join(f"[workers.w{n}]\n{SLEEPER}" for n in range(5)), SMALL)
    site.up(check=1)
    states = {name: w["state"] for name, w in site.workers().items()}
    assert states == {"w0": "running", "w1": "running", "w2": "pending", "w3": "pending", "w4": "pending"}
    assert site.worker("w2")["reason"].startswith("capacity")
    site.run("restart", "w0", check=0)  # it keeps its place
    site.run("stop", "w0", check=0)
    site.wait_state("w2", "running")
    site.run("start", "w0", "--no-wait", check=0)  # and now it waits behind the others
    site.run("complete", "w1", check=0)
    site.wait_state("w3", "running")
    site.run("remove", "w2", check=0)
    site.wait_state("w4", "running")
    site.wait_state("w0", "pending")
    site.run("stop", "w3", check=0)
    site.wait_state("w0", "running")


SMALL = '[supervisor]\nstate_dir = "state"\ncapture_interval = "200ms"\nhealth_interval = "500ms"\nmax_workers = 2\n'


def test_stop_ends_dependants_first_and_a_person_can_choose_by_glob_project_and_label(site: Site) -> None:
    slow = "command = \"trap 'sleep 0.3; exit 0' TERM; while :; do sleep 0.05; done\"\nproject = 'shop'\n"
    site.write(
        f"[workers.db]\n{slow}labels = {{ tier = 'data' }}\n[workers.app]\n{slow}depends_on = ['db']\n"
        f"[workers.web]\n{slow}depends_on = ['app']\n[workers.other]\n{SLEEPER}"
    )
    site.up()
    site.run("stop", "-p", "shop", check=0)
    ended = [(line["worker"], line["to"]) for line in site.events() if line.get("to") in ("stopping", "stopped")]
    assert ended == [(name, to) for name in ("web", "app", "db") for to in ("stopping", "stopped")]
    site.wait_state("other", "running")
    site.run("start", "-l", "tier=data", check=0)
    site.wait_state("app", "stopped")
    site.run("start", "[aw]*", check=0)
    assert {w["state"] for w in site.workers().values()} == {"running"}
