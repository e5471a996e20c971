"""The service's log: whole lines, none that matters left out, and the state table from the log alone."""

import contextlib
import io
import json
import os
import re
import resource
import stat
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.examples import examples

from actors.life.state import State
from supervisor.state.console import MOST
from supervisor.state.journal import LONGEST, ServiceLog
from supervisor.state.replay import rebuild

CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "service.log"


def opened(path: Path, level: str = "info", max_size: int = 1_000_000, keep: int = 5, **more: Any) -> ServiceLog:
    return ServiceLog(path, level=level, max_size=max_size, keep=keep, **{"format": "json", "console": None} | more)


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


def test_only_the_owner_may_read_it(path: Path) -> None:
    opened(path).begin()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_lies_below_the_level_is_left_out(path: Path) -> None:
    log = opened(path, level="warning")
    log.log("ticker.on_time", {})
    log.log("ticker.overrun", {})
    assert events(path) == ["ticker.overrun"]
    assert lines(path)[0]["seq"] == 1


def test_a_transition_is_written_whatever_the_level(path: Path) -> None:
    log = opened(path, level="error")
    log.log("worker.ready", running())
    assert events(path) == ["worker.ready"]


def test_facts_do_not_replace_what_the_log_says_itself(path: Path) -> None:
    opened(path).log("odd", {"seq": 99, "event": "x", "level": "y", "ts": "z"})
    (line,) = lines(path)
    assert (line["seq"], line["event"], line["level"]) == (1, "odd", "warning")
    assert (line["seq_"], line["event_"], line["level_"], line["ts_"]) == (99, "x", "y", "z")


def test_a_start_is_followed_by_the_whole_table(path: Path) -> None:
    opened(path).begin()
    (line,) = lines(path)
    assert (line["event"], line["reason"], line["workers"]) == ("state.table", "start", {})


def test_the_table_knows_who_is_where_and_forgets_the_removed(path: Path) -> None:
    log = opened(path)
    log.log("worker.ready", running("a"))
    log.log("worker.ready", running("b"))
    log.log("worker.removed", change(State.STOPPED, State.REMOVED, "a"))
    log.state_line("asked")
    assert lines(path)[-1]["workers"] == {"b": "running"}


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
        log.log("worker.healthy", {})
    assert not path.with_suffix(".log.1").exists()


def test_a_file_that_was_moved_away_is_left_alone_after_reopen(path: Path) -> None:
    log = opened(path)
    log.log("worker.ready", running())
    moved = path.rename(path.with_name("moved"))
    log.log("before", {})
    log.reopen()
    log.log("after", {})
    assert events(moved) == ["worker.ready", "before"]
    assert events(path) == ["state.table", "after"]
    assert lines(path)[0]["workers"] == {"api": "running"}


def test_a_line_torn_by_the_last_service_spoils_no_line_of_ours(path: Path) -> None:
    path.write_text('{"event": "old"}\n{"ev')
    opened(path).begin()
    torn, ours = path.read_text().splitlines()[1:]
    assert torn == '{"ev'
    assert json.loads(ours)["event"] == "state.table"
    assert rebuild(path.read_text().splitlines()) == {}


# ── when the disk refuses ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_full_disk_raises_nothing_and_what_is_lost_is_counted(path: Path, tmp_path: Path) -> None:
    path.symlink_to("/dev/full")
    log = opened(path, elsewhere=True)
    log.begin()
    log.log("worker.ready", running())
    log.log("worker.healthy", {})
    assert log.failing == f"{path}: No space left on device"
    path.unlink()
    log.log("worker.healthy", {})
    assert log.failing is None
    assert events(path) == ["state.table", "worker.healthy"]
    table = lines(path)[0]
    assert (table["seq"], table["reason"], table["lost"]) == (1, "gap", 2)
    assert table["workers"] == {"api": "running"}


def test_writing_is_tried_again_without_waiting_for_a_line(path: Path) -> None:
    path.symlink_to("/dev/full")
    log = opened(path, elsewhere=True)
    log.log("lost", {})
    log.retry()
    assert log.failing
    path.unlink()
    log.retry()
    log.retry()
    assert log.failing is None
    assert events(path) == ["state.table"]
    assert lines(path)[0]["lost"] == 1


@pytest.mark.parametrize("room", [0, 1, 60])
def test_of_a_line_that_does_not_fit_nothing_stays(path: Path, room: int) -> None:
    log = opened(path)
    log.log("first", {})
    with disk_full_beyond(path.stat().st_size + room):
        log.log("second", {"text": "x" * 100})
    assert log.failing == f"{path}: File too large"
    assert events(path) == ["first"]
    log.log("third", {})
    assert events(path) == ["first", "state.table", "third"]
    assert [line["seq"] for line in lines(path)] == [1, 2, 3]


