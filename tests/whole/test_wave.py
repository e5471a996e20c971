"""Starts of many are a wave: never more than `max_starting` at a time, whoever looks; memory is a gate of its own."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from kit.support import DEADLINE, FAST, Site, rows_of, service_inside, wait_until
from kit.support import sleepers as plain_sleepers

import supervisor.build
from actors.values.bulletins import HostSeen
from actors.values.snapshot import Host
from supervisor.wire.client import Client


def sleepers(count: int, delay: str) -> str:
    each = f"command = ['sleep', '1000']\nready = {{ delay = '{delay}' }}\n"
    return "".join(f"[workers.w{n}]\n{each}" for n in range(count))


def most_starting(lines: list[dict[str, Any]]) -> int:
    """Return how many were starting at a time, by the lines of the log."""
    starting: set[str] = set()
    most = 0
    for line in lines:
        if line.get("to") == "starting":
            starting.add(line["worker"])
        elif "to" in line:
            starting.discard(line["worker"])
        most = max(most, len(starting))
    return most


def test_sixty_starts_are_a_wave_in_the_log_and_in_each_picture_and_so_is_their_way_back(site: Site) -> None:
    site.write("", FAST + "max_starting = 7\n")
    site.up()
    socket = site.status()["supervisor"]["socket"]
    pictures: list[dict[str, str]] = []
    seen_all = threading.Event()

    def watch() -> None:
        with Client.connect(Path(socket)) as client:
            client.on_message = lambda message: None
            client.call("subscribe", topics=["metrics"])
            for message in client.messages():
                pictures.append({w["name"]: w["state"] for w in message["data"]["workers"]})
                if list(pictures[-1].values()) == ["running"] * 60:
                    seen_all.set()
                    return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    site.write(sleepers(60, "150ms"), FAST + "max_starting = 7\n")
    site.run("apply", check=0)
    assert seen_all.wait(DEADLINE)
    counts = [list(picture.values()).count("starting") for picture in pictures]
    assert max(counts) <= 7  # a picture in between may be skipped
    assert 1 < most_starting(site.events()) <= 7
    starts = [int(line["worker"][1:]) for line in site.events("worker.starting")]
    assert sorted(starts) == list(range(60))
    assert all(abs(place - number) < 7 for place, number in enumerate(starts))  # who is let in together starts at once

    os.kill(site.tmux_pid(), signal.SIGKILL)
    wait_until(lambda: len(site.events("worker.ready")) == 120, what="all to be back")
    lines = site.events()
    died = next(n for n, line in enumerate(lines) if line["event"] == "tmux.died")
    assert most_starting(lines[died:]) <= 7
    assert len({line["worker"] for line in lines[died:] if line.get("to") == "starting"}) == 60
    assert {w["restarts"] for w in site.workers().values()} == {0}
    assert all(len(pids) == 1 for pids in site.truth().values())


def test_memory_that_comes_back_opens_the_gate_though_no_worker_changed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine with 1 MB available, which is looked at again only when the test says so."""
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    monkeypatch.setattr(supervisor.build, "available_memory", lambda: 1_000_000)
    settings = FAST.replace("500ms", "1h") + "min_free_memory = '500MB'\n"
    gate = "waiting for memory: {} are available, 500MB have to be"

    def shown(service: Any) -> set[tuple[str, str]]:
        return {(row.state, row.reason) for row in rows_of(service).values()}

    def is_short(service: Any) -> bool:
        return shown(service) == {("pending", gate.format("1MB"))}

    with service_inside(place, plain_sleepers(3), is_short, settings) as service:
        service.posts.supervisor.tell(HostSeen(Host(memory_available_bytes=20_000_000)))
        wait_until(lambda: shown(service) == {("pending", gate.format("20MB"))})
        service.posts.supervisor.tell(HostSeen(Host(memory_available_bytes=600_000_000)))
        wait_until(lambda: shown(service) == {("running", "")})
