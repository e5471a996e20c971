"""A log that somebody takes away under its writer goes on by itself, and says so once."""

import os
import shutil
from pathlib import Path

from kit.support import Site, wait_until

COUNTING = "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.05; done"


def newest(site: Site) -> Path:
    return (site.state / "logs" / "w.log").resolve(strict=True)


def goes_on(site: Site) -> bool:
    """Whether new lines reach the log."""
    before = site.run("logs", "w", "-n", "1").stdout
    wait_until(lambda: site.run("logs", "w", "-n", "1").stdout not in (before, ""))
    return True


def gaps(site: Site) -> list[str]:
    return [line["why"] for line in site.events("worker.log_gap")]


def test_a_log_that_is_deleted_truncated_or_replaced_under_its_writer_goes_on(site: Site) -> None:
    site.write(f'\n[workers.w]\ncommand = "{COUNTING}"\n[workers.quiet]\ncommand = "sleep 1000"\n')
    site.up()
    expected = []
    for what in ("deleted", "truncated", "replaced", "deleted", "silent"):
        assert goes_on(site)
        for _ in range(2):  # beats, of which the second has seen the newest file
            seen = site.worker("w")["log_bytes"]
            wait_until(lambda seen=seen: site.worker("w")["log_bytes"] != seen)  # type: ignore[misc]
        path = newest(site)
        match what:
            case "deleted" if expected:
                shutil.rmtree(site.state / "logs")
            case "deleted":
                path.unlink()
            case "truncated":
                os.truncate(path, 0)
            case "replaced":
                shutil.copy(path, site.place / "copy")
                os.rename(site.place / "copy", path)
            case _:  # its writer sleeps: no byte is written, and the pipe is open
                site.tmux("pipe-pane", "-t", "=w:", "exec sleep 1000")
        expected.append(what)
        wait_until(lambda: len(gaps(site)) >= len(expected), what=f"{expected}")
        assert gaps(site) == expected
    assert goes_on(site)
    wait_until(lambda: all(b"\0" not in path.read_bytes() for path in (site.state / "logs").glob("w.*")))
    assert not site.events("worker.log_gap", worker="quiet")
    assert site.run("logs", "quiet", check=0).stderr == "nothing printed yet: quiet\n"
    assert "what was printed is there" in site.run("doctor").stdout


def test_without_a_service_doctor_and_logs_say_that_a_log_was_deleted(site: Site) -> None:
    site.write(f'\n[workers.w]\ncommand = "{COUNTING}"\n')
    site.up()
    wait_until(lambda: site.run("logs", "w").stdout)
    site.kill_service()
    shutil.rmtree(site.state / "logs")
    wait_until(lambda: "what was printed last is in no log: w" in site.run("doctor").stdout)
    assert site.run("logs", "w").returncode == 4 or "was deleted of w" in site.run("logs", "w").stderr
    site.up()
    wait_until(lambda: gaps(site) == ["silent"])
    assert goes_on(site)
