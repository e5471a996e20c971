"""The status file: true while the service runs, the last word when it has ended, and cheap to read."""

import errno
import json
import os
import queue
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kit.support import DEADLINE, wait_until

from actors.events.words import iso
from actors.values.facts import Instant
from actors.values.snapshot import Config, Host, Row, Service, Snapshot
from supervisor.kernel import files as private_files
from supervisor.state import status as status_file
from supervisor.state.status import StatusFile, health, read_status

KEYS = [
    *("service", "status", "pid", "started_at", "last_heartbeat"),
    *("uptime_s", "workers", "health", "version", "memory"),
]


def row(name: str, state: str = "running") -> Row:
    unknown = {key: None for key in Row.__slots__ if key not in ("name", "state")}
    return Row(**unknown | {"name": name, "state": state})  # type: ignore[arg-type]


def picture(*rows: Row, **service: Any) -> Snapshot:
    now = Instant(time.monotonic(), time.time())
    known: dict[str, Any] = {"pid": os.getpid(), "version": "1.2", "started_at": now.wall}
    places: dict[str, Any] = {"state_dir": "", "socket": "", "tmux_socket": "", "config": Config(path="/c", digest="d")}
    part = Service(**known | places | service)
    return Snapshot(1, now, part, Host(), {one.name: one for one in rows})


Problems = queue.SimpleQueue[str | None]


@pytest.fixture
def problems() -> Problems:
    return queue.SimpleQueue()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "status.json"


@pytest.fixture
def status(path: Path, problems: Problems) -> Iterator[StatusFile]:
    began = time.time()
    file = StatusFile(path, version="1.2", started_at=began, on_problem=problems.put)
    yield file
    file.stopped("the test is over")


def content(path: Path) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(path.read_bytes())
    return fields


def test_a_beat_is_on_disk_with_the_fields_of_the_contract(status: StatusFile, path: Path) -> None:
    seen = picture(row("a"), row("b"))
    seen = replace(seen, at=Instant(seen.at.mono + 5, seen.at.wall + 86_400))  # the clock was set
    status.beat(seen)
    wait_until(path.exists)
    fields = content(path)
    assert list(fields) == KEYS
    assert fields["service"] == "panevisor"
    assert fields["last_heartbeat"] == iso(seen.at.wall)
    assert (fields["status"], fields["workers"], fields["health"]) == ("running", 2, "ok")
    assert (fields["version"], fields["pid"]) == ("1.2", os.getpid())
    assert 1_000_000 < fields["memory"] < 10_000_000_000
    assert 5 <= fields["uptime_s"] < 5 + DEADLINE
    assert 200 < path.stat().st_size < 350
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (picture(), "ok"),
        (picture(row("a"), row("b", "backoff"), row("c", "stopped")), "ok"),
        (picture(row("a"), row("b", "failed")), "degraded"),
        (picture(row("a", "quarantined")), "degraded"),
        (picture(row("a"), degraded=("records file: full",)), "degraded"),
        (picture(row("a"), tmux="unreachable"), "degraded"),
    ],
)
def test_health_is_degraded_where_a_person_is_needed(seen: Snapshot, verdict: str) -> None:
    assert health(seen) == verdict


