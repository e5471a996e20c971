"""Env files on the whole machine: a changed value is seen, applied when asked, and shown nowhere."""

from pathlib import Path

from kit.support import Site, cmdline, marked_processes, wait_until

SLEEPER = 'command = ["sleep", "1000"]\n'
WORKERS = f"[workers.a]\n{SLEEPER}env_file = 'a.env'\n[workers.b]\n{SLEEPER}"


def variable(pid: int, name: str) -> str | None:
    entries = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return next((entry.partition("=")[2] for entry in entries if entry.startswith(f"{name}=")), None)


def changed_on_disk(site: Site) -> bool:
    return site.status()["supervisor"]["config"]["changed_on_disk"]


def test_an_env_file_is_applied_when_asked_a_wrong_one_changes_nothing_and_no_value_is_shown(site: Site) -> None:
    file = site.place / "a.env"
    file.write_text("TOKEN='hunter1 # two'\n")
    site.write(WORKERS)
    site.up()
    before = site.workers()
    assert variable(before["a"]["pid"], "TOKEN") == "hunter1 # two"

    file.write_text("TOKEN=hunter2\n")
    wait_until(lambda: changed_on_disk(site))
    site.up()
    assert not changed_on_disk(site)
    after = site.workers()
    assert variable(after["a"]["pid"], "TOKEN") == "hunter2"
    assert after["b"]["pid"] == before["b"]["pid"]
    applied = site.events("config.applied")[-1]
    assert (applied["replace"], applied["none"]) == (1, 1)

    file.write_text("TOKEN=hunter3\nhunter4\n")
    done = site.run("up", check=5)
    assert done.stderr.endswith(
        'panevisor.toml:7: worker "a": env_file names "a.env", '
        "whose line 2 is not NAME=value, or has a quote that does not close\n"
    )
    wait_until(lambda: "whose line 2" in str(site.status()["supervisor"]["config"]["error"]))
    file.write_text("TOKEN=hunter2\n")
    site.up()
    wait_until(lambda: not changed_on_disk(site))
    assert site.status()["supervisor"]["config"]["error"] is None
    assert site.worker("a")["pid"] == after["a"]["pid"]

    said = [site.run("status", "-o", "json").stdout, site.run("events", "-n", "100").stdout, site.run("check").stdout]
    files = [path for path in site.state.rglob("*") if path.is_file() and "hunter" in path.read_text(errors="replace")]
    assert [path.name for path in files] == ["records.jsonl"]
    assert files[0].stat().st_mode & 0o077 == 0
    assert "hunter" not in "".join(said)
    assert all("hunter" not in cmdline(pid) for pid, _ in marked_processes())
    assert all("hunter" not in cmdline(pid) for pid in (site.service_pid(), site.tmux_pid()))

    goes_on_from_its_records(site, file)


def goes_on_from_its_records(site: Site, file: Path) -> None:
    """A crash of the service is no deployment of an env file, as it was, changed or missing."""
    before = {name: worker["pid"] for name, worker in site.workers().items()}
    site.kill_service()
    tries = ((file.read_text(), 0, 0), ("TOKEN=two\n", 1, 0), (None, 1, 1))
    for content, changed, broken in tries:
        file.unlink()
        if content is not None:
            file.write_text(content)
        with site.serving():
            status = site.status()["supervisor"]
            assert status["config"]["changed_on_disk"] is bool(changed)
            assert (status["config"]["error"] is not None) is bool(broken)
            if not broken:  # a service without settings has the long default beats
                wait_until(lambda: site.status()["supervisor"]["tick"] > 5)  # past a health beat, which looks again
                assert changed_on_disk(site) is bool(changed)
            assert {name: worker["pid"] for name, worker in site.workers().items()} == before
