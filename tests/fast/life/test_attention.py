"""What a worker is at: the best fresh source decides, it lives and dies with the life, and changes are told."""

from typing import Any

import pytest
from kit.life import S, Story, at, pane_of, running

from actors.life.attention import ECHO, SILENT, Attention, held_now, look, take
from actors.values.attention import AttentionSaid, Source, Word
from actors.values.effects import Emit
from actors.values.facts import Handle, Tree, TreeSeen
from actors.values.snapshot import Row, row_of

W = Word


def said(by: Source, word: Word | None, **more: Any) -> AttentionSaid:
    return AttentionSaid(by=by, word=word, **more)


def taken(*statements: AttentionSaid, now: float = 100.0) -> Attention:
    attention = Attention()
    for one in statements:
        attention = take(attention, one, at(now))
    return attention


def word_of(attention: Attention, now: float = 100.0, output: int | None = None) -> Word | None:
    held = held_now(attention, output, at(now))
    return held and held.word


def wall(mono: float) -> int:
    return int(at(mono).wall)


# ── which statement holds ─────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_known_until_a_source_says_something() -> None:
    assert word_of(Attention(), output=wall(1.0)) is None


@pytest.mark.parametrize(("better", "worse"), [*zip(list(Source)[:-2], list(Source)[1:-1], strict=True)])
def test_a_source_outranks_the_next_one_whichever_spoke_last(better: Source, worse: Source) -> None:
    two = said(better, W.WORKING), said(worse, W.WAITING)
    assert word_of(taken(*two)) is W.WORKING
    assert word_of(taken(*reversed(two))) is W.WORKING


def test_a_stale_report_gives_way_to_what_the_screen_says() -> None:
    both = taken(said(Source.REPORT, W.WORKING, ttl=300.0), said(Source.SCREEN, W.WAITING))
    assert [word_of(both, now) for now in (399.0, 400.0)] == [W.WORKING, W.WAITING]


def test_a_source_takes_its_own_word_back_and_no_other() -> None:
    both = taken(said(Source.SCREEN, W.WAITING), said(Source.KERNEL, W.WAITING), said(Source.SCREEN, None))
    assert [one.by for one in both.statements] == [Source.KERNEL]


@pytest.mark.parametrize("word", [W.WAITING, W.IDLE])
def test_who_reported_and_has_printed_nothing_since_still_waits_after_its_time(word: Word) -> None:
    reported = taken(said(Source.REPORT, word, ttl=300.0))
    assert word_of(reported, 9000.0, output=wall(100.0) + ECHO) is word
    assert word_of(reported, 9000.0, output=wall(200.0)) is None
    assert word_of(reported, 399.0, output=wall(200.0)) is word  # an agent draws while it waits


def test_a_bell_counts_until_the_worker_prints_again() -> None:
    rung = taken(said(Source.TERMINAL, W.WAITING, until_output=True))
    assert word_of(rung, 9000.0, output=wall(100.0) + ECHO) is W.WAITING
    assert word_of(rung, 104.0, output=wall(103.0)) is None


def test_a_wait_began_when_its_first_source_said_so() -> None:
    first = look(taken(said(Source.KERNEL, W.WAITING)), None, at(100.0))
    second = look(take(first, said(Source.SCREEN, W.WAITING, text="[y/N]"), at(110.0)), None, at(110.0))
    assert second.shown
    assert (second.shown.by, second.shown.text, second.shown.since) == (Source.SCREEN, "[y/N]", at(100.0))


def test_a_text_is_one_line_of_a_bounded_length() -> None:
    (one,) = taken(said(Source.REPORT, W.WAITING, text="may I\n  run it? " + "x" * 500)).statements
    assert one.text.startswith("may I run it? xxx")
    assert len(one.text) == 200


def test_a_word_that_is_said_again_changes_nothing() -> None:
    once = look(taken(said(Source.SCREEN, W.WAITING, text="[y/N]")), None, at(100.0))
    again = look(take(once, said(Source.SCREEN, W.WAITING, text="[y/N]"), at(160.0)), None, at(160.0))
    assert again == once


