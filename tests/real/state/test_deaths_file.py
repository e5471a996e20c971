"""Death records on disk, whatever the disk does, with the last words from the log of the life."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kit.deaths import DEATH, deaths
from kit.support import wait_until

from supervisor.logs.of_life import LifeLog
from supervisor.logs.segments import Segments
from supervisor.state import deaths as death_records
from supervisor.state.deaths import COMPACT_ABOVE, LINES_READ, TAIL, DeathRecords, last_words, read_deaths

Keeper = Callable[[], DeathRecords]


def test_the_words_of_the_next_life_are_not_those_of_the_last(place: Path) -> None:
    log, segments = place / "api.s-1-1.000000", Segments(place)
    segments.note_lives({"api": "s-1"})
    log.write_bytes(b"one\n")
    segments.note_lives({"api": "s-2"})
    segments.note_lives({"api": "s-3"})
    log.write_bytes(b"one\nthree\n")
    found = LifeLog.of(place, {"api"})["api"]
    assert [found.tail(life, 100) for life in ("s-1", "s-2", "s-3", "s-9")] == [b"one\n", b"", b"three\n", b""]
    assert (found.size("s-1"), found.tail("s-3", 3)) == (4, b"ee\n")


def test_the_reason_before_very_many_redraws_of_a_bar_is_among_the_last_words(place: Path) -> None:
    bar = b"".join(b"\r%d of 60000 parts" % number for number in range(60_000))
    (place / "api.s-1-1.000000").write_bytes(b"ERROR: disk quota exceeded\r\n" + bar + b"\r\n")
    log = LifeLog.of(place, {"api"})["api"]
    assert last_words(log.last_lines("s-1", LINES_READ, TAIL)) == (
        "ERROR: disk quota exceeded",
        "59999 of 60000 parts",
    )


@pytest.fixture
def keeper(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    monkeypatch.setattr(death_records, "SETTLE", 0.0)
    monkeypatch.setattr(death_records, "LOOK", 0.01)
    made: list[DeathRecords] = []

    def make() -> DeathRecords:
        made.append(DeathRecords(place / "deaths.jsonl", place))
        return made[-1]

    yield make
    for records in made:
        records.close()


def test_what_is_kept_is_there_after_the_service(keeper: Keeper, place: Path) -> None:
    records = keeper()
    (place / "api.s-0-1.000000").write_bytes(b"boom\n")
    for death in deaths(3):
        records.keep(death)
    records.close()
    assert [death.life for death in keeper().of(None, 9)] == ["s-2", "s-1", "s-0"]
    assert records.of({"api"}, 9)[-1].lines == ("boom",)
    assert (place / "deaths.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_death_that_is_kept_already_is_not_kept_again(keeper: Keeper, place: Path) -> None:
    first = keeper()
    first.keep(DEATH)
    first.close()
    second = keeper()
    second.keep(replace(DEATH, cause="exit-unwatched", uptime_s=None))
    second.keep(replace(DEATH, life="s-2"))
    second.close()
    kept = [(death.life, death.cause) for death in read_deaths(place / "deaths.jsonl")]
    assert kept == [("s-1", DEATH.cause), ("s-2", DEATH.cause)]


def test_a_torn_line_costs_itself_alone(keeper: Keeper, place: Path) -> None:
    first = keeper()
    first.keep(DEATH)
    first.close()
    with open(place / "deaths.jsonl", "ab") as file:
        file.write(b'[]\n{"death": {"worker": 1}}\n\xff\n{"death": {"wor')
    second = keeper()
    second.keep(replace(DEATH, life="s-2"))
    second.close()
    assert [death.life for death in read_deaths(place / "deaths.jsonl")] == ["s-1", "s-2"]


def test_the_file_does_not_grow_for_ever(keeper: Keeper, place: Path) -> None:
    records = keeper()
    for number in range(COMPACT_ABOVE + 60):
        records.keep(replace(DEATH, life=f"s-{number}"))
        wait_until(lambda n=number: records.of(None, 1)[:1] and records.of(None, 1)[0].life == f"s-{n}")  # type: ignore[misc]
    records.close()
    assert len((place / "deaths.jsonl").read_bytes().splitlines()) <= COMPACT_ABOVE
    assert [d.life for d in read_deaths(place / "deaths.jsonl")] == [f"s-{n}" for n in range(440, 460)]


def test_a_removed_worker_is_forgotten_on_disk_too(keeper: Keeper, place: Path) -> None:
    records = keeper()
    records.keep(DEATH)
    records.keep(replace(DEATH, worker="b"))
    wait_until(lambda: len(records.of(None, 9)) == 2)
    records.forget("api")
    records.close()
    assert [death.worker for death in records.of(None, 9)] == ["b"]
    assert [death.worker for death in read_deaths(place / "deaths.jsonl")] == ["b"]


def test_a_disk_that_refuses_is_named_and_made_up_for(keeper: Keeper, place: Path) -> None:
    (place / "deaths.jsonl").mkdir()
    records = keeper()
    records.keep(DEATH)
    wait_until(lambda: records.problem)
    assert "deaths.jsonl" in str(records.problem)
    assert len(records.of(None, 9)) == 1
    (place / "deaths.jsonl").rmdir()
    records.retry()
    wait_until(lambda: records.problem is None)
    assert len(read_deaths(place / "deaths.jsonl")) == 1


def test_no_file_that_can_be_read_is_no_death(place: Path) -> None:
    assert read_deaths(place / "none") == read_deaths(place) == []
