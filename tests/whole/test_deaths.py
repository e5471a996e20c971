"""Death records: what is kept of an exit, how many, on disk whatever the disk does; and on a real service."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.life import WALL, Story, corpse_of, judged, not_ready_in_time, running
from kit.support import FAST, Site, wait_until

from actors.values.effects import KeepDeath
from actors.values.facts import Handle, Tree, TreeSeen, Verb
from actors.values.records import Death
from actors.values.spec import Ready, Restart
from supervisor.commands.deaths import account, decided, how, table
from supervisor.logs.of_life import LifeLog
from supervisor.logs.segments import Segments
from supervisor.state import deaths as death_records
from supervisor.state.deaths import (
    COMPACT_ABOVE,
    KEPT,
    KEPT_A_WORKER,
    LINES,
    LONGEST_LINE,
    MOST_BYTES,
    DeathRecords,
    chosen,
    last_words,
    pruned,
    read_deaths,
)
from supervisor.text.values import rebuilt

DEATH = Death(
    worker="api",
    life="s-1",
    started_at=WALL,
    ended_at=WALL + 3.0,
    uptime_s=3.0,
    exit_code=3,
    exit_signal=None,
    cause="exit",
    reason="exited with code 3",
    state="backoff",
    delay_s=1.0,
    attempt=1,
    rss_bytes=2_000_000,
)


def deaths(count: int, worker: str = "api") -> list[Death]:
    return [replace(DEATH, worker=worker, life=f"s-{n}") for n in range(count)]


# ── what the worker has kept ──────────────────────────────────────────────────────────────────────────────────────


def kept(s: Story) -> Death:
    (order,) = s.ever(KeepDeath)
    assert isinstance(order, KeepDeath)
    return order.death


def test_a_crash_is_kept_with_what_was_decided_and_what_it_used() -> None:
    s = running()
    s.now += 1.0
    s.tell(TreeSeen(s.now, 1, Tree(1000, 2.5, (Handle(100, 100),))))
    s.exits(3)
    death = kept(s)
    assert (death.worker, death.life, death.exit_code, death.cause) == ("api", "s-1", 3, "exit")
    assert (death.state, death.delay_s, death.attempt, death.reason) == ("backoff", 1.0, 1, "exited with code 3")
    assert (death.rss_bytes, death.cpu_percent) == (1000, 2.5)
    assert death.started_at
    assert death.uptime_s
    assert death.ended_at == pytest.approx(death.started_at + death.uptime_s, abs=0.01)


def test_each_way_to_end_says_what_was_decided() -> None:
    ways = {
        "completed": running().exits(0),
        "failed": running(restart=Restart.NEVER).exits(1),
        "stopping": running().order(Verb.STOP).exits(None, 15),
    }
    assert {state: kept(s).state for state, s in ways.items()} == {state: state for state in ways}
    assert kept(ways["stopping"]).cause == "stop"


def test_one_that_was_not_ready_in_time_is_told_from_a_crash() -> None:
    s = not_ready_in_time(ready=Ready(tcp="127.0.0.1:1", timeout=20.0))
    s.seen(corpse_of(s.life, None, 15))
    assert (kept(s).cause, kept(s).state) == ("ended", "backoff")


def test_a_death_that_nobody_watched_is_kept_without_an_uptime() -> None:
    death = kept(judged(3))
    assert (death.cause, death.uptime_s, death.started_at, death.ended_at) == ("exit-unwatched", None, None, WALL)
    assert death.state == "pending"


# ── pure ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_last_twenty_of_a_worker_and_two_hundred_in_all_are_kept() -> None:
    many = [death for n in range(15) for death in deaths(30, f"w{n}")]
    found = pruned(many)
    assert len(found) == KEPT
    assert {d.worker: d.life for d in found}["w14"] == "s-29"
    assert sum(d.worker == "w14" for d in found) == KEPT_A_WORKER


def test_the_newest_come_first_and_only_of_those_asked_for() -> None:
    both = [*deaths(2, "a"), *deaths(2, "b")]
    assert [(d.worker, d.life) for d in chosen(both, None, 3)] == [("b", "s-1"), ("b", "s-0"), ("a", "s-1")]
    assert [d.life for d in chosen(both, {"a"}, 1)] == ["s-1"]


@given(st.binary(max_size=4000))
def test_last_words_are_plain_and_bounded(printed: bytes) -> None:
    lines = last_words(printed)
    assert len(lines) <= LINES
    assert all(len(line) <= LONGEST_LINE + 1 for line in lines)
    assert not any(char < " " and char != "\t" for line in lines for char in line)


def test_last_words_are_the_last_and_within_their_room() -> None:
    assert last_words(b"".join(b"%d\r\n" % n for n in range(99))) == tuple(str(n) for n in range(49, 99))
    assert last_words(b"one\r\r\ntwo\r\r\n") == ("one", "two")
    assert last_words(b"x\nunfinished") == ("x", "unfinished")
    assert last_words(b"") == ()
    long = last_words("\n".join(["é" * 600] * 50).encode())
    assert sum(len(line.encode()) + 1 for line in long) <= MOST_BYTES
    assert len(long[0]) == LONGEST_LINE + 1


@given(st.sampled_from([DEATH, replace(DEATH, lines=("a", "é"), started_at=None, exit_signal=9)]))
def test_a_record_survives_json_and_keys_of_a_newer_version(death: Death) -> None:
    assert rebuilt(Death, json.loads(json.dumps(death.to_json() | {"newer": 1}))) == death


def test_the_words_of_the_table() -> None:
    assert how(DEATH.to_json()) == "exit 3"
    assert how(replace(DEATH, exit_signal=9).to_json()) == "signal 9 (KILL)"
    assert how(replace(DEATH, exit_code=None).to_json()) == "not known"
    assert decided(DEATH.to_json()) == "restart 1 after 1.0s"
    reason = "memory is much; budget spent"
    assert decided(replace(DEATH, state="failed", cause="ended", reason=reason).to_json()) == "memory is much; failed"
    assert decided(replace(DEATH, state="stopping", cause="stop").to_json()) == "a person stopped it"
    record = death_records.plain_death(replace(DEATH, lines=("a\x1b[1m",)))
    head, row = table([record], WALL)
    assert head.split() == ["TIME", "WORKER", "HOW", "UPTIME", "MEMORY", "DECIDED"]
    assert row.split()[-6:] == ["2.0", "MB", "restart", "1", "after", "1.0s"]
    assert account(record, WALL)[1:] == [r"  | a\x1b[1m"]


# ── the log of one life ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_words_of_the_next_life_are_not_those_of_the_last(place: Path) -> None:
    log, segments = place / "api.s-1-1.000000", Segments(place)
    segments.note_life("api", "s-1")
    log.write_bytes(b"one\n")
    segments.note_life("api", "s-2")
    segments.note_life("api", "s-3")
    log.write_bytes(b"one\nthree\n")
    found = LifeLog.of(place, {"api"})["api"]
    assert [found.tail(life, 100) for life in ("s-1", "s-2", "s-3", "s-9")] == [b"one\n", b"", b"three\n", b""]
    assert (found.size("s-1"), found.tail("s-3", 3)) == (4, b"ee\n")


# ── the file ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def keeper(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], DeathRecords]]:
    monkeypatch.setattr(death_records, "SETTLE", 0.0)
    monkeypatch.setattr(death_records, "LOOK", 0.01)
    made: list[DeathRecords] = []

    def make() -> DeathRecords:
        made.append(DeathRecords(place / "deaths.jsonl", place))
        return made[-1]

    yield make
    for records in made:
        records.close()


Keeper = Callable[[], DeathRecords]


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


# ── a real service ────────────────────────────────────────────────────────────────────────────────────────────────

# it waits before it ends: tmux itself loses what it has not read by then (docs/decisions.md, benchmarks/last_words.py)
TRACEBACK = (
    "import sys, time\nfor n in range(30):\n    print(f'line {n} of life', flush=True)\ntime.sleep(0.1)\nsys.exit(3)\n"
)


def test_last_words_are_whole_in_record_command_and_why_with_and_without_a_service(site: Site) -> None:
    (site.place / "boom.py").write_text(TRACEBACK)
    command = f"command = ['{sys.executable}', 'boom.py']\n"
    policy = "max_restarts = 4\nbackoff = { initial = '0s', max = '0s', jitter = 0 }\n"
    site.write("".join(f"[workers.w{n}]\n{command}{policy}" for n in range(4)), FAST)
    site.up(check=1)
    for n in range(4):
        site.wait_state(f"w{n}", "failed")
    whole = [f"line {n} of life" for n in range(30)]
    file = site.state / "deaths.jsonl"
    wait_until(lambda: len(read_deaths(file)) == 20)
    assert [death["lines"] for death in json.loads(site.run("deaths", "-o", "json", check=0).stdout)] == [whole] * 20
    shown = site.run("deaths", "w1", check=0).stdout.splitlines()
    assert (len(shown), shown[1].split()[1:4]) == (6, ["w1", "exit", "3"])
    assert shown[1].endswith("failed")
    assert shown[2].endswith("restart 4 after 0.0s")
    assert site.run("deaths", "w1", "-n", "1", check=0).stdout.count("  | line ") == 30
    told = site.run("why", "w1", check=0).stdout
    assert "  | line 27 of life\n    | line 28 of life\n    | line 29 of life" in told
    assert json.loads(site.run("why", "w1", "-o", "json", check=0).stdout)["last_death"]["lines"] == whole[-3:]
    assert site.run("deaths", "nobody", check=4).stdout == ""
    site.run("remove", "w0", check=0)
    wait_until(lambda: len(read_deaths(file)) == 15)
    site.run("down", check=0)
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert len(site.run("deaths", check=0).stdout.splitlines()) == 16
    site.run("deaths", "w0", check=4)


def test_the_end_of_a_stop_that_no_service_saw_is_on_record_and_told_by_why(site: Site) -> None:
    site.write("[workers.a]\ncommand = ['sh', '-c', 'trap \"\" TERM; while :; do sleep 0.1; done']\n")
    site.up()
    site.run("stop", "a", "--no-wait", check=0)
    site.kill_service()
    for pid in site.truth().get("a", []):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
    wait_until(lambda: not site.truth())
    site.up()
    wait_until(lambda: read_deaths(site.state / "deaths.jsonl"))
    told = site.run("why", "a", check=0).stdout
    assert "it ended while no service ran: killed by signal 9" in told
    assert told.count("ordered it to stop") == 1
    assert len(site.events("worker.exited", worker="a")) == 1
    site.kill_service()
    site.up()
    assert len(site.events("worker.exited", worker="a")) == 1  # once for all