class SlowDisk:
    """Holds the first write until `goes_on` is set; `waits` is set when it has come."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waits, self.goes_on = threading.Event(), threading.Event()
        self.written: list[int] = []
        monkeypatch.setattr(status_file, "replace_file", self.replace)

    def replace(self, path: Path, content: bytes, *, sync: bool) -> None:
        self.waits.set()
        assert self.goes_on.wait(DEADLINE)
        self.written.append(json.loads(content)["workers"])
        private_files.replace_file(path, content, sync=sync)


def test_a_slow_disk_delays_no_beat_and_the_latest_or_the_last_word_is_written_after_it(
    status: StatusFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk(monkeypatch)
    status.beat(picture())
    assert disk.waits.wait(DEADLINE)
    for count in range(1, 4):
        status.beat(picture(*(row(str(number)) for number in range(count))))
    disk.goes_on.set()
    wait_until(lambda: path.is_file() and read_status(path).workers == 3)
    assert disk.written == [0, 3]
    disk.waits.clear()
    disk.goes_on.clear()
    status.beat(picture())
    assert disk.waits.wait(DEADLINE)
    ending = threading.Thread(target=status.stopped, args=("SIGTERM",))
    ending.start()
    disk.goes_on.set()
    ending.join(DEADLINE)
    assert content(path)["status"] == "stopped"


class SlowState(str):
    """A state that takes its time to be looked up."""

    seen = threading.Event()
    go_on = threading.Event()

    def __hash__(self) -> int:
        self.seen.set()
        self.go_on.wait(DEADLINE)
        return super().__hash__()


def ended() -> bool:
    """Whether no thread writes a status file any more."""
    return all(thread.name != "status-file" for thread in threading.enumerate())


def test_no_beat_is_written_after_the_end_though_it_was_rendered_before(
    status: StatusFile, path: Path, problems: Problems
) -> None:
    state = SlowState("running")
    status.beat(picture(row("a", state)))
    assert state.seen.wait(DEADLINE)
    status.stopped("SIGTERM", picture())
    before = path.stat().st_ino
    status.beat(picture())
    state.go_on.set()
    wait_until(ended)
    assert (content(path)["status"], path.stat().st_ino) == ("stopped", before)
    assert problems.empty()


def test_the_end_is_on_disk_when_the_call_returns(path: Path, status: StatusFile, problems: Problems) -> None:
    status.stopped("SIGTERM", picture(row("a")))
    fields = content(path)
    assert list(fields) == [*KEYS, "stopped_at", "reason"]
    assert (fields["status"], fields["reason"], fields["workers"]) == ("stopped", "SIGTERM", 1)
    assert fields["stopped_at"] >= fields["last_heartbeat"]
    other = StatusFile(path, version="1", started_at=time.time(), on_problem=problems.put)
    other.crashed("ValueError('\x1b[31m')" + "x" * 5000)
    fields = content(path)
    assert list(fields) == [*KEYS, "crashed_at", "error"]
    assert (fields["status"], fields["workers"]) == ("crashed", None)  # not known is not 0
    assert path.stat().st_size < 1000


def test_the_last_picture_speaks_where_the_end_brings_none(status: StatusFile, path: Path) -> None:
    status.beat(picture(row("a"), row("b", "failed")))
    status.crashed("boom")
    assert (content(path)["workers"], content(path)["health"]) == (2, "degraded")


def test_a_full_disk_is_told_once_and_its_end_too(
    status: StatusFile, path: Path, problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(private_files, "write_all", full)
        status.beat(picture())
        assert problems.get(timeout=DEADLINE) == f"{path}: No space left on device"
        for _ in range(3):
            status.beat(picture())
    status.beat(picture())
    assert problems.get(timeout=DEADLINE) is None
    wait_until(lambda: read_status(path).verdict == "running")
    assert problems.empty()


def test_a_last_word_that_cannot_be_written_raises_nothing(path: Path, problems: Problems) -> None:
    path.mkdir()
    (path / "in the way").touch()
    StatusFile(path, version="1", started_at=time.time(), on_problem=problems.put).crashed("boom")
    assert problems.get_nowait()


# ── readers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def report_of(path: Path, interval: float = DEADLINE, **fields: Any) -> str:
    """Write a file that says it runs as this process, changed by `fields`, and return the verdict on it."""
    now = time.time()
    known = dict.fromkeys(KEYS) | {"service": "panevisor", "status": "running", "pid": os.getpid(), "uptime_s": 0.0}
    path.write_text(json.dumps(known | {"started_at": iso(now), "last_heartbeat": iso(now)} | fields))
    return read_status(path, interval=interval).verdict


@pytest.mark.parametrize(
    ("off", "verdict"), [(0, "running"), (-10, "stale"), (10, "stale")], ids=["now", "old", "the clock was set back"]
)
def test_who_beats_runs_and_who_lives_and_does_not_is_stale(path: Path, off: float, verdict: str) -> None:
    assert report_of(path, DEADLINE, last_heartbeat=iso(time.time() + off * DEADLINE)) == verdict
    assert read_status(path, interval=30 * DEADLINE).verdict == "running"


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "1000"])
    yield process
    process.kill()
    process.wait()


def test_a_killed_service_is_gone_though_the_file_says_running(path: Path, child: subprocess.Popen[bytes]) -> None:
    assert report_of(path, pid=child.pid) == "running"
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie
    assert report_of(path, pid=child.pid) == "gone"
    child.wait()
    assert report_of(path, pid=child.pid) == "gone"


def test_a_stranger_with_the_pid_is_not_the_service_but_one_whose_clock_was_set_forward_is(
    path: Path, child: subprocess.Popen[bytes]
) -> None:
    before, now = time.time() - 86_400, time.time()
    assert report_of(path, pid=child.pid, started_at=iso(before), last_heartbeat=iso(now), uptime_s=86_400) == "gone"
    assert report_of(path, pid=child.pid, started_at=iso(before), last_heartbeat=iso(now), uptime_s=0.5) == "running"


@pytest.mark.parametrize("status", ["stopped", "crashed"])
def test_a_last_word_is_the_verdict_whoever_lives(path: Path, status: str) -> None:
    assert report_of(path, status=status, reason="SIGTERM", error="boom") == status
    assert read_status(path).reason == "SIGTERM"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "5", "null", '{"service": "nginx"}', '{"service": "panevisor"}', "[" * 100_000, "\ud800"],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_status_file_of_ours_is_unreadable(path: Path, text: str) -> None:
    assert read_status(path).verdict == "unreadable"  # it is missing
    path.write_bytes(text.encode(errors="surrogatepass"))
    assert read_status(path).verdict == "unreadable"


@pytest.mark.parametrize("key", KEYS[2:])
@pytest.mark.parametrize("value", [None, "x", 1e308, -1, [], {}, True, "9999-12-31T23:59:59-14:00"], ids=repr)
def test_a_field_that_makes_no_sense_raises_nothing(path: Path, key: str, value: object) -> None:
    assert report_of(path, **{key: value}) in ("running", "stale", "gone")


def test_a_reader_pays_for_the_standard_library_only() -> None:
    asked = "import sys, supervisor.state.status; print(*{name.partition('.')[0] for name in sys.modules})"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    ours = {"supervisor", "actors", "__main__"}
    site = {name for name in said.split() if name.startswith(("_virtualenv", "__editable__", "_distutils"))}
    assert set(said.split()) - sys.stdlib_module_names - ours - site == set()
