"""What systemd is told: when, how often, and to nobody's harm."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.systemd import Manager

from actors.values.facts import Instant
from actors.values.snapshot import Config, Host, Service, Snapshot
from supervisor.upkeep.systemd import KEPT, STATUS_PAUSE, Notifier

WATCHED = {"WATCHDOG_USEC": "60000000"}


@pytest.fixture
def manager(place: Path) -> Iterator[Manager]:
    manager = Manager(str(place / "notify"))
    yield manager
    manager.close()


def picture(error: str | None = None) -> Snapshot:
    config = Config(path="", digest="", changed_on_disk=False, error=error)
    facts = Service(pid=1, version="", started_at=0.0, state_dir="", socket="", tmux_socket="", config=config)
    return Snapshot(1, Instant(0.0, 0.0), facts, Host(), {})


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
