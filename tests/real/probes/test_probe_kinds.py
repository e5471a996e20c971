"""Each kind of probe: passing, failing, hanging; on real sockets, processes and files."""

import contextlib
import errno
import http.server
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.probes import EMPTY, MARKER, Asked, failure
from kit.support import DEADLINE, alive, cmdline, marked_processes, wait_until

from actors.values.facts import ProbeFailed, ProbeSucceeded, ProbeUnknown, Purpose
from actors.values.spec import Http
from supervisor.kernel.shortage import NoProcess, NoThread
from supervisor.logs.of_life import LONGEST_LINE, LinesOfLife
from supervisor.logs.segments import Segments
from supervisor.probes.pool import LATE
from supervisor.text.patterns import compiled

SELDOM = 10.0  # seconds; an `interval` after which a try is not made again while a test looks


# ── sockets ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_unix_socket_that_accepts_is_well_and_one_that_is_not_there_is_not(asked: Asked) -> None:
    path = str(asked.place / "api.sock")
    asked.ready(unix=path)
    assert asked.next() == failure("no such file or directory")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        asked.until(failure("connection refused"))
        listener.listen(64)
        asked.well()


def test_a_port_where_nobody_listens_is_refused_in_plain_words(asked: Asked) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        asked.ready(tcp=f"127.0.0.1:{bound.getsockname()[1]}")
        assert asked.next() == failure("connection refused")


def test_a_unix_socket_whose_queue_is_full_hangs_for_the_time_of_a_try(asked: Asked) -> None:
    path = str(asked.place / "api.sock")
    with contextlib.ExitStack() as sockets:
        listener, *waiting = (sockets.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(3))
        listener.bind(path)
        listener.listen(0)
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(path)
        asked.ready(unix=path, attempt_timeout=0.1)
        assert asked.until(ProbeFailed) == failure("no answer within 0.1s")


class Handler(http.server.BaseHTTPRequestHandler):
    """Is well only for who asks as the spec says."""

    def do_GET(self) -> None:
        self.send_response(200 if (self.path, self.headers["Key"]) == ("/health?deep=1", "x") else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_get_is_sent_as_the_spec_says_and_its_answer_judged(asked: Asked) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/health"
        asked.ready(http=Http(f"{url}?deep=1", headers=(("Key", "x"),)))
        asked.well()
        asked.ready("l2", http=Http(url))
        asked.until(failure("answered 404", "l2"))
        server.shutdown()


def test_an_http_server_that_never_answers_costs_only_the_probe_that_asks_it(asked: Asked) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as silent, socket.create_server(("127.0.0.1", 0)) as other:
        for number in range(100):  # more than there are places
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            asked.ready(f"hung{number}", http=Http(url), attempt_timeout=0.2, interval=SELDOM)
        asked.ready("well", tcp=f"127.0.0.1:{other.getsockname()[1]}", interval=SELDOM)
        told = {asked.next()}
        while not told >= {ProbeSucceeded("well"), failure("no answer within 0.2s", "hung0")}:
            told.add(asked.next())


# ── command ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_command_is_judged_by_its_exit_code_and_runs_as_the_worker_does(asked: Asked) -> None:
    asked.ready(command='test "$KEY" = value && test "$PWD" = "$PLACE" && exit 0; exit 3')
    assert asked.next() == failure("exited with code 3")
    asked.ready("l2", env=(("KEY", "value"), ("PLACE", str(asked.place))), command='test "$KEY$PWD" = "value$PLACE"')
    asked.well("l2")


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        (("sh", "-c", "kill -9 $$"), "killed by signal 9 (KILL)"),
        (("./no-such-program",), "program not found: {place}/./no-such-program"),
        (("$HOME",), "program not found: $HOME (in none of the 2 folders of PATH)"),
        (("sh", "-c", "exit 127"), "exited with code 127"),
        ("exit 1", "exited with code 1"),
    ],
)
def test_what_is_wrong_with_a_command_is_said(asked: Asked, command: tuple[str, ...] | str, fault: str) -> None:
    asked.ready(command=command, env=(("PATH", "/usr/bin:/bin"),))
    assert asked.next() == failure(fault.format(place=asked.place))


def test_a_command_may_open_as_many_files_as_the_worker_may(place: Path) -> None:
    asked = Asked(place, nofile=128)
    asked.ready(command='test "$(ulimit -Sn)" = 128 && test "$(ulimit -Hn)" != 128')
    assert asked.next() == ProbeSucceeded("l1")
    asked.close()


