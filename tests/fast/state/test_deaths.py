"""Death records: what is kept of an exit, how many, their last words, and how people read them."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.deaths import DEATH, deaths
from kit.life import WALL, Story, corpse_of, judged, not_ready_in_time, running

from actors.values.effects import KeepDeath
from actors.values.facts import Handle, Tree, TreeSeen, Verb
from actors.values.records import Death
from actors.values.spec import Ready, Restart
from supervisor.commands.views.deaths import account, decided, how, table
from supervisor.state.deaths import (
    KEPT,
    KEPT_A_WORKER,
    LINES,
    LONGEST_LINE,
    MOST_BYTES,
    chosen,
    last_words,
    plain_death,
    pruned,
)
from supervisor.text.cells import width
from supervisor.text.values import rebuilt


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
    ended = replace(DEATH, state="failed", cause="ended", reason="memory is much; budget spent")
    assert decided(ended.to_json()) == "memory is much; budget spent; failed"
    assert decided(replace(DEATH, state="stopping", cause="stop").to_json()) == "a person stopped it"
    record = plain_death(replace(DEATH, lines=("a\x1b[1m",)))
    head, row = table([record], WALL)
    assert head.split() == ["TIME", "WORKER", "HOW", "UPTIME", "MEMORY", "DECIDED"]
    assert row.split()[-6:] == ["2.0", "MB", "restart", "1", "after", "1.0s"]
    assert account(record, WALL)[1:] == [r"  | a\x1b[1m"]


def test_the_table_fits_its_terminal_and_the_decision_is_cut_first() -> None:
    record = plain_death(replace(DEATH, worker="w" * 30, state="failed", cause="ended", reason="x" * 90))
    for cells in (80, 160):
        line = table([record], WALL, width=cells)[1]
        assert width(line) <= cells
        assert "exit 3" in line
