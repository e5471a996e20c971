"""When each line of a log was written, to the beat that saw it first."""

import os
from pathlib import Path

import pytest

from actors.life.log_watch import LogWatch, look
from actors.values.facts import LogSeen
from supervisor.logs import times
from supervisor.logs.names import segments_of
from supervisor.logs.reading import read_tail, stamped
from supervisor.logs.segments import Segments


def beat(directory: Path, at: float, monkeypatch: pytest.MonkeyPatch, segments: Segments) -> None:
    monkeypatch.setattr("supervisor.logs.segments.time.time", lambda: at)
    segments.refresh({"api": 9})


def written(path: Path, content: bytes, at: float) -> None:
    with path.open("ab") as file:
        file.write(content)
    os.utime(path, (at, at))


def test_a_line_has_the_time_of_the_beat_that_saw_it_first_then_that_of_the_last_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments, first, second = Segments(tmp_path), tmp_path / "api.s-1-0.000000", tmp_path / "api.s-1-0.000001"
    written(first, b"one\ntwo\nthr", 95.0)
    beat(tmp_path, 100.0, monkeypatch, segments)
    beat(tmp_path, 110.0, monkeypatch, segments)
    written(first, b"ee\nfour\n", 115.0)
    beat(tmp_path, 120.0, monkeypatch, segments)
    written(first, b"five", 125.0)
    written(second, b" and six\n", 126.0)
    beat(tmp_path, 130.0, monkeypatch, segments)
    written(second, b"seven\nun", 137.0)
    found = [(100.0, b"one\n"), (100.0, b"two\n"), (120.0, b"three\n"), (120.0, b"four\n")]
    found += [(130.0, b"five and six\n"), (137.0, b"seven\n"), (137.0, b"un")]
    assert list(stamped(tmp_path, "api")) == found
    assert list(stamped(tmp_path, "api", lines=3)) == found[-3:]
    assert [line for _, line in stamped(tmp_path, "api")] == list(read_tail(tmp_path, "api"))


def test_the_times_of_a_worker_take_a_bounded_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "KEPT", 100)
    monkeypatch.setattr(times, "COARSE", 20)
    path = tmp_path / "api.s-1-0.000000"
    path.write_bytes(b"x" * 5000)
    inode = path.stat().st_ino
    for number in range(1, 5000):
        seen = LogSeen(number, path.name, 0, inode, number)
        times.note(tmp_path, "api", 1_700_000_000.0 + number, seen)
    assert (tmp_path / "api.times").stat().st_size < 3 * 100 * 64
    (segment,) = segments_of(tmp_path, "api")
    known = times.Times(tmp_path, "api")
    assert known.at(segment, 4990) == 1_700_004_990.0
    assert 1_700_000_500.0 <= known.at(segment, 500) < 1_700_000_500.0 + 2 * 4500 / 20


def test_the_first_look_of_a_service_has_what_the_one_before_saw(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"api.s-1-0.{number:06}").write_bytes(b"one\n")
    seen = Segments(tmp_path).refresh({"api": 9})["api"]
    assert (seen.past, seen.number) == (None, 2)
    (tmp_path / "api.s-1-0.000002").unlink()
    (tmp_path / "api.s-1-0.000003").write_bytes(b"two\n")
    segments = Segments(tmp_path)
    seen = segments.refresh({"api": 9})["api"]
    assert seen.past is not None
    assert (seen.past.file, seen.past.size, seen.past.holes, seen.holes) == ("api.s-1-0.000002", 4, 0, 1)
    assert look(LogWatch(), "%1", seen, None, 0.0)[1] is not None
    assert segments.refresh({"api": 9})["api"] is seen


def test_a_torn_line_of_the_times_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "api.s-1-0.000000"
    written(path, b"one\ntwo\n", 50.0)
    (tmp_path / "api.times").write_text(f"10.0 {path.stat().st_ino} 4\n12.0 9")
    assert list(stamped(tmp_path, "api")) == [(10.0, b"one\n"), (50.0, b"two\n")]
