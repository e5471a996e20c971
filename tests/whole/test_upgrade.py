"""`upgrade`: another version takes over, no worker is touched, no line is lost; what runs goes on if that one fails."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from kit import ROOT
from kit.support import DEADLINE, Site, alive, comes_to, wait_until
from kit.systemd import Manager

CHATTY = """
[workers.chatty]
command = ["python3", "-S", "-c", '''
import time
for number in range(1, 1_000_000):
    print("line", number, flush=True)
    time.sleep(0.01)
''']
"""
NEVER_LISTENS = "from supervisor.gateway.server import Gateway; Gateway.start ="
FAILS = {  # by what fails: what is said of it, and the code by which it does
    "before it takes over": ("import of supervisor.service", "sys.modules['supervisor.service'] = None"),
    "by silence": ("did not answer within 3s", f"{NEVER_LISTENS} hang"),
    "when it has taken over": ("RuntimeError: no start", f"{NEVER_LISTENS} fail"),
}
OTHER_VERSION = """
import sys, time

def fail(self):
    raise RuntimeError("no start")

def hang(self):
    time.sleep(1000)

if "--takeover" in sys.orig_argv:
    import supervisor.state.records
    supervisor.state.records.Folding.take = lambda self, entry: None  # what it writes, only it can read
"""


def lines(site: Site) -> list[int]:
    """Return the numbers that the worker has logged."""
    return [int(number) for number in re.findall(r"line (\d+)", (site.state / "logs/chatty.log").read_text())]


def upgrade(site: Site, *, other: str = "") -> "subprocess.CompletedProcess[str]":
    """Upgrade to a version that differs by this code."""
    folder = site.place / "other"
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(other)
    environment = site.environment() | {"PYTHONPATH": f"{folder}:{ROOT}"}
    return subprocess.run(
        site.argv("upgrade", "--timeout", "3s" if other else f"{DEADLINE:g}s"),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        cwd=site.place,
        env=environment,
    )


@pytest.mark.long
def test_another_version_takes_over_and_is_kept_while_workers_and_logs_go_on(site: Site) -> None:
    site.write(CHATTY)
    site.up()
    worker, service, keeper = site.living("chatty"), site.service_pid(), site.keeper_pid()
    site.write(CHATTY + "[workers.new]\ncommand = ['sleep', '1000']\n")  # an upgrade applies no file
    assert keeper is not None
    for _ in range(2):
        done = upgrade(site)
        assert (done.returncode, "1 worker runs on, same pids" in done.stdout) == (0, True), done
        comes_to(partial(alive, service), False)
        comes_to(partial(alive, keeper), False)
        assert len(site.events("service.upgraded", previous_pid=service)) == 1
        service, keeper = site.service_pid(), site.keeper_pid()
        assert keeper is not None
    assert list(site.workers()) == ["chatty"]
    os.kill(service, signal.SIGKILL)
    wait_until(lambda: site.events("service.restarted", keeper=keeper) and site.run("status").returncode == 0)
    assert site.living("chatty") == worker
    assert str(site.place / "other") in Path(f"/proc/{site.service_pid()}/environ").read_text()
    found = lines(site)
    assert found == list(range(1, len(found) + 1))
    site.run("down", check=0)
    assert site.keeper_pid() is None


@pytest.mark.long
def test_the_service_goes_on_each_time_the_next_one_fails_until_one_does_not(site: Site) -> None:
    site.write(CHATTY)
    site.up()
    worker, service, keeper = site.living("chatty"), site.service_pid(), site.keeper_pid()
    for times, (what, (said, other)) in enumerate(FAILS.items(), 1):
        done = upgrade(site, other=OTHER_VERSION + f"    {other}\n")
        assert (done.returncode, said in done.stderr) == (1, True), (what, done)
        assert (site.service_pid(), site.keeper_pid(), site.living("chatty")) == (service, keeper, worker), what
        assert len(site.events("service.upgrade_failed")) == times, what
    assert upgrade(site).returncode == 0
    assert site.living("chatty") == worker
    found = lines(site)
    assert found == list(range(1, len(found) + 1))


def test_a_file_that_the_next_version_refuses_keeps_it_from_taking_over(site: Site) -> None:
    site.write(CHATTY)
    site.up()
    service = site.service_pid()
    site.write(CHATTY + "comand = 1\n")
    assert "comand" in site.run("upgrade", check=5).stderr
    assert site.service_pid() == service
    site.run("down", check=0)
    site.run("upgrade", check=7)


@pytest.fixture
def manager(place: Path) -> Iterator[Manager]:
    manager = Manager(str(place / "notify"))
    yield manager
    manager.close()


def test_systemd_is_told_who_is_its_service_now(site: Site, manager: Manager) -> None:
    site.write(CHATTY)
    environment = site.environment() | {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "60000000"}
    with subprocess.Popen(site.argv("serve"), cwd=site.place, env=environment) as first:
        manager.until_told("READY")
        worker = site.living("chatty")
        assert upgrade(site).returncode == 0
        told = manager.until(lambda message: message.get("MAINPID") not in (None, str(first.pid)))
        assert first.wait(DEADLINE) == 0
    assert told["MAINPID"] == str(site.service_pid())
    assert not any("STOPPING" in message for message in manager.told)
    manager.until_told("WATCHDOG")
    assert (site.living("chatty"), site.status()["supervisor"]["kept_by"]) == (worker, "systemd")


def test_what_started_a_service_by_hand_waits_for_the_next_one(site: Site) -> None:
    site.write(CHATTY)
    with site.serving() as first:
        assert upgrade(site).returncode == 0
        second = site.service_pid()
        assert (second != first.pid, first.poll()) == (True, None)
        first.send_signal(signal.SIGTERM)
        assert first.wait(DEADLINE) == 0
    wait_until(lambda: not alive(second))
    assert site.events("service.stopped")[-1]["cause"] == "SIGTERM"
