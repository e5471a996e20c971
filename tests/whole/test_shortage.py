"""Without threads and processes to be had, the service says so, goes on with what it has, and heals by itself."""

import contextlib
import errno
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.support import FAST, Site, alive, wait_until

from actors.crowd.admission import full
from actors.values.gates import KEPT_TASKS, TASKS_A_WORKER, Hold, Room
from supervisor.kernel import shortage
from supervisor.kernel.limits import CGROUPS, limits_of, tightest
from supervisor.kernel.shortage import NoProcess, NoThread, Shortage

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


def test_a_service_without_processes_does_all_that_needs_none_and_says_so(site: Site, limit: Limited) -> None:
    site.write(workers("a", "b", "c"), FAST)
    site.up()
    service = site.service_pid()
    limit(service, 0)
    site.tmux("send-keys", "-t", "=a:", "x")  # something to capture, which takes a process
    wait_until(lambda: any(said.startswith("processes: ") for said in degraded(site)))
    assert "is " in degraded(site)[0], degraded(site)
    site.run("stop", "a", check=0)
    site.run("restart", "b", check=0)
    site.write(workers("a", "b", "c", "d", "e"), FAST)
    site.up()
    assert {name: row["state"] for name, row in site.workers().items()} == {
        "a": "stopped",
        "b": "running",
        "c": "running",
        "d": "running",
        "e": "running",
    }
    assert site.status()["supervisor"]["tmux"] == "ok"
    limit(service, -1)
    wait_until(lambda: not degraded(site))
    assert [e["what"] for e in site.events("service.recovered")] == ["processes"]
    assert not site.events("actor.failed")
    site.run("down", check=0)


def test_down_needs_no_process_to_end_tmux_too(site: Site, limit: Limited) -> None:
    site.write(workers("a", "b"), FAST)
    site.up()
    service, tmux = site.service_pid(), site.tmux_pid()
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


# ── what admission and the shortage itself decide ────────────────────────────────────────────────────────────────────


def test_a_worker_is_held_while_too_few_processes_are_left() -> None:
    enough = KEPT_TASKS + TASKS_A_WORKER
    assert full(Room(9, tasks=enough), 0, 0) is None
    gate = full(Room(9, tasks=enough - 1, tasks_limit="pids.max of the cgroup /x is 30"), 0, 0)
    assert gate is not None
    assert (gate.hold, gate.reason) == (
        Hold.CAPACITY,
        "capacity: no process is left for a worker: pids.max of the cgroup /x is 30",
    )


def test_every_limit_of_this_process_leaves_what_it_says() -> None:
    limits = list(limits_of(os.getpid()))
    assert limits
    found = tightest(os.getpid())
    assert found is not None
    assert found.free <= min(limit.free for limit in limits) + 100  # others begin and end meanwhile


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (NoThread(None, "can't start new thread"), "threads"),
        (RuntimeError("can't start new thread"), "threads"),
        (NoProcess(errno.EAGAIN, "no process"), "processes"),
        (OSError(errno.EMFILE, "Too many open files"), "descriptors"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), None),
        (ValueError("x"), None),
    ],
)
def test_a_shortage_is_told_from_other_errors(error: Exception, what: str | None) -> None:
    said: list[tuple[str, str | None]] = []
    watched = Shortage(lambda what, reason: said.append((what, reason)))
    watched.note(error)
    if what is None:
        assert said == []
    else:
        assert said[0][0] == what
        wait_until(lambda: said[-1] == (what, None))
    watched.close()


def test_a_fork_that_fails_is_a_shortage_and_a_missing_program_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError):
        shortage.popen(["/no/such/program"])

    def no_fork(*_: Any, **__: Any) -> Any:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", no_fork)
    with pytest.raises(NoProcess, match="no process can be started: Resource temporarily unavailable"):
        shortage.popen(["true"])


def test_while_it_lasts_it_is_said_with_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, str | None]] = []
    watched = Shortage(lambda what, reason: said.append((what, reason)))
    start = threading.Thread.start
    gone = time.monotonic() + 1.5

    def no_thread(thread: threading.Thread) -> None:
        if time.monotonic() < gone:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    watched.note(RuntimeError("can't start new thread"))
    wait_until(lambda: said[-1] == ("threads", None))
    assert len(said) >= 3
    assert all(reason and "are free" in reason for _, reason in said[:-1])
    watched.close()
