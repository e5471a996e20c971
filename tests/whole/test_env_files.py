"""Env files on the whole machine: a changed value is seen, applied when asked, and shown nowhere."""

import subprocess
from pathlib import Path

import pytest
from kit.support import Site, cmdline, marked_processes, wait_until

SLEEPER = 'command = ["sleep", "1000"]\n'
WORKERS = f"[workers.a]\n{SLEEPER}env_file = 'a.env'\n[workers.b]\n{SLEEPER}"


def variable(pid: int, name: str) -> str | None:
    entries = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return next((entry.partition("=")[2] for entry in entries if entry.startswith(f"{name}=")), None)


def changed_on_disk(site: Site) -> bool:
    return site.status()["supervisor"]["config"]["changed_on_disk"]


def test_a_changed_env_file_is_shown_and_replaces_only_its_worker_when_applied(site: Site) -> None:
    (site.place / "a.env").write_text("TOKEN='one # two'\n")
    site.write(WORKERS)
    site.up()
    before = site.workers()
    assert variable(before["a"]["pid"], "TOKEN") == "one # two"
    (site.place / "a.env").write_text("TOKEN=three\n")
    wait_until(lambda: changed_on_disk(site))
    site.up()
    assert not changed_on_disk(site)
    after = site.workers()
    assert variable(after["a"]["pid"], "TOKEN") == "three"
    assert after["b"]["pid"] == before["b"]["pid"]
    applied = site.events("config.applied")[-1]
    assert (applied["replace"], applied["none"]) == (1, 1)


def test_a_wrong_env_file_changes_nothing_and_is_named(site: Site) -> None:
    (site.place / "a.env").write_text("TOKEN=one\n")
    site.write(WORKERS)
    site.up()
    before = site.workers()["a"]["pid"]
    (site.place / "a.env").write_text("TOKEN=two\nhunter2\n")
    done = site.run("up", check=5)
    assert done.stderr.endswith(
        'panevisor.toml:7: worker "a": env_file names "a.env", '
        "whose line 2 is not NAME=value, or has a quote that does not close\n"
    )
    config = site.status()["supervisor"]["config"]
    assert "whose line 2" in config["error"]
    assert site.worker("a")["pid"] == before
    (site.place / "a.env").write_text("TOKEN=one\n")
    site.up()
    config = site.status()["supervisor"]["config"]
    assert (config["error"], config["changed_on_disk"]) == (None, False)
    assert site.worker("a")["pid"] == before


@pytest.mark.parametrize(
    ("content", "changed", "broken"),
    [("TOKEN=one\n", False, False), ("TOKEN=two\n", True, False), ("hunter2\n", True, True), (None, True, True)],
    ids=["same", "changed", "malformed", "missing"],
)
def test_a_crash_of_the_service_is_no_deployment_of_an_env_file(
    site: Site, content: str | None, changed: bool, broken: bool
) -> None:
    (site.place / "a.env").write_text("TOKEN=one\n")
    site.write(WORKERS)
    site.up()
    before = {name: worker["pid"] for name, worker in site.workers().items()}
    site.kill_service()
    (site.place / "a.env").unlink()
    if content is not None:
        (site.place / "a.env").write_text(content)
    with subprocess.Popen(site.argv("serve"), cwd=site.place, env=site.environment()) as service:
        wait_until(lambda: site.run("status").returncode == 0)
        status = site.status()["supervisor"]
        assert status["config"]["changed_on_disk"] is changed
        assert (status["config"]["error"] is not None) is broken
        assert {name: worker["pid"] for name, worker in site.workers().items()} == before
        if not broken:  # a service without settings has the long default beats
            wait_until(lambda: site.status()["supervisor"]["tick"] > 5)  # past a health beat, which looks again
            assert changed_on_disk(site) is changed
        assert {name: worker["pid"] for name, worker in site.workers().items()} == before
        service.kill()


def test_a_value_of_an_env_file_gets_into_no_log_no_status_and_no_command_line(site: Site) -> None:
    (site.place / "a.env").write_text("TOKEN=hunter2hunter2\n")
    site.write(WORKERS)
    site.up()
    site.run("restart", "a", check=0)
    said = [site.run("status", "-o", "json").stdout, site.run("events", "-n", "100").stdout, site.run("check").stdout]
    files = [path for path in site.state.rglob("*") if path.is_file() and "hunter2" in path.read_text(errors="replace")]
    assert [path.name for path in files] == ["records.jsonl"]
    assert files[0].stat().st_mode & 0o077 == 0
    assert "hunter2" not in "".join(said)
    assert all("hunter2" not in cmdline(pid) for pid, _ in marked_processes())
    assert all("hunter2" not in cmdline(pid) for pid in (site.service_pid(), site.tmux_pid()))
    assert variable(site.worker("a")["pid"], "TOKEN") == "hunter2hunter2"
