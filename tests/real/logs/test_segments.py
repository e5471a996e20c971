"""Worker logs: written by a real `split`, read across its segments as one."""

import itertools
import json
import os
import shutil
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.examples import examples
from kit.support import DEADLINE

from supervisor.logs.lives import LIVES_KEPT
from supervisor.logs.names import Segment, pipe_command, segments_of
from supervisor.logs.quota import LogQuota
from supervisor.logs.reading import LONGEST_PIECE, follow, read_tail
from supervisor.logs.segments import LogFacts, Segments
from supervisor.tmux.words import words


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    directory = tmp_path / "logs"
    directory.mkdir()
    return directory


def eventually(claim: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not claim():
        assert time.monotonic() < deadline, "it did not come true in time"
        os.sched_yield()


def piped(logs: Path, output: bytes, life: str = "s-1", arm: int = 0, max_size: int = 4096, name: str = "api") -> None:
    """Let a real pipe take the output and come to its end."""
    command = pipe_command("logs", name, life, arm, max_size)
    subprocess.run(["/bin/sh", "-c", command], input=output, cwd=logs.parent, check=True)


def segment(logs: Path, number: int, content: bytes, life: str = "s-1", arm: int = 0, name: str = "api") -> Path:
    path = logs / f"{name}.{life}-{arm}.{number:06}"
    path.write_bytes(content)
    return path


def whole(logs: Path, name: str = "api") -> bytes:
    return b"".join(read_tail(logs, name))


# ── the pipe ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pipe_cuts_its_output_into_numbered_segments_and_loses_nothing(logs: Path) -> None:
    output = b"".join(b"line %d\n" % number for number in range(2000))
    piped(logs, output)
    assert [path.name for path in sorted(logs.iterdir())][:2] == ["api.s-1-0.000000", "api.s-1-0.000001"]
    assert whole(logs) == output
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in logs.iterdir())


def test_a_second_pipe_goes_on_after_the_first_even_under_the_same_name(logs: Path) -> None:
    piped(logs, b"a" * 10_000)
    piped(logs, b"b" * 10_000)  # a new service counts its arms from 0 again
    piped(logs, b"c" * 10_000, life="s-2", arm=7)
    assert whole(logs) == b"a" * 10_000 + b"b" * 10_000 + b"c" * 10_000


def test_numbers_with_leading_zeros_are_decimal(logs: Path) -> None:
    segment(logs, 88, b"old\n")
    piped(logs, b"new\n")
    assert (logs / "api.s-1-0.000089").read_bytes() == b"new\n"


def test_the_numbers_of_another_worker_do_not_count(logs: Path) -> None:
    segment(logs, 500, b"", name="api-2")
    (logs / "api.lives").touch()
    piped(logs, b"x")
    assert (logs / "api.s-1-0.000000").exists()


def test_a_first_number_can_be_asked_for(logs: Path) -> None:
    command = pipe_command("logs", "api", "s-1", 0, 4096, first_suffix=41)
    subprocess.run(["/bin/sh", "-c", command], input=b"x", cwd=logs.parent, check=True)
    assert (logs / "api.s-1-0.000041").exists()


