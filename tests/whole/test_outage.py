"""No verdict on a worker while tmux, or the service itself, was stopped: on real tmux, with real probes."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kit.support import Site, freeze, wait_until

TICKS = "while :; do echo tick; sleep 0.2; done"
NEVER = 'restart = "never"'
OUTAGE = 7.0  # seconds; longer than any time within which tmux has to answer, several times what the checks allow


def worker(name: str, command: str, *more: str) -> str:
    return "\n".join((f"[workers.{name}]", f"command = '{command}'", *more, ""))


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    freeze(pid)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def verdicts(site: Site) -> list[tuple[str, str]]:
    lines = [*site.events("worker.unhealthy"), *site.events("worker.unready"), *site.events("worker.stalled")]
    return [(line["event"], line["worker"]) for line in lines]


def test_a_tmux_server_that_was_stopped_is_said_once_gives_no_verdicts_and_lives_on(site: Site) -> None:
    often = 'interval = "500ms", failures = 6, grace = "0s"'  # a busy machine may print nothing for a second or two
    silent = "while test -e well; do echo tick; sleep 0.2; done; sleep 1000"
    (site.place / "well").touch()
    site.write(
        worker("log", TICKS, f'live = {{ log = "tick", {often} }}')
        + worker("screen", TICKS, f'live = {{ screen = "tick", {often} }}')
        + worker("stall", TICKS, 'stall = { after = "5s", ladder = [{ do = "restart" }] }')
        + worker("silent", silent, f'live = {{ log = "tick", do = "notify", {often} }}')
        + worker("killed", "sleep 1000")
    )
    site.up()
    before, tmux = site.workers(), site.tmux_pid()
    late = "sleep 4; echo listening; sleep 1000"
    slow = worker("slow", late, 'ready = { log = "listening", timeout = "5s" }', NEVER)
    drawn = worker("drawn", late, 'ready = { screen = "listening", timeout = "5s" }', NEVER)
    site.config.write_text(site.config.read_text() + slow + drawn)
    site.run("apply", "--timeout", "1s")
    wait_until(lambda: site.workers().get("slow", {}).get("pid") and site.workers().get("drawn", {}).get("pid"))
    said = len(site.events("tmux.unreachable"))
    with stopped(tmux):
        wait_until(lambda: site.status()["supervisor"]["tmux"] == "unreachable")
        (site.place / "well").unlink()
        os.kill(before["killed"]["pid"], signal.SIGKILL)
        time.sleep(OUTAGE)
        assert site.worker("killed")["state"] == "running"  # an answer, and no verdict, while tmux is silent
        assert site.status()["supervisor"]["tmux"] == "unreachable"
        assert site.events("worker.exited") == []
        assert len(site.events("tmux.unreachable")) == said + 1
    wait_until(lambda: site.status()["supervisor"]["tmux"] == "ok")
    wait_until(lambda: site.events("worker.exited", worker="killed", exit_signal=9))
    site.living("killed", but=before["killed"]["pid"])
    for name in ("slow", "drawn"):
        site.wait_state(name, "running", "failed")
    wait_until(lambda: verdicts(site))  # by then the others have been tried as often
    assert verdicts(site) == [("worker.unhealthy", "silent")]
    rows = site.workers()
    assert {row["state"] for row in rows.values()} == {"running"}
    assert [name for name in before if rows[name]["life"] != before[name]["life"]] == ["killed"]
    assert site.tmux_pid() == tmux
    assert site.events("tmux.died") == []


def test_what_got_ready_while_the_service_was_stopped_is_ready(site: Site) -> None:
    site.write(worker("api", "sleep 1000", 'ready = { command = "test -e ready", timeout = "4s" }', NEVER))
    site.run("up", "--timeout", "100ms")
    wait_until(lambda: site.worker("api")["pid"])
    with stopped(site.service_pid()):
        time.sleep(2)
        (site.place / "ready").touch()
        time.sleep(OUTAGE)
    assert site.wait_state("api", "running", "failed")["state"] == "running"
