"""The service's log: whole lines, none that matters left out, and the state table from the log alone."""

import contextlib
import io
import itertools
import json
import logging
import os
import re
import resource
import stat
import threading
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.examples import examples
from kit.support import DEADLINE, wait_until

from actors.life.state import State
from supervisor.state import log_queue
from supervisor.state.console import MOST, Console
from supervisor.state.entries import LONGEST, entry_of
from supervisor.state.journal import LineFile, ServiceLog
from supervisor.state.log_queue import LogQueue
from supervisor.state.replay import rebuild

CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "service.log"


class Log(ServiceLog):
    def log(self, event: str, facts: Mapping[str, Any] = types.MappingProxyType({})) -> None:
        self.write(entry_of(event, facts))


def opened(path: Path, level: str = "info", max_size: int = 1_000_000, keep: int = 5, **more: Any) -> Log:
    return Log(path, level=level, max_size=max_size, keep=keep, **more)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def events(path: Path) -> list[str]:
    return [line["event"] for line in lines(path)]


def change(before: State | None, after: State, worker: str = "api") -> dict[str, Any]:
    return {"worker": worker, "life": "s-1", "cause": "test", "from": before, "to": after}


def running(worker: str = "api") -> dict[str, Any]:
    return change(State.STARTING, State.RUNNING, worker)