def marked(life: str) -> list[int]:
    return [pid for pid, mark in marked_processes() if mark == f"{MARKER}/api/{life}"]


def test_a_command_that_hangs_or_is_given_up_is_killed_with_its_whole_group(asked: Asked) -> None:
    asked.ready("l-hang", command="sleep 1000 & sleep 1000", attempt_timeout=1.0)
    pids: list[int] = []

    def whole() -> bool:
        pids[:] = marked("l-hang")
        return len(pids) == 3

    wait_until(whole)
    asked.until(failure("no answer within 1s", "l-hang"))
    wait_until(lambda: not any(map(alive, pids)))
    wait_until(whole)
    asked.pool.forget("l-hang")
    wait_until(lambda: not marked("l-hang"))
    wait_until(lambda: asked.pool.tables() == EMPTY)


def test_what_a_good_command_leaves_in_its_group_is_killed_and_what_leaves_it_bears_the_mark(asked: Asked) -> None:
    asked.ready("l-left", command="sleep 1000 & setsid sleep 1001 & sleep 0.3", interval=SELDOM)
    try:
        asked.well("l-left")
        wait_until(lambda: asked.pool.tables()["processes"] == 0)  # no try is under way that could leave another one
        # one of each try: on a busy machine there may be more than the one that succeeded
        wait_until(lambda: {cmdline(pid) for pid in marked("l-left")} == {"sleep 1001 "})
    finally:
        while left := marked("l-left"):
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def test_a_command_does_not_inherit_what_is_open_here(asked: Asked) -> None:
    with open(os.devnull) as held:
        os.set_inheritable(held.fileno(), True)
        asked.ready(command=f"test ! -e /proc/self/fd/{held.fileno()}")
        assert asked.next() == ProbeSucceeded("l1")