def test_a_descriptor_closed_behind_its_back_is_replaced(path: Path) -> None:
    log = opened(path)
    log.log("first", {})
    fds = [int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")]
    os.close(next(fd for fd in fds if os.readlink(f"/proc/self/fd/{fd}") == str(path)))
    log.log("second", {})
    assert log.failing == f"{path}: Bad file descriptor"
    log.log("third", {})
    assert events(path) == ["first", "state.table", "third"]


def test_a_folder_that_is_gone_and_comes_again_costs_only_the_lines_between(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "service.log"
    log = opened(path)
    log.log("lost", {})
    assert log.failing
    path.parent.mkdir()
    log.log("kept", {})
    assert events(path) == ["state.table", "kept"]


def test_where_rotation_fails_lines_go_on_in_the_old_file(path: Path) -> None:
    blocked = path.with_suffix(".log.1")
    (blocked / "in the way").mkdir(parents=True)
    log = opened(path, max_size=300, keep=2)
    for _ in range(10):
        log.log("worker.healthy", {})
    assert events(path) == ["worker.healthy"] * 10
    assert log.failing
    (blocked / "in the way").rmdir()
    blocked.rmdir()
    log.log("worker.healthy", {})
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
    log.begin()
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
            log.begin()
        else:
            with disk_full_beyond(path.stat().st_size + 70):
                log.log("worker.changed", change(None, State.PENDING, "a"))
            model["a"] = "pending"
            log.retry()
    text = ""
    for file in newest_first(path):
        text = file.read_text() + text
        assert rebuild(text.splitlines()) == model


def test_lines_from_many_threads_are_whole_and_in_one_order(path: Path) -> None:
    log = opened(path, max_size=20_000, keep=1000)

    def write(worker: str) -> None:
        for _ in range(200):
            log.log("worker.ready", running(worker))

    threads = [threading.Thread(target=write, args=(f"w{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sequence = [line["seq"] for file in reversed(newest_first(path)) for line in lines(file)]
    assert sequence == list(range(1, len(sequence) + 1))
    assert len(sequence) >= 8 * 200


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
HORRORS: list[Any] = [
    *(
        Rude(),
        CIRCLE,
        b"\xff\x00",
        {1, 2},
        {(1, 2): 3},
        {None: Rude()},
        float("nan"),
        float("-inf"),
        10**6000,
        -(2**70),
    ),
    *(
        "\ud800",
        "\x1b[2J\x9b\x85\u2028\n",
        object(),
        State.RUNNING,
        Path("/x"),
        ValueError("x"),
        1j,
        [[[[[[[[[1]]]]]]]]],
    ),
]


@pytest.mark.parametrize("fact", HORRORS, ids=lambda fact: type(fact).__name__)
@pytest.mark.parametrize("format", ["json", "console"])
def test_any_fact_makes_one_strict_json_line_and_no_control_character(path: Path, fact: Any, format: str) -> None:
    console = io.StringIO()
    log = opened(path, format=format, console=console)
    log.log("odd", {"fact": fact, "\x1bkey\n": fact, "stack": fact})
    log.close()
    (line,) = path.read_text().splitlines()
    assert "fact" in json.loads(line, parse_constant=pytest.fail)
    shown = console.getvalue()
    assert not CONTROLS.search(line + shown)
    assert shown.count("\n") == 1


def test_a_fact_that_json_knows_stays_what_it_is(path: Path) -> None:
    facts = {"a": None, "b": True, "c": -3, "d": 2.5, "e": ["x", {"y": 1}], "f": State.RUNNING, "g": "ü\n"}
    opened(path).log("odd", facts)
    (line,) = lines(path)
    assert {key: line[key] for key in facts} == facts


def test_a_long_string_keeps_both_its_ends(path: Path) -> None:
    opened(path).log("actor.failed", {"traceback": "Traceback" + "x" * 10_000 + "KeyError"})
    shown = lines(path)[0]["traceback"]
    assert len(shown) == LONGEST
    assert shown.startswith("Traceback")
    assert shown.endswith("KeyError")


# ── on a terminal ─────────────────────────────────────────────────────────────────────────────────────────────────


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown_on(console: io.StringIO, path: Path, facts: Mapping[str, Any], format: str = "json") -> str:
    log = opened(path, format=format, console=console)
    log.log("worker.exited", facts)
    log.close()
    return console.getvalue()


def test_a_person_gets_colours_and_the_file_json(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = shown_on(Terminal(), path, {"exit_code": 3, "text": "\x1b[2Jgone\n"})
    assert "\x1b[" in shown
    assert "\x1b[2J" not in shown
    assert "\\x1b[2Jgone\\n" in shown
    assert events(path) == ["worker.exited"]


def test_no_color_is_obeyed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown = shown_on(Terminal(), path, {"exit_code": 3})
    assert "\x1b" not in shown
    assert "exit_code=3" in shown


def test_a_pipe_gets_json_unless_told_otherwise(path: Path) -> None:
    assert json.loads(shown_on(io.StringIO(), path, {"exit_code": 3})) == lines(path)[0]
    assert "exit_code=3" in shown_on(io.StringIO(), path, {"exit_code": 3}, format="console")


def test_a_terminal_that_went_away_costs_no_line(path: Path) -> None:
    console = io.StringIO()
    log = opened(path, console=console)
    console.close()
    log.log("one", {})
    log.close()
    with contextlib.suppress(OSError), open("/dev/full", "w") as full:
        log = opened(path, console=full)
        log.log("two", {})
        log.close()
    assert events(path) == ["one", "two"]


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
    log = opened(path, console=terminal)
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
    log = opened(path, console=stopped[1])
    for _ in range(MOST):
        log.log("worker.ready", {"worker": "api", "text": "x" * 100})
    log.close()  # comes back
