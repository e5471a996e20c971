"""Without threads and processes to be had, the service says so, goes on with what it has, and heals by itself."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit.support import FAST, Site, alive, wait_until

from supervisor.kernel.limits import CGROUPS

WORKER = "[workers.{name}]\ncommand = ['sleep', '1000']\nstop = ['TERM', '1s', 'KILL']\nrestart = 'always'\n"


def pids_folder() -> Path | None:
    """Return where a cgroup that counts tasks can be made, by root; None: nowhere."""
    for root in (CGROUPS / "pids", CGROUPS / "unified", CGROUPS):
        folder = root / f"panevisor-test-{os.getpid()}"
        try:
            folder.mkdir()
            counts = (folder / "pids.max").exists()
            folder.rmdir()
        except OSError:
            continue
        if counts:
            return folder
    return None


Limited = Callable[[int, int], None]


@pytest.fixture
def limit() -> Iterator[Limited]:
    """Let a process have this number of tasks more than now; -1 lifts the limit."""
    folder = pids_folder()
    if folder is None:
        pytest.skip("no cgroup can be made that counts processes")
    folder.mkdir()

    def limited(pid: int, more: int) -> None:
        if more < 0:
            (folder / "pids.max").write_text("max")
            return
        (folder / "cgroup.procs").write_text(str(pid))
        (folder / "pids.max").write_text(str(int((folder / "pids.current").read_text()) + more))

    yield limited
    (folder / "pids.max").write_text("max")
    for pid in (folder / "cgroup.procs").read_text().split():
        with contextlib.suppress(OSError):
            (folder.parent / "cgroup.procs").write_text(pid)
    wait_until(lambda: not (folder / "cgroup.procs").read_text().split())
    folder.rmdir()


def workers(*names: str) -> str:
    return "".join(WORKER.format(name=name) for name in names)


def degraded(site: Site) -> list[str]:
    return list(site.status()["supervisor"]["degraded"])


def test_a_service_without_processes_does_all_that_needs_none_even_down_and_says_so(site: Site, limit: Limited) -> None:
    site.write(workers("a", "b", "c"), FAST)
    site.up()
    service, tmux = site.service_pid(), site.tmux_pid()
    limit(service, 0)
    site.tmux("send-keys", "-t", "=a:", "x")  # something to capture, which takes a process
    wait_until(lambda: any(said.startswith("processes: ") for said in degraded(site)))
    assert "is " in degraded(site)[0], degraded(site)
    site.run("stop", "a", check=0)
    site.run("restart", "b", check=0)
    site.write(workers("a", "b", "c", "d", "e"), FAST)
    site.up()
    states = {name: row["state"] for name, row in site.workers().items()}
    assert states == {"a": "stopped"} | dict.fromkeys("bcde", "running")
    assert site.status()["supervisor"]["tmux"] == "ok"
    limit(service, -1)
    wait_until(lambda: not degraded(site))
    assert [e["what"] for e in site.events("service.recovered")] == ["processes"]
    assert not site.events("actor.failed")
    limit(service, 0)
    assert "all workers, the service" in site.run("down", check=0).stdout
    assert not alive(tmux)
    assert site.events("service.stopped")[-1]["tmux_ended"] is True


def test_down_ends_without_a_process_and_even_without_a_client_of_tmux(site: Site, limit: Limited) -> None:
    site.write(workers("a", "b"), FAST)
    site.up()
    service = site.service_pid()
    limit(service, 0)
    for pid in children(service):
        os.kill(pid, 9)  # its clients of tmux: another one can't be had
    down = site.run("down")
    assert not alive(service)
    assert site.truth() == {}
    assert down.returncode in (0, 1), down  # tmux itself may be left: that is said
    limit(service, -1)


def children(pid: int) -> list[int]:
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in done.stdout.split()]


def test_a_worker_for_which_tmux_has_no_process_is_pending_and_says_why_until_it_has(
    site: Site, limit: Limited
) -> None:
    site.write(workers("a", "b") + "backoff = { initial = '100ms', factor = 1, jitter = 0 }\n", FAST)
    site.up()
    tmux, others = site.tmux_pid(), site.truth()["a"]
    limit(tmux, 0)
    for pid in site.truth()["b"]:
        os.kill(pid, 9)
    wait_until(lambda: site.worker("b")["state"] == "pending")
    site.wait_state("b", "pending")
    wait_until(lambda: (site.worker("b")["reason"] or "").startswith("capacity: no process"))
    assert site.run("restart", "b").returncode != 0
    for _ in range(3):  # a second respawn of a pane that could not be forked crashes tmux 3.3a
        site.run("start", "b")
    assert site.tmux_pid() == tmux
    assert site.truth()["a"] == others
    limit(tmux, -1)
    site.wait_state("b", "running", timeout=60)
    assert site.truth()["a"] == others


def test_a_failed_respawn_is_not_repeated_in_that_pane_though_admission_lets_it_pass(
    site: Site, limit: Limited
) -> None:
    """Right after a beat admission counts as free what is taken by now: tmux refuses, once and again."""
    crashing = "[workers.b]\ncommand = ['sh', '-c', 'sleep 0.3; exit 1']\nrestart = 'always'\nmax_restarts = -1\n"
    slow = FAST.replace('health_interval = "500ms"', 'health_interval = "1h"')
    site.write(workers("a") + crashing + "backoff = { initial = '50ms', factor = 1, jitter = 0 }\n", slow)
    site.up(check=None)
    tmux, other = site.tmux_pid(), site.truth()["a"]
    limit(tmux, 0)
    wait_until(lambda: len(site.events("worker.pending", cause="no-process")) >= 3)
    assert site.tmux_pid() == tmux
    assert site.truth()["a"] == other
    limit(tmux, -1)
    count = len(site.events("worker.ready", worker="b"))
    wait_until(lambda: len(site.events("worker.ready", worker="b")) > count)
