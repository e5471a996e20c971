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
from kit.support import DEADLINE, wait_until

from actors.values.facts import LogSeen
from supervisor.logs.lives import LIVES_KEPT, marks_of
from supervisor.logs.names import Segment, pipe_command, segments_of
from supervisor.logs.quota import LogQuota
from supervisor.logs.reading import LONGEST_PIECE, follow, read_tail
from supervisor.logs.segments import Segments
from supervisor.tmux.words import words


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    directory = tmp_path / "logs"
    directory.mkdir()
    return directory


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


@pytest.mark.parametrize(
    ("there", "made"),
    [
        ([], "000000"),
        (["api.s-1-0.000088"], "000089"),  # not octal, and goes on under the same name: a new service's arms are 0
        (["api.r-9-7.000003", "api.s-1-0.000002"], "000004"),
        (["api-2.s-1-0.000500", "api.lives"], "000000"),
        (["api.s-1-0.999999"], "001000000"),  # six digits run out
        (["api.s-1-0.001000000"], "001000001"),
    ],
)
@pytest.mark.parametrize("who", ["the shell", "the service"])
def test_a_pipe_goes_on_after_the_highest_number_of_its_worker(
    logs: Path, there: list[str], made: str, who: str
) -> None:
    for name in there:
        (logs / name).touch()
    numbers = Segments(logs).note_lives({"api": "s-1"}) if who == "the service" else {}
    command = pipe_command("logs", "api", "s-1", 0, 4096, number=numbers.get("api"))
    assert ("for f in" in command) is (who == "the shell")
    subprocess.run(["/bin/sh", "-c", command], input=b"x", cwd=logs.parent, check=True)
    assert set(os.listdir(logs)) - {*there, "api.lives"} == {f"api.s-1-0.{made}"}


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
    wait_until(lambda: whole(logs) == b"before\nfirst\r\nsecond\r\n")
    assert (logs / "api.s-2-0.000008").exists()


# ── the directory ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_oldest_go_and_the_link_leads_to_the_newest_even_when_it_was_deleted(logs: Path) -> None:
    for number in range(5):
        segment(logs, number, b"%d" % number, life=f"s-{9 - number}")  # names and arms don't order them, numbers do
    segments = Segments(logs)
    assert kept(segments, api=2, silent=2) == {"api": 2, "silent": 0}
    assert whole(logs) == b"34"
    assert os.readlink(logs / "api.log") == "api.s-5-0.000004"
    (logs / "api.log").unlink()
    segments.refresh({"api": 0})
    assert (whole(logs), (logs / "api.log").read_bytes()) == (b"4", b"4")
    segment(logs, 5, b"5")
    segments.refresh({"api": 2})
    assert (logs / "api.log").read_bytes() == b"5"
    assert not os.path.lexists(logs / "silent.log")


def test_a_segment_that_is_missing_between_two_others_is_a_hole(
    logs: Path,
) -> None:
    for number in (3, 4, 6, 7):
        segment(logs, number, b"x")
    seen = Segments(logs).refresh({"api": 9})["api"]
    assert (seen.holes, seen.hole) == (1, "api.s-1-0.000005")
    seen = Segments(logs).refresh({"api": 2})["api"]
    assert (seen.holes, seen.hole) == (0, None)


def test_all_logs_keep_to_their_quota_by_the_oldest_of_the_largest_and_never_the_newest(logs: Path) -> None:
    for name, sizes in (("api", (40, 30, 20)), ("db", (30, 10)), ("one", (90,))):
        for number, size in enumerate(sizes):
            segment(logs, number, b"x" * size, name=name)
    keep = dict.fromkeys(("api", "db", "one"), 5)
    assert Segments(logs).refresh(keep)["api"].bytes == 90
    segments = Segments(logs, 160)
    assert {name: seen.bytes for name, seen in segments.refresh(keep).items()} == {"api": 20, "db": 40, "one": 90}
    assert (segments.dropped(), segments.dropped()) == ({"api": 70}, {})
    segments = Segments(logs, 1)
    assert {name: seen.bytes for name, seen in segments.refresh(keep).items()} == {"api": 20, "db": 10, "one": 90}
    assert segments.dropped() == {"db": 30}


def kept(segments: Segments, **keep: int) -> dict[str, int]:
    return {name: seen.bytes for name, seen in segments.refresh(keep).items()}