@contextlib.contextmanager
def disk_full_beyond(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` (the kernel says EFBIG where a full disk says ENOSPC)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_line_is_numbered_stamped_and_carries_its_facts(path: Path) -> None:
    log = opened(path)
    log.log("worker.exited", {"worker": "api", "exit_code": 3})
    log.log("worker.ready", {"worker": "api"})
    first, second = lines(path)
    assert list(first) == ["seq", "ts", "level", "event", "worker", "exit_code"]
    assert (first["seq"], first["level"], first["exit_code"]) == (1, "info", 3)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["ts"])
    assert second["seq"] == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_lies_below_the_level_is_left_out_but_a_change_of_state(path: Path) -> None:
    log = opened(path, level="error")
    log.log("ticker.overrun")
    log.log("worker.ready", running())
    log.log("actor.failed")
    assert [(line["seq"], line["event"]) for line in lines(path)] == [(1, "worker.ready"), (2, "actor.failed")]


def test_facts_do_not_replace_what_the_log_says_itself(path: Path) -> None:
    opened(path).log("odd", {"seq": 99, "event": "x", "level": "y", "ts": "z"})
    (line,) = lines(path)
    assert (line["seq"], line["event"], line["level"]) == (1, "odd", "warning")
    assert (line["seq_"], line["event_"], line["level_"], line["ts_"]) == (99, "x", "y", "z")


def test_a_new_file_begins_with_the_table(path: Path) -> None:
    log = opened(path, max_size=500)
    log.log("worker.ready", running())
    while not path.with_suffix(".log.1").exists():
        log.log("worker.healthy", {"text": "x" * 50})
    assert events(path) == ["state.table", "worker.healthy"]
    assert lines(path)[0]["workers"] == {"api": "running"}
    assert lines(path)[0]["reason"] == "new-file"
    sequence = [line["seq"] for file in (path.with_suffix(".log.1"), path) for line in lines(file)]
    assert sequence == list(range(1, len(sequence) + 1))


@pytest.mark.parametrize("keep", [1, 2, 4])
def test_it_keeps_so_many_files_in_all(path: Path, keep: int) -> None:
    log = opened(path, max_size=300, keep=keep)
    for _ in range(50):
        log.log("worker.healthy", {"text": "x" * 100})
    assert len(os.listdir(path.parent)) == keep
    assert all(file.stat().st_size <= 600 for file in path.parent.iterdir())


def test_a_table_longer_than_the_limit_does_not_make_each_line_a_file(path: Path) -> None:
    log = opened(path, max_size=4000, keep=3)
    for number in range(500):
        log.log("worker.ready", running(f"worker-{number}"))
    path.with_suffix(".log.1").unlink()
    for _ in range(10):
        log.log("worker.healthy")
    assert not path.with_suffix(".log.1").exists()


def test_a_file_that_was_moved_away_is_left_alone_after_reopen(path: Path) -> None:
    log = opened(path)
    log.log("worker.ready", running())
    moved = path.rename(path.with_name("moved"))
    log.log("before")
    log.reopen()
    log.log("after")
    assert events(moved) == ["worker.ready", "before"]
    assert events(path) == ["state.table", "after"]
    assert lines(path)[0]["workers"] == {"api": "running"}


def test_a_line_torn_by_the_last_service_spoils_no_line_of_ours(path: Path) -> None:
    path.write_text('{"event": "old"}\n{"ev')
    opened(path).write_table("start")
    torn, ours = path.read_text().splitlines()[1:]
    assert torn == '{"ev'
    assert (json.loads(ours)["event"], json.loads(ours)["reason"]) == ("state.table", "start")
    assert rebuild(path.read_text().splitlines()) == {}


# ── when the disk refuses ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("retried", [True, False])
def test_a_full_disk_raises_nothing_and_what_is_lost_is_counted(path: Path, retried: bool) -> None:
    path.symlink_to("/dev/full")
    log = opened(path, elsewhere=True)
    log.write_table("start")
    log.log("worker.ready", running())
    log.log("worker.healthy")
    log.retry()
    assert log.failing == f"{path}: No space left on device"
    path.unlink()
    if retried:
        log.retry()
        log.retry()
        assert log.failing is None
    log.log("worker.healthy")
    assert log.failing is None
    assert events(path) == ["state.table", "worker.healthy"]
    table = lines(path)[0]
    assert (table["seq"], table["reason"], table["lost"]) == (1, "gap", 2)
    assert table["workers"] == {"api": "running"}


@pytest.mark.parametrize("room", [0, 1, 60, None])
def test_of_a_line_that_cannot_be_written_nothing_stays(path: Path, room: int | None) -> None:
    log = opened(path)
    log.log("first")
    if room is None:  # its descriptor is closed behind its back
        fds = [fd for fd in Path("/proc/self/fd").iterdir() if fd.exists()]
        os.close(next(int(fd.name) for fd in fds if os.readlink(fd) == str(path)))
    with contextlib.nullcontext() if room is None else disk_full_beyond(path.stat().st_size + room):
        log.log("second", {"text": "x" * 100})
    why = "Bad file descriptor" if room is None else "File too large"
    assert (log.failing, events(path)) == (f"{path}: {why}", ["first"])
    log.log("third")
    assert (log.failing, events(path)) == (None, ["first", "state.table", "third"])
    assert [line["seq"] for line in lines(path)] == [1, 2, 3]


def test_a_folder_that_is_gone_and_comes_again_costs_only_the_lines_between(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "service.log"
    log = opened(path)
    log.log("lost")
    assert log.failing
    path.parent.mkdir()
    log.log("kept")
    assert (log.failing, events(path)) == (None, ["state.table", "kept"])


def test_where_rotation_fails_lines_go_on_in_the_old_file(path: Path) -> None:
    blocked = path.with_suffix(".log.1")
    (blocked / "in the way").mkdir(parents=True)
    log = opened(path, max_size=300, keep=2)
    for _ in range(10):
        log.log("worker.healthy")
    assert events(path) == ["worker.healthy"] * 10
    assert log.failing
    (blocked / "in the way").rmdir()
    blocked.rmdir()
    log.log("worker.healthy")
    assert events(path) == ["state.table", "worker.healthy"]
    assert log.failing is None


# ── from the log alone ────────────────────────────────────────────────────────────────────────────────────────────

workers = st.sampled_from(["a", "b", "c", "d"])
changes = st.tuples(st.just("change"), workers, st.sampled_from([*State][1:]))
acts = st.one_of(changes, changes, changes, st.tuples(st.sampled_from(["noise", "reopen", "full", "restart"])))


def newest_first(path: Path) -> list[Path]:
    rotated = sorted(path.parent.glob("service.log.*"), key=lambda file: int(file.suffix[1:]))
    return [path, *rotated] if path.exists() else rotated


@examples(50)
@given(st.lists(acts, max_size=40), st.integers(200, 900), st.integers(1, 4), st.sampled_from(["debug", "error"]))
def test_the_newest_files_alone_rebuild_the_table(
    tmp_path_factory: pytest.TempPathFactory, acts: list[Any], max_size: int, keep: int, level: str
) -> None:
    path = tmp_path_factory.mktemp("log") / "service.log"
    model: dict[str, str] = {}
    log = opened(path, level, max_size, keep)
    log.write_table("start")
    for act, *about in acts:
        if act == "change":
            worker, state = about
            log.log("worker.changed", change(None, state, worker))
            model[worker] = str(state)
            if state is State.REMOVED:
                del model[worker]
        elif act == "noise":
            log.log("noise", {"text": "x" * 80})
        elif act == "reopen":
            path.rename(path.with_name("moved"))
            log.reopen()
        elif act == "restart":
            log, model = opened(path, level, max_size, keep), {}
            log.write_table("start")
        else:
            with disk_full_beyond(path.stat().st_size + 70):
                log.log("worker.changed", change(None, State.PENDING, "a"))
            model["a"] = "pending"
            log.retry()
    text = ""
    for file in newest_first(path):
        text = file.read_text() + text
        assert rebuild(text.splitlines()) == model


@pytest.mark.parametrize("line", ["", "{", "[]", "7", "null", "[" * 100_000, '{"from": 1}', '{"event": "state.table"}'])
def test_a_line_that_is_no_entry_changes_nothing(line: str) -> None:
    table = '{"event": "state.table", "workers": {"a": "running"}}'
    assert rebuild([table, line]) == {"a": "running"}


# ── what may be in a fact ─────────────────────────────────────────────────────────────────────────────────────────


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)
HORRORS: list[Any] = [Rude(), CIRCLE, object(), State.RUNNING, Path("/x"), ValueError("x"), [[[[[[[[[1]]]]]]]]]]
HORRORS += [b"\xff\x00", "\ud800", "\x1b[2J\x9b\x85\u2028\n", {1, 2}, {(1, 2): 3}, {None: Rude()}]
HORRORS += [float("nan"), float("-inf"), 10**6000, -(2**70), 1j]


@pytest.mark.parametrize("fact", HORRORS, ids=lambda fact: type(fact).__name__)
@pytest.mark.parametrize("format", ["json", "console"])
def test_any_fact_makes_one_strict_json_line_and_no_control_character(path: Path, fact: Any, format: str) -> None:
    shown = shown_on(io.StringIO(), path, {"fact": fact, "\x1bkey\n": fact, "stack": fact, "traceback": fact}, format)
    (line,) = path.read_text().splitlines()
    assert "fact" in json.loads(line, parse_constant=pytest.fail)
    assert not CONTROLS.search(line + shown)
    assert shown.count("\n") == 1


def test_a_fact_that_json_knows_stays_what_it_is(path: Path) -> None:
    facts = {"a": None, "b": True, "c": -3, "d": 2.5, "e": ["x", {"y": 1}], "f": State.RUNNING, "g": "ü\n"}
    opened(path).log("odd", {**facts, "long": "Traceback" + "x" * 10_000 + "KeyError"})
    (line,) = lines(path)
    assert {key: line[key] for key in facts} == facts
    assert re.fullmatch("Tracebackx+…x+KeyError", line["long"])  # both its ends
    assert len(line["long"]) == LONGEST


# ── on a terminal ─────────────────────────────────────────────────────────────────────────────────────────────────


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown_on(stream: io.StringIO, path: Path, facts: Mapping[str, Any], format: str = "json") -> str:
    log = opened(path, console=Console(stream, format))
    log.log("worker.exited", facts)
    log.close()
    return stream.getvalue()


@pytest.mark.parametrize(
    ("stream", "format", "no_color", "shown"),
    [
        (Terminal, "json", "", r".*\x1b\[.*\\x1b\[2Jgone\\n.*\n"),
        (Terminal, "json", "1", r"[^\x1b]*text=\\x1b\[2Jgone\\n\n"),
        (io.StringIO, "console", "", r"[^\x1b]*text=\\x1b\[2Jgone\\n\n"),
        (io.StringIO, "json", "", r"\{.*\"text\": \"\\u001b\[2Jgone\\n\"\}\n"),
    ],
)
def test_a_terminal_gets_colours_and_a_pipe_json_unless_told_otherwise(
    path: Path, monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], format: str, no_color: str, shown: str
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    said = shown_on(stream(), path, {"text": "\x1b[2Jgone\n"}, format)
    assert "\x1b[2J" not in said
    assert re.fullmatch(shown, said)
    assert events(path) == ["worker.exited"]


def test_a_terminal_that_went_away_costs_no_line(path: Path) -> None:
    with contextlib.suppress(OSError), open("/dev/full", "w") as full, io.StringIO() as closed:
        logs = [opened(path, console=Console(terminal, "json")) for terminal in (full, closed)]
        closed.close()
        for log in logs:
            log.log("one")
            log.log("two")
            log.close()
    assert events(path) == ["one", "two"] * 2


@pytest.fixture
def stopped() -> Iterator[tuple[int, TextIO]]:
    """A terminal whose screen takes nothing, as after Ctrl-S: its screen, and what is written to."""
    screen, keyboard = os.openpty()
    with contextlib.suppress(OSError), open(keyboard, "w") as terminal:
        yield screen, terminal
        os.close(screen)  # first: it ends whatever still waits to be seen


def test_a_terminal_that_takes_nothing_holds_nobody_up_and_is_told_what_it_missed(
    path: Path, stopped: tuple[int, TextIO]
) -> None:
    screen, terminal = stopped
    log = opened(path, console=Console(terminal, "json"))
    count = 3 * MOST
    for number in range(count):
        log.log("worker.ready", {"worker": "api", "number": number})
    assert [line["number"] for line in lines(path)] == list(range(count))
    seen: list[int] = []
    missed = accounted = 0
    shown = io.BytesIO()
    while accounted < count:
        shown.write(os.read(screen, 65_536))
        seen, missed, accounted = [], 0, 0
        for line in re.sub(rb"\x1b\[[0-9;]*m", b"", shown.getvalue()).splitlines(keepends=True):
            if number := re.search(rb"number=(\d+)\r?\n", line):
                seen.append(int(number[1]))
                assert seen[-1] == accounted  # what was missed is told at its place
                accounted += 1
            elif told := re.search(rb"(\d+) lines were not shown", line):
                missed += int(told[1])
                accounted += int(told[1])
    assert missed
    assert len(seen) >= MOST
    log.close()


def test_a_terminal_that_takes_nothing_holds_up_no_end(path: Path, stopped: tuple[int, TextIO]) -> None:
    log = opened(path, console=Console(stopped[1], "json"))
    for _ in range(MOST):
        log.log("worker.ready", {"worker": "api", "text": "x" * 100})
    log.close()  # comes back


# ── the queue in front of it ──────────────────────────────────────────────────────────────────────────────────────


class Disk:
    """While it does not work, whoever writes a line waits inside."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.works, self.held = threading.Event(), threading.Event()
        append = LineFile.append

        def appended(file: LineFile, line: bytes) -> None:
            self.held.set()
            assert self.works.wait(DEADLINE)
            append(file, line)

        monkeypatch.setattr(LineFile, "append", appended)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk(monkeypatch)
    yield disk
    disk.works.set()


@pytest.fixture
def log(path: Path) -> Iterator[LogQueue]:
    queue = LogQueue(opened(path))
    yield queue
    queue.close()


def test_whoever_logs_waits_for_no_disk_and_lines_of_many_threads_are_whole_and_in_one_order(
    disk: Disk, log: LogQueue, path: Path
) -> None:
    def write(worker: int) -> None:
        for number in range(200):
            log.log("test.line", {"worker": worker, "number": number})

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert disk.held.wait(DEADLINE)
    disk.works.set()
    log.close()
    assert [line["seq"] for line in lines(path)] == list(range(1, 8 * 200 + 1))
    for worker in range(8):
        assert [line["number"] for line in lines(path) if line["worker"] == worker] == list(range(200))


def test_what_is_dropped_is_counted_and_changes_of_state_are_dropped_last(
    disk: Disk, log: LogQueue, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_queue, "MOST", 10)
    log.log("test.first", {})
    assert disk.held.wait(DEADLINE)
    for number in range(30):
        log.log("test.line", {"number": number})
        log.log("worker.moved", {"worker": f"w{number % 3}", "from": "x", "to": f"state-{number}"})
    disk.works.set()
    log.close()
    found = lines(path)
    written = [line["event"] for line in found if line["event"] in ("test.line", "worker.moved")]
    dropped = sum(line["count"] for line in found if line["event"] == "log.dropped")
    assert dropped == 60 - len(written) > 0
    assert written.count("worker.moved") > written.count("test.line")
    for line, after in itertools.pairwise(found):
        if line["event"] == "log.dropped":
            assert (after["event"], after["reason"]) == ("state.table", "gap")
    assert rebuild(path.read_text().splitlines()) == {"w0": "state-27", "w1": "state-28", "w2": "state-29"}


def test_a_reopen_keeps_its_place_among_the_lines(log: LogQueue, path: Path) -> None:
    log.log("test.before", {})
    log.settle()
    path.rename(path.with_name("old"))
    log.reopen()
    log.log("test.after", {})
    log.close()
    assert events(path) == ["state.table", "test.after"]


def test_an_end_writes_what_waits_though_the_thread_has_died(log: LogQueue, path: Path) -> None:
    log._backlog.put_once(lambda: [][0])
    wait_until(lambda: not log._backlog._thread.is_alive())
    log.log("test.last", {})
    log.close()
    assert events(path) == ["test.last"]


def test_what_a_library_logs_stands_in_the_log(log: LogQueue, path: Path) -> None:
    logging.getLogger("pykka").warning("unexpected message %r", 7)
    try:
        raise ValueError("odd")
    except ValueError:
        logging.getLogger("asyncio").exception("a task failed")
    logging.getLogger("pykka").debug("started")
    log.close()
    logging.getLogger("pykka").warning("after the end")
    warned, failed = lines(path)
    assert (warned["event"], warned["level"], warned["logger"]) == ("library.warned", "warning", "pykka")
    assert warned["message"] == "unexpected message 7"
    assert (failed["event"], failed["level"], failed["message"]) == ("library.failed", "error", "a task failed")
    assert re.fullmatch(r"Traceback (.*\n)+ValueError: odd\n", failed["traceback"])