# ── log ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Log:
    """A worker's log, written as `split` does: a segment is full, and the next one begins."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.segments = Segments(directory)
        self.number = 0

    def begin(self, life: str) -> None:
        self.segments.note_lives({"api": life})

    def write(self, text: bytes) -> None:
        with open(self.directory / f"api.s-1-0.{self.number:06}", "ab") as file:
            file.write(text)

    def rotate(self) -> None:
        self.number += 1


@pytest.fixture
def log(place: Path) -> Log:
    return Log(place)


def lines_of(log: Log, life: str) -> Callable[[], list[str]]:
    lines = LinesOfLife(log.directory, "api", life)
    return lambda: [line for line in lines.new() if line]


def test_only_what_the_life_itself_has_printed_counts(log: Log) -> None:
    log.begin("s-1")
    log.write(b"ready\r\n")
    log.begin("s-2")
    log.write(b"booting\r\n")
    assert lines_of(log, "s-1")() == ["ready", "booting"]
    assert lines_of(log, "s-2")() == ["booting"]


def test_a_line_is_what_a_terminal_shows_of_it_also_after_many_redraws(log: Log) -> None:
    log.begin("s-1")
    new = lines_of(log, "s-1")
    log.write(b"Server\x1b[1Cis\x1b[1Cready\r\n\x1b[1;1HWelcome\x1b[2;1HServer is up")
    assert new() == ["Server is ready", "Welcome", "Server is up"]
    log.write(b"\r\n" + b"".join(b"\rpart %d" % number for number in range(LONGEST_LINE)) + b"\rServer is done\r\n")
    assert new()[-1] == "Server is done"


def test_lines_are_read_once_across_rotations(log: Log) -> None:
    log.begin("s-1")
    new = lines_of(log, "s-1")
    log.write(b"one\r\ntw")
    assert new() == ["one", "tw"]
    log.write(b"o\r\n")
    log.rotate()
    log.write(b"three\r\nfo")
    log.rotate()
    log.write(b"ur\r\n")
    assert new() == ["two", "three", "four"]
    assert new() == []
    (log.directory / "api.s-1-0.000000").unlink()
    log.write(b"\x1b[32mfive\x1b[0m\r\n")
    assert new() == ["five"]


def test_a_new_segment_is_seen_though_the_clock_was_set_back_meanwhile(log: Log) -> None:
    log.begin("s-1")
    new = lines_of(log, "s-1")
    for ago, text in ((10.0, b"one\r\n"), (3600.0, b"two\r\n")):
        log.write(text)
        changed = time.time() - ago
        os.utime(log.directory, (changed, changed))
        assert new() == [text.decode().strip()]
        log.rotate()


def test_of_a_long_line_its_beginning_counts(log: Log) -> None:
    log.begin("s-1")
    new = lines_of(log, "s-1")
    for _ in range(100):
        log.write(b"x" * 100_000)
        assert [len(line) for line in new()] == [LONGEST_LINE]
    log.write(b"late\r\nnext\r\n")
    assert [len(line) for line in new()] == [LONGEST_LINE, 4]


def test_a_log_probe_waits_for_its_line_across_a_rotation(asked: Asked, log: Log) -> None:
    asked.ready("s-1", log=r"^listening on \d+$")
    assert asked.next() == failure("its log has no such line", "s-1")  # nor any other
    log.begin("s-1")
    log.write(b"booting\r\n")
    log.rotate()
    log.write(b"listening on 80")
    log.rotate()
    log.write(b"80\r\n")
    asked.until(ProbeSucceeded)
    assert asked.next() == ProbeSucceeded("s-1")  # what it has said once it has said


@pytest.mark.parametrize(
    ("owner", "name", "refusal", "lack"),
    [
        (threading.Thread, "start", RuntimeError("can't start new thread"), NoThread),
        (subprocess, "Popen", BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), NoProcess),
    ],
)
def test_a_lack_of_ours_is_no_try_and_tells_nothing_of_a_worker(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, refusal: Exception, lack: type[Exception]
) -> None:
    real, refusals = getattr(owner, name), [refusal]

    def refused_once(*arguments: Any, **how: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return real(*arguments, **how)

    monkeypatch.setattr(owner, name, refused_once)
    asked.live(command=["true"])
    assert asked.next() == ProbeSucceeded("l1", Purpose.LIVE)
    assert isinstance(asked.errors.get(timeout=DEADLINE), lack)


def test_a_living_worker_has_to_print_the_line_again_and_again(asked: Asked, log: Log) -> None:
    log.begin("l1")
    log.write(b"beat\r\n")
    asked.live(log="^beat$")
    reason = "its log has no such line of late"
    assert asked.next() == ProbeFailed("l1", reason, Purpose.LIVE)
    log.write(b"beat\r\n")
    asked.until(ProbeSucceeded)
    asked.until(ProbeFailed)


# ── screen ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_screen_is_judged_as_it_was_shown_last_and_not_at_all_before(asked: Asked) -> None:
    asked.live(screen=r"^ready> *$")
    asked.pool.show("l1", b"\x1b[1mbooting\x1b[0m\n\n")
    assert asked.until(ProbeFailed) == ProbeFailed("l1", "its screen does not show it", Purpose.LIVE)
    asked.pool.show("l1", b"hello\n\x1b[1mready>\x1b[0m\n\n")
    asked.until(ProbeSucceeded)
    asked.live("l2", screen="ready", screen_now=b"ready\n")
    asked.until(ProbeSucceeded("l2", Purpose.LIVE))


def test_screens_of_lives_that_start_are_looked_at_together(place: Path) -> None:
    looks: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def glance(panes: list[str], answer: Callable[[dict[str, bytes]], None]) -> None:
        looks.put(panes)
        answer(dict.fromkeys(panes, b"ready\n"))

    asked = Asked(place, glance)
    for number in range(20):
        asked.ready(f"l{number}", screen="^ready$", interval=SELDOM)
    told = {asked.next()}
    while not told >= {ProbeSucceeded(f"l{number}") for number in range(20)}:
        told.add(asked.next())
    assert looks.get(timeout=DEADLINE) == ["%1"]
    asked.close()


def test_a_look_that_is_never_answered_is_no_verdict(place: Path) -> None:
    asked = Asked(place, lambda panes, answer: None)
    asked.ready(screen="x", interval=0.05)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        asked.ready("other", tcp=f"127.0.0.1:{listener.getsockname()[1]}")
        assert {asked.next() for _ in range(20)} == {ProbeSucceeded("other")}
    asked.close()


# ── while tmux does not answer ────────────────────────────────────────────────────────────────────────────────────


class Tmux:
    """What a glance meets: all that programs print passes through it. None is what it says while it hangs."""

    def __init__(self) -> None:
        self.answers = True
        self.asked = 0
        self.shown = b"booting\n"

    def glance(self, panes: list[str], answer: Callable[[dict[str, bytes] | None], None]) -> None:
        self.asked += 1
        answer(dict.fromkeys(panes, self.shown) if self.answers else None)


@pytest.fixture
def tmux(place: Path) -> Iterator[tuple[Tmux, Asked]]:
    tmux = Tmux()
    asked = Asked(place, tmux.glance)
    yield tmux, asked
    asked.close()


@pytest.mark.parametrize("check", [{"log": "tick"}, {"screen": "tick"}])
@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_try_while_tmux_does_not_answer_is_no_try(
    tmux: tuple[Tmux, Asked], log: Log, check: dict[str, str], purpose: Purpose
) -> None:
    hung, asked = tmux
    log.begin("l1")
    hung.answers = False
    began = time.monotonic()
    if purpose is Purpose.READY:
        asked.ready(**check)
    else:
        asked.live(screen_now=b"an old screen\n", **check)
    told = [asked.next() for _ in range(10)]
    assert {(type(fact), fact.life, fact.purpose) for fact in told} == {(ProbeUnknown, "l1", purpose)}
    assert all(began <= fact.since <= time.monotonic() for fact in told)
    hung.answers = True
    assert asked.until(ProbeFailed).purpose is purpose
    log.write(b"tick\n")
    hung.shown = b"tick\n"
    asked.pool.show("l1", b"tick\n")
    asked.until(ProbeSucceeded)


def test_what_does_not_pass_through_tmux_goes_on_without_it(tmux: tuple[Tmux, Asked]) -> None:
    hung, asked = tmux
    hung.answers = False
    asked.live(command=("true",))
    assert [type(asked.next()) for _ in range(5)] == [ProbeSucceeded] * 5
    assert hung.asked == 0


def test_the_first_failure_after_an_outage_is_none_as_what_was_printed_is_on_its_way(
    tmux: tuple[Tmux, Asked], log: Log
) -> None:
    hung, asked = tmux
    log.begin("l1")
    asked.live(log="tick")
    asked.until(ProbeFailed)
    hung.answers = False
    asked.until(ProbeUnknown)
    while not asked.facts.empty():
        asked.next()
    hung.answers = True
    assert isinstance(asked.next(), ProbeUnknown)
    asked.until(ProbeFailed)


def test_a_running_workers_screen_is_looked_at_anew_after_an_outage(tmux: tuple[Tmux, Asked]) -> None:
    """The capture beat shows changes only, and what it has shown last is from before."""
    hung, asked = tmux
    asked.live(screen="tick", screen_now=b"tick\n")
    asked.until(ProbeSucceeded)
    hung.answers = False
    asked.until(ProbeUnknown)
    hung.shown, hung.answers = b"an error\n", True
    asked.until(ProbeFailed)


def test_the_grace_of_a_running_worker_moves_on_by_an_outage(tmux: tuple[Tmux, Asked]) -> None:
    hung, asked = tmux
    hung.answers = False
    asked.live(log="tick", grace=0.2)
    wait_until(lambda: hung.asked >= 5)
    assert asked.facts.empty()
    hung.answers = True
    asked.until(ProbeFailed)


def test_a_try_that_was_late_because_the_service_was_stopped_is_no_try(asked: Asked) -> None:
    """The loop stands still for a while, as it does in a process that gets SIGSTOP and SIGCONT."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asked.ready(http=Http(f"http://127.0.0.1:{silent.getsockname()[1]}/"), attempt_timeout=0.3)

        def late() -> bool:
            connection, _ = silent.accept()
            asked.pool._loop.call_soon_threadsafe(time.sleep, 0.3 + 2 * LATE)
            with connection:
                return isinstance(asked.next(), ProbeUnknown)  # else it was over before the loop stood still

        wait_until(late)


# ── patterns ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*)*x$"])
def test_no_pattern_takes_long_for_any_text(pattern: str) -> None:
    text = "a" * 1_000_000 + "b"
    before = time.process_time()
    assert compiled(pattern).search(text) is None
    assert time.process_time() - before < 30  # 10 ms; a search that tries each way takes years


def test_circumflex_and_dollar_are_the_ends_of_a_line() -> None:
    assert compiled("^ready> *$").search("hello\nready> \n") is not None
    assert compiled("a|^b").search("x\nb") is not None
    assert compiled(r"\Qa.b").search("a.b") is not None


def test_a_command_line_that_shows_a_picture_loads_neither_patterns_nor_probes() -> None:
    heavy = "[m for m in ('re2', 'asyncio', 'supervisor.probes.pool') if m in sys.modules]"
    code = f"import sys, supervisor.cli; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=os.getcwd(), check=False)
    assert done.stdout.strip() == "[]", done.stderr