def test_numbers_do_not_run_out(logs: Path) -> None:
    segment(logs, 999_999, b"six digits\n")
    piped(logs, b"nine\n")
    piped(logs, b"and on\n", arm=1)
    assert whole(logs) == b"six digits\nnine\nand on\n"


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Run tmux command lines in a server of its own that runs in `tmp_path`."""
    base = ["tmux", "-S", "./sock", "-f", "/dev/null"]

    def run(*lines: str) -> None:
        subprocess.run([*base, "source-file", "-"], input="\n".join(lines).encode(), cwd=tmp_path, check=True)

    subprocess.run([*base, "new-session", "-d", "-s", "keep", "sleep 1000"], cwd=tmp_path, check=True)
    yield run
    subprocess.run([*base, "kill-server"], cwd=tmp_path, check=True)


@pytest.mark.skipif(not shutil.which("tmux"), reason="no tmux here")
def test_tmux_hands_the_command_to_a_shell_unharmed(logs: Path, tmux: Callable[..., None]) -> None:
    segment(logs, 7, b"before\n")
    command = pipe_command("logs", "api", "s-2", 0, 4096).replace("#", "##").replace("%", "%%")
    start = words("new-session", "-d", "-s", "api", "--", "printf", "first\nsecond\n")
    tmux(f"{start} ; {words('pipe-pane', '-t', '=api:', command)}")
    eventually(lambda: whole(logs) == b"before\nfirst\r\nsecond\r\n")
    assert (logs / "api.s-2-0.000008").exists()


# ── the directory ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_link_leads_to_the_newest_segment(logs: Path) -> None:
    segments = Segments(logs)
    piped(logs, b"a" * 5000)
    segments.refresh({"api": 5})
    assert os.readlink(logs / "api.log") == "api.s-1-0.000001"
    piped(logs, b"b", life="r-1")
    segments.refresh({"api": 5})
    assert (logs / "api.log").read_bytes() == b"b"


def test_a_link_that_was_deleted_comes_again(logs: Path) -> None:
    segments = Segments(logs)
    segment(logs, 0, b"x")
    segments.refresh({"api": 5})
    (logs / "api.log").unlink()
    segments.refresh({"api": 5})
    assert (logs / "api.log").read_bytes() == b"x"


def test_the_oldest_go_and_the_newest_stays(logs: Path) -> None:
    for number in range(5):
        segment(logs, number, b"%d" % number, life=f"s-{9 - number}")  # names and arms don't order them, numbers do
    segments = Segments(logs)
    assert segments.refresh({"api": 2}) == {"api": LogFacts(str(logs / "api.log"), 2)}
    assert whole(logs) == b"34"
    segments.refresh({"api": 0})
    assert whole(logs) == b"4"


def test_sizes_are_of_all_that_is_kept_and_none_is_0(logs: Path) -> None:
    piped(logs, b"a" * 10_000)
    facts = Segments(logs).refresh({"api": 5, "silent": 5})
    assert (facts["api"].bytes, facts["silent"].bytes) == (10_000, 0)
    assert not os.path.lexists(logs / "silent.log")


def test_what_is_not_a_segment_of_a_named_worker_is_left_alone(logs: Path) -> None:
    for number in range(4):
        segment(logs, number, b"x", name="api-2")
        segment(logs, number, b"x", name="gone")
    (logs / "api.notes.txt").touch()
    before = sorted(os.listdir(logs))
    Segments(logs).refresh({"api": 1})
    assert sorted(os.listdir(logs)) == before


def test_a_folder_that_is_gone_is_a_problem_and_no_error(tmp_path: Path) -> None:
    segments = Segments(tmp_path / "none")
    assert segments.refresh({"api": 1}) == {}
    assert segments.problem
    segments.note_life("api", "s-1")
    segments.forget("api")
    (tmp_path / "none").mkdir()
    segments.refresh({"api": 1})
    assert segments.problem is None


def test_a_link_that_cannot_be_made_is_a_problem_and_tried_again(logs: Path) -> None:
    segments = Segments(logs)
    segment(logs, 0, b"x")
    (logs / "api.log").mkdir()
    assert segments.refresh({"api": 1})["api"].bytes == 1
    assert segments.problem
    (logs / "api.log").rmdir()
    segments.refresh({"api": 1})
    assert segments.problem is None
    assert (logs / "api.log").read_bytes() == b"x"


def test_forgetting_a_worker_leaves_nothing_of_it_and_all_of_others(logs: Path) -> None:
    segments = Segments(logs)
    for name in ("api", "api-2"):
        segment(logs, 0, b"x", name=name)
        segments.note_life(name, "s-1")
    segments.refresh({"api": 1, "api-2": 1})
    segments.forget("api")
    assert sorted(os.listdir(logs)) == ["api-2.lives", "api-2.log", "api-2.s-1-0.000000"]


def test_what_split_writes_after_its_worker_was_forgotten_goes_too(logs: Path) -> None:
    segments = Segments(logs)
    segment(logs, 0, b"", life="one-1", name="job")
    segments.forget("job")
    segment(logs, 0, b"out\n", life="one-1", name="job")  # on a busy machine it makes its file when the pane is gone
    segment(logs, 0, b"out\n", life="one-1", name="other")
    segments.refresh({})
    assert os.listdir(logs) == ["other.one-1-0.000000"]


def test_the_log_of_a_new_worker_with_the_name_of_a_forgotten_one_stays(logs: Path) -> None:
    segments = Segments(logs)
    segments.forget("job")
    segments.note_life("job", "two-1")
    segment(logs, 0, b"out\n", life="two-1", name="job")
    segments.refresh({})  # of a beat that began before the worker did
    assert (logs / "job.two-1-0.000000").exists()


def test_a_forgotten_worker_is_looked_for_only_for_a_while(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = Segments(logs)
    segments.forget("job")
    monkeypatch.setattr("supervisor.logs.segments.LATE", 0.0)
    segments.refresh({})
    segment(logs, 0, b"somebody's\n", life="one-1", name="job")
    segments.refresh({})
    assert (logs / "job.one-1-0.000000").exists()


def test_only_those_whose_segments_were_made_are_looked_after_between_two_beats(logs: Path) -> None:
    segments = Segments(logs)
    segments.expect({"api": 2, "web": 2})
    for number in range(4):
        for name in ("api", "web", "unknown"):
            segment(logs, number, b"%d" % number, name=name)
    segments.made(["api.s-1-0.000003", "unknown.s-1-0.000003", "web.lives", ".web.log.tmp"])
    left = {"api": b"23", "web": b"0123", "unknown": b"0123"}
    assert {name: whole(logs, name) for name in left} == left
    assert os.readlink(logs / "api.log") == "api.s-1-0.000003"


def test_the_late_segment_of_a_forgotten_worker_gets_no_link(logs: Path) -> None:
    segments = Segments(logs)
    segments.expect({"job": 5})
    segments.forget("job")
    segments.refresh({"job": 5})  # of a beat that began before
    late = segment(logs, 0, b"out\n", name="job")
    segments.made([late.name])
    assert os.listdir(logs) == [late.name]


@pytest.fixture
def quota(logs: Path) -> Iterator[LogQuota]:
    segments = Segments(logs)
    segments.expect({"api": 3})
    quota = LogQuota(segments)
    yield quota
    quota.close()
    assert not any(thread.name == "log-quota" for thread in threading.enumerate())


def test_a_flood_is_held_to_its_quota_without_any_beat(logs: Path, quota: LogQuota) -> None:
    eventually(lambda: quota.problem is None)
    piped(logs, b"line\n" * 400_000, max_size=10_000)
    eventually(lambda: [one.number for one in segments_of(logs, "api")] == [197, 198, 199])
    assert (logs / "api.log").read_bytes() == b"line\n" * 2_000


def test_a_log_folder_that_was_replaced_is_watched_again(
    logs: Path, quota: LogQuota, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supervisor.logs.quota.AGAIN", 0.01)
    shutil.rmtree(logs)
    eventually(lambda: quota.problem)
    assert str(logs) in str(quota.problem)
    logs.mkdir()
    eventually(lambda: quota.problem is None)
    piped(logs, b"line\n" * 20_000, max_size=10_000)
    eventually(lambda: len(segments_of(logs, "api")) == 3)


def test_only_the_newest_lives_are_kept(logs: Path) -> None:
    segments = Segments(logs)
    for number in range(LIVES_KEPT + 7):
        segments.note_life("api", f"s-{number}")
    noted = [json.loads(line)["life"] for line in (logs / "api.lives").read_text().splitlines()]
    assert noted == [f"s-{number}" for number in range(7, LIVES_KEPT + 7)]
    assert stat.S_IMODE((logs / "api.lives").stat().st_mode) == 0o600


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────


def laid_out(directory: Path, output: bytes, cuts: list[int]) -> None:
    """Lay the output out in segments that end at the cuts."""
    bounds = sorted({0, len(output), *(cut for cut in cuts if cut < len(output))})
    for number, (start, end) in enumerate(itertools.pairwise(bounds)):
        segment(directory, number, output[start:end])


@examples(50)
@given(
    st.lists(st.sampled_from([b"\n", b"a", b"\r", b"line\n", b"x" * 70_000]), max_size=20).map(b"".join),
    st.lists(st.integers(1, 100), max_size=6),
    st.one_of(st.none(), st.integers(0, 12)),
)
def test_the_last_lines_are_the_same_however_the_log_is_cut(
    tmp_path_factory: pytest.TempPathFactory, output: bytes, cuts: list[int], count: int | None
) -> None:
    logs = tmp_path_factory.mktemp("logs")
    laid_out(logs, output, cuts)
    every = [line + b"\n" for line in output.split(b"\n")]
    every[-1] = every[-1][:-1]
    expected = [line for line in every if line]
    wanted = expected if count is None else expected[len(expected) - min(count, len(expected)) :]
    assert list(read_tail(logs, "api", lines=count)) == wanted
    followed = list(follow(logs, "api", lines=count, wait=lambda _: True))
    assert followed == wanted


def test_a_giant_line_comes_in_pieces(logs: Path) -> None:
    output = b"x" * (3 * LONGEST_PIECE) + b"\nend\n"
    piped(logs, output, max_size=1_000_000)
    pieces = list(read_tail(logs, "api"))
    assert b"".join(pieces) == output
    assert pieces[-1] == b"end\n"
    assert max(map(len, pieces)) < 2 * LONGEST_PIECE


def test_no_log_is_no_lines(logs: Path) -> None:
    assert list(read_tail(logs, "api", lines=5)) == []
    assert list(read_tail(logs, "api", previous=True, since=0.0)) == []
    assert list(read_tail(logs / "none", "api")) == []


def test_the_previous_life_is_found_in_a_pipe_that_outlived_it(logs: Path) -> None:
    segments, content = Segments(logs), b""
    for life in ("s-1", "s-2", "s-3"):
        segments.note_life("api", life)
        content += b"%s says\nthis\n" % life.encode()
        segment(logs, 0, content)
    assert b"".join(read_tail(logs, "api", previous=True)) == b"s-2 says\nthis\n"
    assert list(read_tail(logs, "api", lines=1, previous=True)) == [b"this\n"]


def test_the_previous_life_is_found_by_the_names_where_nobody_noted_it(logs: Path) -> None:
    piped(logs, b"one\n", life="s-1")
    piped(logs, b"two\n" * 2000, life="s-2")
    piped(logs, b"three\n", life="s-3")
    assert b"".join(read_tail(logs, "api", previous=True)) == b"two\n" * 2000


def test_a_mark_made_late_does_not_cut_the_first_words_of_a_life(logs: Path) -> None:
    segments = Segments(logs)
    piped(logs, b"one\n", life="s-1")
    piped(logs, b"two", life="s-2")
    segments.note_life("api", "s-2")
    piped(logs, b" goes on\n", life="s-2", arm=1)
    piped(logs, b"three\n", life="s-3")
    assert list(read_tail(logs, "api", previous=True)) == [b"two goes on\n"]


def test_a_silent_life_is_a_life(logs: Path) -> None:
    segments = Segments(logs)
    segments.note_life("api", "s-1")
    segment(logs, 0, b"one\n")
    segments.note_life("api", "s-2")
    assert list(read_tail(logs, "api", previous=True)) == [b"one\n"]
    segments.note_life("api", "s-3")
    assert list(read_tail(logs, "api", previous=True)) == []


def test_a_life_whose_beginning_was_dropped_begins_where_the_log_does(logs: Path) -> None:
    segments = Segments(logs)
    for number, life in enumerate(("s-1", "s-2", "s-3")):
        segments.note_life("api", life)
        segment(logs, 2 * number, b"begin\n" + life.encode())
        segment(logs, 2 * number + 1, b" end\n")
    segments.refresh({"api": 3})
    assert list(read_tail(logs, "api", previous=True)) == [b" end\n"]


def test_torn_marks_are_passed_over(logs: Path) -> None:
    segments = Segments(logs)
    segments.note_life("api", "s-1")
    segment(logs, 0, b"one\n")
    segments.note_life("api", "s-2")
    with (logs / "api.lives").open("ab") as lives:
        lives.write(b'{}\n[]\n\xff\n{"life": 1, "ts": "x", "file": [], "offset": null}\n{"life": "s-3", "ts"')
    assert list(read_tail(logs, "api", previous=True)) == [b"one\n"]


def test_since_leaves_out_what_is_known_to_be_older(logs: Path) -> None:
    segments = Segments(logs)
    os.utime(segment(logs, 0, b"old\n"), (1000, 1000))
    path = segment(logs, 1, b"new\n")
    os.utime(path, (2000, 2000))
    assert list(read_tail(logs, "api", since=1500.0)) == [b"new\n"]
    assert list(read_tail(logs, "api", since=2500.0)) == []
    assert list(read_tail(logs, "api", since=500.0)) == [b"old\n", b"new\n"]
    segments.note_life("api", "s-2")
    noted = time.time() + 1
    path.write_bytes(b"new\nnewer\n")
    os.utime(path, (noted + 1, noted + 1))
    assert list(read_tail(logs, "api", since=noted)) == [b"newer\n"]


# ── following ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_beginning_of_a_line_is_shown_when_nothing_more_comes(logs: Path) -> None:
    path = segment(logs, 0, b"seen\n")
    trail = follow(logs, "api", wait=lambda _: None)
    with path.open("ab", buffering=0) as log:
        log.write(b"one\nPassword: ")
        assert [next(trail), next(trail)] == [b"one\n", b"Password: "]
        log.write(b"ok\n")
        assert next(trail) == b"ok\n"


def test_a_log_that_begins_later_is_followed_from_its_first_byte(logs: Path) -> None:
    looks = iter(range(3))

    def wait(_: float) -> bool:
        look = next(looks)
        if look == 1:
            segment(logs, 0, b"first\n")
        return look == 2

    assert list(follow(logs, "api", wait=wait)) == [b"first\n"]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.binary(max_size=30)),
        st.tuples(st.sampled_from(["rotate", "life", "arm", "drop", "look"]), st.just(b"")),
    ),
    max_size=30,
)


@examples(60)
@given(steps)
def test_a_follower_gets_every_byte_once_whatever_happens_to_the_files(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, bytes]]
) -> None:
    logs = tmp_path_factory.mktemp("logs")
    written, life, arm, number = b"", 1, 0, 0
    segment(logs, 0, b"before\n")

    def go_on(_: float) -> bool:
        """Act until the next look; at the end look twice more, as a new pipe's segment waits for one."""
        nonlocal written, life, arm, number
        while acts:
            act, content = acts.pop(0)
            path = logs / f"api.s-{life}-{arm}.{number:06}"
            if act == "write":
                with path.open("ab") as log:
                    log.write(content)
                written += content
            elif act == "drop" and path.exists():  # what the follower has read, and where it is
                oldest = segments_of(logs, "api")[0].path
                oldest.unlink() if oldest != path else None
                return False
            elif act == "look":
                return False
            else:
                number += 1
                life += act == "life"
                arm += act == "arm"
                return False
        return next(ends)

    ends = iter([False] * 100 + [True])
    assert b"".join(follow(logs, "api", wait=go_on)) == written