def test_a_log_that_was_truncated_under_its_writer_is_seen_and_loses_its_nuls_when_the_pipe_is_armed_anew(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supervisor.logs.segments.AT_REST", -DEADLINE)
    segments, path = Segments(logs), segment(logs, 0, b"one\n")
    before = segments.refresh({"api": 5})["api"]
    assert segments.refresh({"api": 5})["api"] is before
    for hole in (4, 9000):
        os.truncate(path, 0)
        with path.open("r+b") as file:
            file.seek(hole)  # where the writer goes on
            file.write(b"two\n")
        assert segments.refresh({"api": 5})["api"].is_hollow
    segments.rearmed("api")
    segments.refresh({"api": 5})
    assert path.read_bytes()[:1] == b"\0"  # until the next file is there, the pipe may still write this one
    segment(logs, 1, b"three\n")
    assert not segments.refresh({"api": 5})["api"].is_hollow
    assert whole(logs) == b"two\nthree\n"


def test_what_is_not_a_segment_of_a_named_worker_is_left_alone(logs: Path) -> None:
    for number in range(4):
        segment(logs, number, b"x", name="api-2")
        segment(logs, number, b"x", name="gone")
    (logs / "api.notes.txt").touch()
    before = sorted(os.listdir(logs))
    Segments(logs).refresh({"api": 1})
    assert sorted(os.listdir(logs)) == before


def test_what_the_disk_refuses_is_a_problem_and_tried_again(logs: Path) -> None:
    segments = Segments(logs)
    logs.rmdir()
    logs.touch()
    assert segments.refresh({"api": 1}) == {}
    assert segments.problem == f"{logs}: Not a directory"
    assert segments.note_lives({"api": "s-1"}) == {}
    segments.forget("other")
    logs.unlink()
    assert segments.refresh({"api": 1}) == {"api": LogSeen(0)}  # it is made again
    segment(logs, 0, b"x")
    (logs / "api.log").mkdir()  # no link can be made there
    assert kept(segments, api=1) == {"api": 1}
    assert segments.problem
    (logs / "api.log").rmdir()
    segments.refresh({"api": 1})
    assert segments.problem is None
    assert (logs / "api.log").read_bytes() == b"x"


def test_forgetting_a_worker_leaves_nothing_of_it_and_all_of_others(logs: Path) -> None:
    segments = Segments(logs)
    for name in ("api", "api-2"):
        segment(logs, 0, b"x", name=name)
        segments.note_lives({name: "s-1"})
    segments.refresh({"api": 1, "api-2": 1})
    segments.forget("api")
    assert sorted(os.listdir(logs)) == ["api-2.lives", "api-2.log", "api-2.s-1-0.000000", "api-2.times"]


@pytest.mark.parametrize("then", ["beat", "made", "late", "lives again"])
def test_what_split_writes_after_its_worker_was_forgotten_goes_too_for_a_while(
    logs: Path, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supervisor.logs.segments.LATE", 0.0 if then == "late" else DEADLINE)
    segments = Segments(logs)
    segments.expect({"job": 5})
    segment(logs, 0, b"", name="job")
    segments.forget("job")
    segments.refresh({"job": 5})  # of a beat that began before
    if then == "lives again":
        segments.note_lives({"job": "two-1"})
    late = segment(logs, 0, b"out\n", name="job")  # on a busy machine split makes its file when the pane is gone
    others = segment(logs, 0, b"out\n", name="other")
    segments.made([late.name])
    assert sorted(os.listdir(logs)) == sorted(
        [late.name, others.name, *(["job.lives"] if then == "lives again" else [])]
    )
    if then != "made":
        segments.refresh({})
        assert late.exists() is (then != "beat")
    assert others.exists()


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


@pytest.fixture
def quota(logs: Path) -> Iterator[LogQuota]:
    segments = Segments(logs)
    segments.expect({"api": 3})
    quota = LogQuota(segments)
    yield quota
    quota.close()
    assert not any(thread.name == "log-quota" for thread in threading.enumerate())


def test_a_flood_is_held_to_its_quota_without_any_beat_also_in_a_folder_that_was_replaced(
    logs: Path, quota: LogQuota, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: quota.problem is None)
    piped(logs, b"line\n" * 400_000, max_size=10_000)
    wait_until(lambda: [one.number for one in segments_of(logs, "api")] == [197, 198, 199])
    assert (logs / "api.log").read_bytes() == b"line\n" * 2_000
    monkeypatch.setattr("supervisor.logs.quota.AGAIN", 0.01)
    piped(logs, b"x")  # what wakes it: it has slept for longer since
    shutil.rmtree(logs)
    wait_until(lambda: quota.problem)
    assert str(logs) in str(quota.problem)
    logs.mkdir()
    wait_until(lambda: quota.problem is None)
    piped(logs, b"line\n" * 20_000, max_size=10_000)
    wait_until(lambda: len(segments_of(logs, "api")) == 3)


def test_only_the_newest_lives_are_kept(logs: Path) -> None:
    segments = Segments(logs)
    noted: list[list[str]] = []
    for number in range(2 * LIVES_KEPT + 1):
        segments.note_lives({"api": f"s-{number}"})
        noted.append([json.loads(line)["life"] for line in (logs / "api.lives").read_text().splitlines()])
    assert noted[2 * LIVES_KEPT - 1] == [f"s-{number}" for number in range(2 * LIVES_KEPT)]
    assert noted[2 * LIVES_KEPT] == [f"s-{number}" for number in range(LIVES_KEPT + 1, 2 * LIVES_KEPT + 1)]
    assert stat.S_IMODE((logs / "api.lives").stat().st_mode) == 0o600


def test_a_mark_after_a_torn_one_is_whole(logs: Path) -> None:
    (logs / "api.lives").write_bytes(b'{"life": "s-1", "ts"')
    Segments(logs).note_lives({"api": "s-2"})
    assert [mark.life for mark in marks_of(logs, "api")] == ["s-2"]


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


def test_the_previous_life_is_found_in_a_pipe_that_outlived_it_silent_or_not(logs: Path) -> None:
    segments, content = Segments(logs), b""
    for life in ("s-1", "s-2", "s-3"):
        segments.note_lives({"api": life})
        content += b"%s says\nthis\n" % life.encode()
        segment(logs, 0, content)
    assert b"".join(read_tail(logs, "api", previous=True)) == b"s-2 says\nthis\n"
    assert list(read_tail(logs, "api", lines=1, previous=True)) == [b"this\n"]
    segments.note_lives({"api": "s-4"})
    assert b"".join(read_tail(logs, "api", previous=True)) == b"s-3 says\nthis\n"
    with (logs / "api.lives").open("ab") as lives:  # torn marks are passed over
        lives.write(b'{}\n[]\n\xff\n{"life": 1, "ts": "x", "file": [], "offset": null}\n')
    segments.note_lives({"api": "s-5"})
    with (logs / "api.lives").open("ab") as lives:
        lives.write(b'{"life": "s-6", "ts"')
    assert list(read_tail(logs, "api", previous=True)) == []


def test_the_previous_life_is_found_by_the_names_and_no_late_mark_cuts_its_first_words(logs: Path) -> None:
    piped(logs, b"one\n", life="s-1")
    piped(logs, b"two\n" * 2000, life="s-2")
    piped(logs, b"three\n", life="s-3")
    assert b"".join(read_tail(logs, "api", previous=True)) == b"two\n" * 2000
    piped(logs, b"four", life="s-4")
    Segments(logs).note_lives({"api": "s-4"})
    piped(logs, b" goes on\n", life="s-4", arm=1)
    piped(logs, b"five\n", life="s-5")
    assert list(read_tail(logs, "api", previous=True)) == [b"four goes on\n"]


def test_a_life_whose_beginning_was_dropped_begins_where_the_log_does(logs: Path) -> None:
    segments = Segments(logs)
    for number, life in enumerate(("s-1", "s-2", "s-3")):
        segments.note_lives({"api": life})
        segment(logs, 2 * number, b"begin\n" + life.encode())
        segment(logs, 2 * number + 1, b" end\n")
    segments.refresh({"api": 3})
    assert list(read_tail(logs, "api", previous=True)) == [b" end\n"]


def test_since_leaves_out_what_is_known_to_be_older(logs: Path) -> None:
    segments = Segments(logs)
    os.utime(segment(logs, 0, b"old\n"), (1000, 1000))
    path = segment(logs, 1, b"new\n")
    os.utime(path, (2000, 2000))
    assert list(read_tail(logs, "api", since=1500.0)) == [b"new\n"]
    assert list(read_tail(logs, "api", since=2500.0)) == []
    assert list(read_tail(logs, "api", since=500.0)) == [b"old\n", b"new\n"]
    segments.note_lives({"api": "s-2"})
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


@pytest.mark.parametrize("arm", [0, 1])
def test_last_words_come_though_the_next_segment_has_begun_or_theirs_is_deleted(logs: Path, arm: int) -> None:
    path = segment(logs, 0, b"")
    with path.open("ab", buffering=0) as log:
        trail = follow(logs, "api", wait=lambda _: log.write(b"late\n") and None)  # another arm's: one more look
        if arm == 0:
            path.unlink()
            log.write(b"late\n")
        segment(logs, 1, b"next\n", arm=arm)
        assert [next(trail), next(trail)] == [b"late\n", b"next\n"]


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