def test_what_an_earlier_service_was_told_holds_if_nothing_was_printed_since() -> None:
    told = taken(said(Source.REPORT, W.WAITING, ttl=0.0, at=at(40.0).wall))
    assert word_of(told, output=wall(41.0)) is W.WAITING
    assert word_of(told, output=wall(43.0)) is None
    shown = look(told, wall(41.0), at(100.0)).shown
    assert shown
    assert shown.since == at(40.0)


# ── in a worker ───────────────────────────────────────────────────────────────────────────────────────────────────


def shown(story: Story) -> Row:
    return row_of(story.w, log_path="", log_bytes=None)


def lines(story: Story) -> list[Any]:
    return [effect.facts for effect in story.did(Emit) if effect.event == "worker.attention"]


def test_a_report_is_in_the_row_and_in_the_log() -> None:
    story = running().tell(said(Source.REPORT, W.WAITING, text="may I?", cost=0.5, tokens=1200))
    row = shown(story)
    assert (row.attention, row.attention_by, row.attention_text) == ("waiting", "report", "may I?")
    assert row.attention_since == at(story.now).wall
    assert (row.cost, row.tokens) == (0.5, 1200)
    (line,) = lines(story)
    assert (line["attention"], line["was"], line["by"], line["text"]) == ("waiting", None, "report", "may I?")
    assert lines(story.tell(said(Source.REPORT, W.WAITING, text="may I now?"))) == []


def test_cost_and_tokens_stay_when_a_report_has_none() -> None:
    story = running().tell(said(Source.REPORT, W.WORKING, cost=0.5, tokens=1200), said(Source.REPORT, W.IDLE))
    assert (shown(story).cost, shown(story).tokens) == (0.5, 1200)


def test_what_another_life_is_at_is_dropped() -> None:
    story = running().tell(said(Source.REPORT, W.WAITING, life="other"))
    assert shown(story).attention is None


def test_attention_ends_with_the_life() -> None:
    story = running().tell(said(Source.REPORT, W.WAITING, tokens=5)).exits(1)
    assert (shown(story).attention, shown(story).tokens) == (None, None)
    story.wait(60.0).begun(pid=101)
    assert story.w.state in (S.STARTING, S.RUNNING)
    assert (shown(story).attention, shown(story).tokens) == (None, None)


def test_a_worker_that_stops_has_no_attention() -> None:
    from actors.values.facts import Verb

    story = running().tell(said(Source.REPORT, W.WAITING)).order(Verb.STOP)
    assert (story.w.state, shown(story).attention) == (S.STOPPING, None)


def test_a_report_goes_stale_by_the_clock_alone_and_the_log_says_so() -> None:
    story = running().tell(said(Source.SCREEN, W.WAITING), said(Source.REPORT, W.WORKING, ttl=5.0))
    story.wait(5.0)
    assert shown(story).attention == "waiting"
    (line,) = lines(story)
    assert (line["was"], line["by"]) == ("working", "screen")


def test_output_ends_what_holds_until_then() -> None:
    story = running().tell(said(Source.TERMINAL, W.WAITING, until_output=True))
    story.now += 10.0
    story.seen(pane_of(story.life, activity=wall(story.now)))
    assert shown(story).attention is None
    assert [line["attention"] for line in lines(story)] == [None]


def test_a_worker_that_prints_nothing_and_uses_no_cpu_idles_without_a_line_in_the_log() -> None:
    story = running()
    story.seen(pane_of(story.life, activity=wall(story.now)))

    def beat(cpu: float) -> None:
        story.now += 10.0
        story.tell(TreeSeen(story.now, 1, Tree(1, cpu, (Handle(100, 100),))))

    beat(50.0)
    for _ in range(int(SILENT) // 10):
        beat(0.2)
    assert shown(story).attention is None  # it worked ten seconds ago more than that
    beat(0.2)
    assert (shown(story).attention, shown(story).attention_by) == ("idle", "silence")
    assert lines(story) == []
    beat(30.0)
    assert shown(story).attention is None


def test_that_an_agent_works_is_shown_and_not_logged() -> None:
    story = running().tell(said(Source.SCREEN, W.WORKING))
    assert (shown(story).attention, lines(story)) == ("working", [])
