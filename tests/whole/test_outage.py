"""No verdict on a worker while tmux, or the service itself, was stopped: on real tmux, with real probes."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kit.support import Site, wait_until

TICKS = "while :; do echo tick; sleep 0.2; done"
NEVER = 'restart = "never"'
OUTAGE = 6.0  # seconds; several times what the checks below allow


def worker(name: str, command: str, *more: str) -> str:
    return "\n".join((f"[workers.{name}]", f"command = '{command}'", *more, ""))


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def verdicts(site: Site) -> list[tuple[str, str]]:
    lines = [*site.events("worker.unhealthy"), *site.events("worker.unready"), *site.events("worker.stalled")]
    return [(line["event"], line["worker"]) for line in lines]


def test_what_is_seen_through_tmux_gets_no_verdict_while_it_is_stopped(site: Site) -> None:
    often = 'interval = "500ms", failures = 2, grace = "0s"'
    site.write(
        worker("log", TICKS, f'live = {{ log = "tick", {often} }}')
        + worker("screen", TICKS, f'live = {{ screen = "tick", {often} }}')
        + worker("stall", TICKS, 'stall = { after = "5s", ladder = [{ do = "restart" }] }')
    )
    site.up()
    lives = {name: row["life"] for name, row in site.workers().items()}
    late = "sleep 4; echo listening; sleep 1000"
    slow = worker("slow", late, 'ready = { log = "listening", timeout = "5s" }', NEVER)
    drawn = worker("drawn", late, 'ready = { screen = "listening", timeout = "5s" }', NEVER)
    site.config.write_text(site.config.read_text() + slow + drawn)
    site.run("apply", "--timeout", "1s")
    wait_until(lambda: site.workers().get("slow", {}).get("pid") and site.workers().get("drawn", {}).get("pid"))
    with stopped(site.tmux_pid()):
        wait_until(lambda: site.events("tmux.unreachable"))
        time.sleep(OUTAGE)
    wait_until(lambda: site.events("tmux.answers"))
    for name in ("slow", "drawn"):
        site.wait_state(name, "running", "failed")
    time.sleep(2)  # four tries of each
    assert verdicts(site) == []
    rows = site.workers()
    assert {name: row["life"] for name, row in rows.items() if name in lives} == lives
    assert {row["state"] for row in rows.values()} == {"running"}


def test_a_worker_that_is_not_well_is_still_found_after_an_outage(site: Site) -> None:
    silent = "while test -e well; do echo tick; sleep 0.2; done; sleep 1000"
    site.write(worker("api", silent, 'live = { log = "tick", interval = "500ms", failures = 2, grace = "0s" }'))
    (site.place / "well").touch()
    site.up()
    with stopped(site.tmux_pid()):
        wait_until(lambda: site.events("tmux.unreachable"))
        (site.place / "well").unlink()
    wait_until(lambda: verdicts(site) == [("worker.unhealthy", "api")])


def test_what_got_ready_while_the_service_was_stopped_is_ready(site: Site) -> None:
    site.write(worker("api", "sleep 1000", 'ready = { command = "test -e ready", timeout = "4s" }', NEVER))
    site.run("up", "--timeout", "100ms")
    wait_until(lambda: site.worker("api")["pid"])
    with stopped(site.service_pid()):
        time.sleep(2)
        (site.place / "ready").touch()
        time.sleep(OUTAGE)
    assert site.wait_state("api", "running", "failed")["state"] == "running"
