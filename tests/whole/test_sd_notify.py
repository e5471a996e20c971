"""What systemd is told by a service: ready, reloading, stopping, and beats that really end."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit.support import DEADLINE, Site, freeze, rows_of, service_inside, wait_until
from kit.systemd import Manager

from actors.values.bulletins import Activity, Armed

SLEEPER = "[workers.a]\ncommand = ['sleep', '1000']\n"
SILENCE = 1.5  # seconds without a beat where one is due each 0.2 s
Serve = Callable[[int], "subprocess.Popen[bytes]"]


@pytest.fixture
def manager(place: Path) -> Iterator[Manager]:
    manager = Manager(str(place / "notify"))
    yield manager
    manager.close()


@pytest.fixture
def serve(site: Site, manager: Manager) -> Iterator[Serve]:
    """Start `panevisor serve` as systemd does, with a watchdog of so many seconds; it has ended when the test has."""
    started = []

    def start(watchdog: int) -> "subprocess.Popen[bytes]":
        variables = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": f"{watchdog}000"}
        started.append(subprocess.Popen(site.argv("serve"), cwd=site.place, env=site.environment() | variables))
        return started[-1]

    yield start
    site.clear()
    for process in started:
        process.wait(DEADLINE)


def test_ready_beats_reloading_and_stopping_are_told_in_their_order(site: Site, manager: Manager, serve: Serve) -> None:
    site.write(f"{SLEEPER}[workers.b]\ncommand = 'exit 3'\nrestart = 'never'\n")
    service = serve(300)
    assert manager.until_told("READY")["MAINPID"] == str(service.pid)
    manager.until_told("STATUS", "2 workers: 1 failed, 1 running")
    for _ in range(3):
        manager.until_told("WATCHDOG")
    (warning,) = site.events("service.watchdog_tight")  # shorter than two beats
    assert (warning["watchdog_s"], warning["capture_interval_s"]) == (0.3, 0.2)
    asked = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    service.send_signal(signal.SIGHUP)
    assert int(manager.until_told("RELOADING")["MONOTONIC_USEC"]) >= asked
    assert manager.until_told("READY")["STATUS"] == "config applied"
    site.config.write_text(site.config.read_text() + "comand = 1\n")
    service.send_signal(signal.SIGHUP)
    manager.until_told("RELOADING")
    assert 'unknown key "comand"' in manager.until_told("READY")["STATUS"]
    manager.until(lambda m: m.get("STATUS", "").startswith("2 workers") and "comand" in m["STATUS"])
    inherited = [Path(f"/proc/{pid}/environ").read_bytes() for pid in (site.tmux_pid(), *site.truth()["a"])]
    assert not any(b"NOTIFY_SOCKET" in environ or b"WATCHDOG_USEC" in environ for environ in inherited)
    service.send_signal(signal.SIGTERM)
    manager.until_told("STOPPING")
    assert service.wait(DEADLINE) == 0


def test_a_stopped_tmux_does_not_starve_the_watchdog_and_is_waited_for_by_a_service_that_can_be_ended(
    site: Site, manager: Manager, serve: Serve
) -> None:
    site.write(SLEEPER)
    first = serve(60_000)
    manager.until_told("STATUS", "1 worker: 1 running")
    pid, tmux = site.worker("a")["pid"], site.tmux_pid()
    freeze(tmux)
    try:
        manager.until(lambda m: "tmux: unreachable" in m.get("STATUS", ""))
        for _ in range(2):
            manager.until_told("WATCHDOG")
        os.kill(tmux, signal.SIGCONT)
        manager.until(lambda m: m.get("STATUS") == "1 worker: 1 running")
        first.send_signal(signal.SIGTERM)
        assert first.wait(DEADLINE) == 0
        freeze(tmux)
        second = serve(60_000)
        assert "EXTEND_TIMEOUT_USEC" in manager.until_told("STATUS", "waiting for tmux")
        second.send_signal(signal.SIGTERM)
        manager.until_told("STOPPING")
        assert second.wait(DEADLINE) == 0
        serve(60_000)
        manager.until_told("STATUS", "waiting for tmux")
    finally:
        os.kill(tmux, signal.SIGCONT)
    manager.until_told("READY")
    wait_until(lambda: site.worker("a")["pid"] == pid)
    assert site.events("service.crashed") == site.events("service.watchdog_tight") == []


class Hang:
    """Something that hangs whoever calls it, until it is released."""

    def __init__(self) -> None:
        self.hangs, self.released = threading.Event(), threading.Event()

    def __call__(self, *_: object) -> None:
        self.hangs.set()
        self.released.wait(DEADLINE)


def test_an_actor_that_hangs_stops_the_watchdog_though_the_process_lives(
    place: Path, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    with service_inside(place, SLEEPER, rows_of) as service:
        manager.until_told("STATUS", "1 worker: 1 running")
        with hanging(manager) as ticker:
            service.posts.ticker.tell(Armed(0.0, "hang", ticker))
        with hanging(manager) as metrics, monkeypatch.context() as patch:
            patch.setattr(service.machine.gateway, "activity", metrics)
            service.posts.metrics.tell(Activity(time.time(), "service.gap", {}))
            assert metrics.hangs.wait(DEADLINE)


@contextlib.contextmanager
def hanging(manager: Manager) -> Iterator[Hang]:
    """Give what is to hang an actor; then beats stop, and they go on when the actor does."""
    hang = Hang()
    try:
        yield hang
        assert hang.hangs.wait(DEADLINE)
        wait_until(lambda: manager.next(SILENCE) is None, what="no beat")  # those under way may still end
    finally:
        hang.released.set()
    manager.until_told("WATCHDOG")
