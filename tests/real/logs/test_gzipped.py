"""Closed segments are gzipped, and every reader sees the same bytes, at the same places, from the same times."""

import os
import random
import time
from pathlib import Path

import pytest

from supervisor.logs.lives import note
from supervisor.logs.names import Segment, listed, segments_of
from supervisor.logs.of_life import LifeLog, LinesOfLife
from supervisor.logs.reading import follow, read_tail, stamped
from supervisor.logs.segments import Segments, beyond_quota
from supervisor.rules.trail import Trail

OLD = time.time() - 600


def printed(number: int) -> bytes:
    return b"".join(b"line %d of segment %d\n" % (line, number) for line in range(2000)) + b"cut here"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Three segments, of which the last is being written; each ends in the middle of a line."""
    for number in range(3):
        file = tmp_path / f"api.L-0.{number:06}"
        file.write_bytes(printed(number))
        at = OLD + 100 * number
        os.utime(file, (at, at))
    note(tmp_path, "api", "L", [])
    return tmp_path


def packed(logs: Path) -> Segments:
    segments = Segments(logs, packs=True)
    segments.refresh({"api": 5})
    segments.pack(60.0)
    return segments


def names(logs: Path) -> list[str]:
    return sorted(path.name for path in logs.iterdir() if path.name.startswith("api.L-"))


def test_closed_segments_are_gzipped_and_the_newest_is_not(logs: Path) -> None:
    written = (logs / "api.L-0.000000").stat().st_mtime_ns
    segments = packed(logs)
    assert names(logs) == ["api.L-0.000000.gz", "api.L-0.000001.gz", "api.L-0.000002"]
    assert segments.problem is None
    (first, *_) = segments_of(logs, "api")
    assert (first.size, first.mtime_ns) == (len(printed(0)), written)
    assert first.on_disk < first.size / 4
    assert (logs / "api.L-0.000000.gz").stat().st_mode & 0o777 == 0o600
    assert segments.refresh({"api": 5})["api"].bytes == 3 * len(printed(0))


def test_one_that_was_written_a_moment_ago_is_left_and_without_the_setting_all_are(logs: Path) -> None:
    os.utime(logs / "api.L-0.000001")
    packed(logs)
    assert names(logs) == ["api.L-0.000000.gz", "api.L-0.000001", "api.L-0.000002"]
    plain = Segments(logs)
    plain.refresh({"api": 5})
    plain.pack(60.0)
    assert len(names(logs)) == 3


def test_every_reader_reads_the_same_as_before(logs: Path) -> None:
    def reading() -> list[object]:
        life = LifeLog.of(logs, ["api"])["api"]
        probe = LinesOfLife(logs, "api", "L")
        trail, parts = Trail(logs, "api"), b""
        trail.begin(segments_of(logs, "api"), None, "L")
        while lines := trail.read():
            parts += lines.data + b"\n"
        return [
            list(read_tail(logs, "api")),
            *(list(read_tail(logs, "api", lines=count)) for count in (1, 3, 2001, 4500, 9000)),
            list(read_tail(logs, "api", since=OLD + 150)),
            [(round(at, 2), line) for at, line in stamped(logs, "api")],
            (life.size("L"), life.tail("L", 100_000), life.last_lines("L", 3, 4096)),
            list(probe.new()),
            parts,
        ]

    Segments(logs).refresh({"api": 5})  # which notes the time of the newest
    plain = reading()
    packed(logs)
    assert reading() == plain


def test_times_of_lines_are_those_of_the_plain_file(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = logs / "api.L-0.000003"
    segments = Segments(logs, packs=True)
    for beat in range(5):
        with file.open("ab") as written:
            written.write(b"beat %d\n" % beat)
        monkeypatch.setattr(time, "time", lambda beat=beat: OLD + 1000 + beat)
        segments.refresh({"api": 5})
    os.utime(file, (OLD + 1004, OLD + 1004))
    (logs / "api.L-0.000004").write_bytes(b"end\n")
    monkeypatch.setattr(time, "time", lambda: OLD + 1100)
    before = list(stamped(logs, "api", lines=6))
    segments.refresh({"api": 9})
    segments.pack(60.0)
    assert not file.exists()
    assert [round(at - OLD) for at, _ in before[:5]] == [1000, 1001, 1002, 1003, 1004]
    assert list(stamped(logs, "api", lines=6))[:5] == before[:5]


def test_who_reads_on_while_segments_are_gzipped_misses_nothing_and_reads_nothing_twice(logs: Path) -> None:
    probe, lines = LinesOfLife(logs, "api", "L"), follow(logs, "api", lines=None, wait=lambda _seconds: packed(logs))
    seen = list(probe.new())
    assert b"".join(lines) == b"".join(printed(number) for number in range(3))
    packed(logs)
    with (logs / "api.L-0.000002").open("ab") as newest:
        newest.write(b"\nmore\n")
    assert list(probe.new())[-1] == "more"
    assert len(seen) + 1 <= len(list(LinesOfLife(logs, "api", "L").new())) + 1


def test_both_files_of_a_segment_count_once_and_go_together(logs: Path) -> None:
    whole = b"".join(read_tail(logs, "api"))
    plain = (logs / "api.L-0.000000").read_bytes()
    packed(logs)
    (logs / "api.L-0.000000").write_bytes(plain)  # a service was killed between the two steps
    assert b"".join(read_tail(logs, "api")) == whole
    assert [segment.packed is None for segment in segments_of(logs, "api")] == [True, False, True]
    Segments(logs).refresh({"api": 2})
    assert names(logs) == ["api.L-0.000001.gz", "api.L-0.000002"]


def test_the_quota_counts_what_is_on_disk(logs: Path) -> None:
    (logs / "api.L-0.000000").write_bytes(random.Random(1).randbytes(100_000))
    os.utime(logs / "api.L-0.000000", (OLD, OLD))
    packed(logs)
    found = listed(logs, {"api"})
    total = sum(segment.on_disk for segment in found["api"])
    assert total < sum(path.stat().st_size for path in logs.glob("api.L-*")) + 1
    assert beyond_quota(found, total) == []
    assert [segment.number for _, segment in beyond_quota(found, total - 1)] == [0]


def test_one_that_is_removed_or_dropped_while_it_is_gzipped_does_not_come_back(logs: Path) -> None:
    for end in (lambda segments: segments.forget("api"), lambda _segments: (logs / "api.L-0.000001").unlink()):
        big = logs / "api.L-0.000001"
        big.write_bytes(random.Random(2).randbytes(3 << 20))
        os.utime(big, (OLD, OLD))
        (logs / "api.L-0.000002").write_bytes(b"newest\n")
        segments = Segments(logs, packs=True)
        segments.refresh({"api": 5})
        segments.pack(1e-6)
        assert [path.name for path in logs.glob(".*.tmp")] == [".api.L-0.000001.gz.tmp"]
        end(segments)
        segments.pack(60.0)
        assert list(logs.glob(".*.tmp")) == []
        assert not list(logs.glob("api.L-0.000001*"))


def test_what_a_killed_service_left_half_done_goes(logs: Path) -> None:
    (logs / ".api.L-0.000000.gz.tmp").write_bytes(b"half")
    packed(logs)
    assert list(logs.glob(".*.tmp")) == []
    assert len(names(logs)) == 3


def test_a_damaged_file_ends_what_is_read_of_it_and_no_more(logs: Path) -> None:
    packed(logs)
    broken = logs / "api.L-0.000000.gz"
    content = broken.read_bytes()
    broken.write_bytes(content[: len(content) // 2] + content[-4:])
    assert b"line 1999 of segment 2\n" in b"".join(read_tail(logs, "api"))
    assert isinstance(segments_of(logs, "api")[0], Segment)
