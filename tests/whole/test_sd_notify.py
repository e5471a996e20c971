"""What systemd is told, on a real datagram socket: ready, reloading, stopping, and beats that really end."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit.support import DEADLINE, Site, rows_of, service_inside, wait_until

from actors.values.bulletins import Activity, Armed
from actors.values.facts import Instant
from actors.values.snapshot import Config, Host, Snapshot
from actors.values.snapshot import Service as Facts
from supervisor.service import Service
from supervisor.upkeep.systemd import KEPT, STATUS_PAUSE, Notifier

SLEEPER = 'command = ["sleep", "1000"]\n'
WATCHED = {"WATCHDOG_USEC": "60000000"}
SILENCE = 1.5  # seconds without a beat where one is due each 0.2 s


class Manager:
    """The receiving end, as systemd has it. Each message is a dict of its assignments."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.told: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def next(self, timeout: float) -> dict[str, str] | None:
        """Return the next message, None when there is none in time."""
        self._socket.settimeout(max(0.001, timeout))
        try:
            message = self._socket.recv(4096).decode()
        except TimeoutError:
            return None
        self.told.append(dict(line.split("=", 1) for line in message.split("\n")))
        return self.told[-1]

    def until(self, wanted: Callable[[dict[str, str]], object], timeout: float = DEADLINE) -> dict[str, str]:
        """Return the first message from now on that is wanted."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            message = self.next(left)
            if message is not None and wanted(message):
                return message
        raise AssertionError(f"not within {timeout:g} s, only: {self.told[-5:]}")

    def until_told(self, key: str, value: str = "1") -> dict[str, str]:
        return self.until(lambda message: message.get(key, "").startswith(value))

    def waiting(self) -> list[dict[str, str]]:
        """Return what has arrived already."""
        messages = []
        while (message := self.next(0.0)) is not None:
            messages.append(message)
        return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(place: Path) -> Iterator[Manager]:
    manager = Manager(str(place / "notify"))
    yield manager
    manager.close()


def picture(error: str | None = None) -> Snapshot:
    config = Config(path="", digest="", changed_on_disk=False, error=error)
    facts = Facts(pid=1, version="", started_at=0.0, state_dir="", socket="", tmux_socket="", config=config)
    return Snapshot(1, Instant(0.0, 0.0), facts, Host(), {})


# ── the notifier alone ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_variables_are_taken_out_of_the_environment() -> None:
    environment = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}
    assert Notifier.from_environment(environment).watchdog_s == 3.0
    assert environment == {"HOME": "/"}


@pytest.mark.parametrize("variables", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}])
def test_a_watchdog_that_means_another_process_or_no_time_is_none(variables: dict[str, str]) -> None:
    assert Notifier.from_environment({"NOTIFY_SOCKET": "@x", **WATCHED, **variables}).watchdog_s is None


@pytest.mark.parametrize("address", [None, "", "vsock:2:1234", "/nowhere/notify", "/" + "x" * 200, "@nobody-listens"])
def test_nobody_to_tell_is_no_error(address: str | None) -> None:
    notifier = Notifier(address, 60.0)
    notifier.opened()
    notifier.beat_ended(picture())
    notifier.stopping("test")


def test_an_abstract_address_is_one() -> None:
    manager = Manager(f"@panevisor-test-{os.getpid()}")
    Notifier(manager.address).opened()
    assert manager.until_told("READY")["MAINPID"] == str(os.getpid())
    manager.close()


def test_status_is_told_when_it_changed_and_not_more_than_once_a_second(manager: Manager) -> None:
    now = [0.0]
    notifier = Notifier(manager.address, now=lambda: now[0])
    notifier.opened()
    for step in (0.0, 0.1, STATUS_PAUSE):
        now[0] += step
        notifier.beat_ended(picture())
    notifier.beat_ended(picture("a.toml:3: broken\nand more"))
    now[0] += STATUS_PAUSE
    notifier.beat_ended(picture("a.toml:3: broken\nand more"))
    told = [message["STATUS"] for message in manager.waiting()]
    assert told == ["ready", "0 workers", "0 workers; config not applied: a.toml:3: broken and more"]


def test_no_reload_is_told_before_the_service_is_ready_nor_after_it_stops(manager: Manager) -> None:
    notifier = Notifier(manager.address)
    notifier.reloading()
    notifier.reloaded("config applied")
    notifier.stopping("SIGTERM")
    notifier.stopping("SIGTERM")
    notifier.reloading()
    notifier.reloaded("config applied")
    notifier.opened()
    assert manager.waiting() == [{"STOPPING": "1", "STATUS": "stopping: SIGTERM"}]


def test_a_receiver_that_takes_nothing_blocks_nobody_and_gets_the_news_later(manager: Manager) -> None:
    full = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    full.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            full.sendto(b"X=1", manager.address)
    full.close()
    notifier = Notifier(manager.address, 60.0)
    notifier.opened()
    for _ in range(3 * KEPT):
        notifier.beat_ended(picture())
    assert not any("READY" in message for message in manager.waiting())
    notifier.beat_ended(picture())
    assert "READY" in manager.waiting()[0]


# ── the real service ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def serve(site: Site, manager: Manager) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Start `panevisor serve` as systemd does; it has ended when the test has."""
    started = []

    def start(**variables: str) -> "subprocess.Popen[bytes]":
        environment = site.environment() | {"NOTIFY_SOCKET": manager.address} | variables
        started.append(subprocess.Popen(site.argv("serve"), cwd=site.place, env=environment))
        return started[-1]

    yield start
    site.clear()
    for process in started:
        process.wait(DEADLINE)