def test_what_is_written_just_before_a_rotation_is_not_missed(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = segment(logs, 0, b"")
    trail = follow(logs, "api", wait=lambda _: None)

    def listed(*asked: object) -> list[Segment]:
        """Between the look at the end of the old segment and the one at the folder, `split` goes on."""
        monkeypatch.undo()
        path.write_bytes(b"last\n")
        segment(logs, 1, b"next\n")
        return segments_of(logs, "api")

    monkeypatch.setattr("supervisor.logs.reading.segments_of", listed)
    assert [next(trail), next(trail)] == [b"last\n", b"next\n"]


def test_the_last_words_of_a_pipe_may_come_when_the_next_has_begun(logs: Path) -> None:
    path = segment(logs, 0, b"")
    trail = follow(logs, "api", wait=lambda _: path.write_bytes(b"late\n") and None)
    segment(logs, 1, b"next\n", arm=1)
    assert [next(trail), next(trail)] == [b"late\n", b"next\n"]


def test_a_segment_deleted_under_the_follower_is_read_to_its_end(logs: Path) -> None:
    path = segment(logs, 0, b"")
    trail = follow(logs, "api", wait=lambda _: None)
    with path.open("ab", buffering=0) as log:
        path.unlink()
        log.write(b"last words\n")
        segment(logs, 1, b"next\n")
        assert [next(trail), next(trail)] == [b"last words\n", b"next\n"]


def test_a_real_pipe_is_followed_through_its_rotations_while_old_segments_go(logs: Path) -> None:
    output = b"".join(b"line %d\n" % number for number in range(20_000))
    segments = Segments(logs)
    got: list[bytes] = []

    def feed() -> None:
        piped(logs, output[:100_000], life="s-1", max_size=5000)
        piped(logs, output[100_000:], life="s-2", max_size=5000)

    feeder = threading.Thread(target=feed)
    feeder.start()
    deadline = time.monotonic() + DEADLINE

    def wait(_: float) -> bool:
        segments.refresh({"api": 1000})
        return b"".join(got[-9:]).endswith(b"line 19999\n") or time.monotonic() > deadline

    for piece in follow(logs, "api", lines=None, wait=wait):
        got.append(piece)
        if len(got) % 1000 == 0:
            read = b"".join(got)
            for one in segments_of(logs, "api")[:-40]:
                if one.path.read_bytes() in read:
                    one.path.unlink()
    feeder.join()
    assert b"".join(got) == output
    assert not (logs / "api.s-1-0.000000").exists()
