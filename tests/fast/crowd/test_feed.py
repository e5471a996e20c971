"""The activity feed: the newest entries, newest first, which nobody can change."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from actors.values.feed import KEPT, Feed


def filled(count: int) -> Feed:
    feed = Feed()
    for n in range(count):
        feed.add(float(n), "worker.exited", "warning", {"n": n})
    return feed


def test_the_newest_entry_comes_first() -> None:
    assert [entry.facts["n"] for entry in filled(3).newest_first()] == [2, 1, 0]


def test_numbers_grow_by_one() -> None:
    assert [entry.seq for entry in filled(3).newest_first()] == [3, 2, 1]


def test_only_the_last_hundred_are_kept() -> None:
    entries = filled(KEPT + 5).newest_first()
    assert len(entries) == KEPT == 100
    assert (entries[0].seq, entries[-1].seq) == (KEPT + 5, 6)


def test_an_entry_is_handed_back_as_it_is_kept() -> None:
    feed = Feed()
    entry = feed.add(1.5, "tmux.died", "error", {"pid": 7})
    assert (entry.seq, entry.ts, entry.event, entry.level) == (1, 1.5, "tmux.died", "error")
    assert entry.facts == {"pid": 7}
    assert feed.newest_first() == (entry,)


def test_facts_that_change_later_do_not_change_an_entry() -> None:
    facts = {"n": 1}
    entry = Feed().add(0.0, "x", "info", facts)
    facts["n"] = 2
    assert entry.facts == {"n": 1}


def test_nobody_can_change_an_entry() -> None:
    entry: Any = Feed().add(0.0, "x", "info", {"n": 1})
    with pytest.raises(TypeError):
        entry.facts["n"] = 2
    with pytest.raises(FrozenInstanceError):
        entry.seq = 7


def test_what_was_handed_out_does_not_grow() -> None:
    feed = filled(1)
    before = feed.newest_first()
    feed.add(2.0, "worker.exited", "warning", {})
    assert len(before) == 1
    assert Feed().newest_first() == ()
