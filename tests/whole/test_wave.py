"""Starts of many are a wave: never more than `max_starting` at a time, whoever looks; memory is a gate of its own."""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.left_behind import folder_prefix
from kit.support import DEADLINE, FAST, Site, rows_of, wait_until

import supervisor.build
from actors.values.bulletins import HostSeen
from actors.values.requests import ShutDown
from actors.values.snapshot import Host
from supervisor.build import Given
from supervisor.config.load import load
from supervisor.service import Service
from supervisor.state.lock import hold
from supervisor.state.place import place_to_serve
from supervisor.state.records import RecordsFile
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


def test_sixty_starts_are_a_wave_in_the_log_and_in_each_picture(site: Site) -> None:
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
    assert max(counts) == 7
    assert most_starting(site.events()) == 7
    starts = [int(line["worker"][1:]) for line in site.events("worker.starting")]
    assert sorted(starts) == list(range(60))
    assert all(abs(place - number) < 7 for place, number in enumerate(starts))  # who is let in together starts at once


def test_who_waits_for_its_turn_says_so(site: Site) -> None:
    site.write(sleepers(3, "20s"), FAST + "max_starting = 1\n")
    site.up("--timeout", "1s", check=8)
    said = "waiting for a place among the 1 that start at a time"
    wait_until(lambda: site.worker("w2")["reason"] == said)  # from the next health beat on
    assert "starts when one of those that start now is ready" in site.run("why", "w2", check=0).stdout


def test_the_way_back_of_two_hundred_after_the_death_of_tmux_is_a_wave(site: Site) -> None:
    site.write(sleepers(200, "50ms"), FAST + "max_starting = 10\n")
    site.up()
    os.kill(site.tmux_pid(), signal.SIGKILL)
    wait_until(lambda: len(site.events("worker.ready")) == 400, what="all to be back")
    lines = site.events()
    died = next(n for n, line in enumerate(lines) if line["event"] == "tmux.died")
    back = lines[died:]
    assert most_starting(back) <= 10
    assert len({line["worker"] for line in back if line.get("to") == "starting"}) == 200
    assert {w["restarts"] for w in site.workers().values()} == {0}
    assert all(len(pids) == 1 for pids in site.truth().values())


# ── memory ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A real service inside this process on a machine with 1 MB available, that looks again only when it is told."""
    place = Path(tempfile.mkdtemp(prefix=folder_prefix(), dir="/tmp"))
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "xdg"))
    monkeypatch.setattr(supervisor.build, "available_memory", lambda: 1_000_000)
    file = place / "panevisor.toml"
    gate = "health_interval = '1h'\nmin_free_memory = '500MB'\n"
    file.write_text(f"[supervisor]\nstate_dir = 'state'\ncapture_interval = '200ms'\n{gate}" + sleepers(3, "0s"))
    where = place_to_serve(str(file))
    lock, records, config = hold(where.state_dir), RecordsFile(where.state_dir / "records.jsonl"), load(file)
    known, settings = records.load(), config.supervisor
    given = Given(place=where, lock=lock, records=records, known=known, config=config, settings=settings, error=None)
    service = Service(given)
    thread = threading.Thread(target=service.run, daemon=True)
    thread.start()
    yield service
    service.posts.supervisor.tell(ShutDown(keep_workers=False))
    thread.join(DEADLINE)
    lock.release()
    shutil.rmtree(place, ignore_errors=True)
    assert not thread.is_alive()


def shown(service: Service) -> set[tuple[str, str]]:
    return {(row.state, row.reason) for row in rows_of(service).values()}


def test_memory_that_comes_back_opens_the_gate_though_no_worker_changed(short: Service) -> None:
    gate = "waiting for memory: {} are available, 500MB have to be"
    wait_until(lambda: shown(short) == {("pending", gate.format("1MB"))})
    short.posts.supervisor.tell(HostSeen(Host(memory_available_bytes=20_000_000)))
    wait_until(lambda: shown(short) == {("pending", gate.format("20MB"))})
    short.posts.supervisor.tell(HostSeen(Host(memory_available_bytes=600_000_000)))
    wait_until(lambda: shown(short) == {("running", "")})