def test_ready_beats_reloading_and_stopping_are_told_in_their_order(
    site: Site, manager: Manager, serve: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    site.write(f"[workers.a]\n{SLEEPER}[workers.b]\ncommand = 'exit 3'\nrestart = 'never'\n")
    service = serve(**WATCHED)
    assert manager.until_told("READY")["MAINPID"] == str(service.pid)
    manager.until_told("STATUS", "2 workers: 1 failed, 1 running")
    for _ in range(3):
        manager.until_told("WATCHDOG")
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


def test_a_stopped_tmux_does_not_starve_the_watchdog(
    site: Site, manager: Manager, serve: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    site.write(f"[workers.a]\n{SLEEPER}")
    serve(**WATCHED)
    manager.until_told("STATUS", "1 worker: 1 running")
    tmux = site.tmux_pid()
    os.kill(tmux, signal.SIGSTOP)
    try:
        manager.until(lambda m: "tmux: unreachable" in m.get("STATUS", ""))
        for _ in range(2):
            manager.until_told("WATCHDOG")
    finally:
        os.kill(tmux, signal.SIGCONT)
    manager.until(lambda m: m.get("STATUS") == "1 worker: 1 running")


def test_a_service_that_begins_while_tmux_is_stopped_waits_for_it_and_can_be_ended(
    site: Site, manager: Manager, serve: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    site.write(f"[workers.a]\n{SLEEPER}")
    first = serve()
    manager.until_told("STATUS", "1 worker: 1 running")
    pid, tmux = site.worker("a")["pid"], site.tmux_pid()
    first.send_signal(signal.SIGTERM)
    assert first.wait(DEADLINE) == 0
    os.kill(tmux, signal.SIGSTOP)
    try:
        second = serve()
        assert "EXTEND_TIMEOUT_USEC" in manager.until_told("STATUS", "waiting for tmux")
        second.send_signal(signal.SIGTERM)
        manager.until_told("STOPPING")
        assert second.wait(DEADLINE) == 0
        serve()
        manager.until_told("STATUS", "waiting for tmux")
    finally:
        os.kill(tmux, signal.SIGCONT)
    manager.until_told("READY")
    wait_until(lambda: site.worker("a")["pid"] == pid)
    assert len(site.events("service.crashed")) == 0


def test_a_watchdog_shorter_than_two_beats_is_warned_of_once(
    site: Site, manager: Manager, serve: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    site.write(f"[workers.a]\n{SLEEPER}")
    serve(WATCHDOG_USEC="300000")
    for _ in range(3):
        manager.until_told("WATCHDOG")
    (warning,) = site.events("service.watchdog_tight")
    assert (warning["watchdog_s"], warning["capture_interval_s"]) == (0.3, 0.2)


# ── the service inside this process ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def service(place: Path, manager: Manager, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    monkeypatch.setenv("WATCHDOG_USEC", WATCHED["WATCHDOG_USEC"])
    with service_inside(place, f"[workers.a]\n{SLEEPER}", rows_of) as service:
        manager.until_told("STATUS", "1 worker: 1 running")
        yield service


class Hang:
    """Something that hangs whoever calls it, until it is released."""

    def __init__(self) -> None:
        self.hangs = threading.Event()
        self.released = threading.Event()

    def __call__(self, *_: object) -> None:
        self.hangs.set()
        self.released.wait(DEADLINE)


def hang_ticker(service: Service, hang: Hang, _patch: pytest.MonkeyPatch) -> None:
    service.posts.ticker.tell(Armed(0.0, "hang", hang))


def hang_metrics(service: Service, hang: Hang, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(service.machine.gateway, "activity", hang)
    service.posts.metrics.tell(Activity(time.time(), "service.gap", {}))


@pytest.mark.parametrize("hang_actor", [hang_ticker, hang_metrics])
def test_an_actor_that_hangs_stops_the_watchdog_though_the_process_lives(
    service: Service,
    manager: Manager,
    monkeypatch: pytest.MonkeyPatch,
    hang_actor: Callable[[Service, Hang, pytest.MonkeyPatch], None],
) -> None:
    hang = Hang()
    try:
        with monkeypatch.context() as patch:
            hang_actor(service, hang, patch)
            assert hang.hangs.wait(DEADLINE)
        manager.waiting()
        manager.next(SILENCE)  # a beat that was under way may still end
        assert manager.next(SILENCE) is None
    finally:
        hang.released.set()
    manager.until_told("WATCHDOG")  # so it lived
