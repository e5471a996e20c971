"""A hold: until its time nothing is done by itself, then the worker goes on, once, whichever service ends it."""

from dataclasses import replace
from typing import Any

import pytest
from kit.life import S, Story, at, corpse_of, pane_of, running

from actors.life.adoption import Adopt, Decision, born, plan
from actors.life.adoption import World as AdoptionWorld
from actors.life.machine import due
from actors.values.effects import AskPane, Emit, Type
from actors.values.facts import Handle, InputGiven, PaneSeen, ProcessEnded, Verb, Woken
from actors.values.records import Record
from actors.values.rules import (
    Act,
    HoldUntil,
    LinesMatched,
    Match,
    On,
    Released,
    Rule,
    ScreenMatched,
)
from actors.values.snapshot import row_of
from actors.values.spec import Rung, Stall, TypeText
from actors.worker import record_of

HOUR = 3600.0


def limit(**hold: Any) -> Rule:
    act = Act(hold=HoldUntil(**({"until": "when", "jitter": 0.0} | hold)))
    return Rule(name="limit", match="resets (?P<when>.*)", do=(act,))


def hit(s: Story, seconds: float | None, *, rule: int = 0, **found: Any) -> Story:
    """The worker prints its limit, which ends in so many seconds; None: no time can be read."""
    until = None if seconds is None else at(s.now).wall + seconds
    match = Match(text="resets 9pm", groups=(("when", "9pm"),), until=until)
    life = s.w.life.id if s.w.life else s.w.judged
    return s.tell(LinesMatched(str(life), ((s.w.spec.rules[rule], replace(match, **found)),)))


def lines(s: Story, event: str) -> list[dict[str, Any]]:
    return [dict(e.facts) for e in s.all if isinstance(e, Emit) and e.event == event]


def held(*rules: Rule, seconds: float = HOUR, **policy: Any) -> Story:
    return hit(running(rules=rules or (limit(send="go on"),), **policy), seconds)


def looked(s: Story, *, activity: int = 1, screen: bytes | None = None) -> Story:
    s.now += 0.001
    return s.tell(PaneSeen(s.now, pane_of(s.life, activity=activity), screen))


def typed(s: Story) -> list[bytes]:
    return [content for content, keys in s.typed().keyed if content]


# ── begins, shows and ends ────────────────────────────────────────────────────────────────────────────────────────


def test_a_held_worker_says_so_until_its_time_and_then_goes_on_once() -> None:
    s = held()
    row = row_of(s.w, log_path="", log_bytes=None)
    assert (row.state, row.attention, row.attention_by, row.attention_text) == ("running", "held", "rule", "resets 9pm")
    assert s.w.hold is not None
    assert row.held_until == s.w.hold.until == pytest.approx(at(s.now).wall + HOUR, abs=0.01)
    assert [(line["rule"], line["then"]) for line in lines(s, "worker.held")] == [("limit", "continue")]
    assert due(s.wait(1).w) == pytest.approx(s.now + HOUR - 1, abs=0.01)
    s.wait(HOUR - 2)
    assert typed(s) == []
    s.wait(2)
    assert typed(s) == [b"go on"]
    assert [(line["cause"], line["do"]) for line in lines(s, "worker.released")] == [("time", "send")]
    row = row_of(s.w, log_path="", log_bytes=None)
    assert (row.attention, row.held_until) == (None, None)
    s.wait(9 * HOUR)
    assert typed(s) == [b"go on"]


def test_without_a_text_it_only_goes_on() -> None:
    s = held(limit()).wait(HOUR + 1)
    assert typed(s) == []
    assert lines(s, "worker.released")[0]["do"] is None


def test_it_is_restarted_where_the_rule_says_so_and_no_budget_is_spent() -> None:
    s = held(limit(then="restart")).wait(HOUR + 1)
    assert (s.w.state, s.line.event, s.line.facts["cause"]) == (S.STOPPING, "worker.stopping", "held")
    s.exits(0)
    assert (s.w.state, s.w.budget.attempt) == (S.STARTING, 0)
    assert len(lines(s, "worker.released")) == 1


def test_the_text_may_be_a_group() -> None:
    s = hit(running(rules=(limit(send="{when}"),)), 1.0).wait(2)
    assert typed(s) == [b"9pm"]


@pytest.mark.parametrize(("seconds", "unclear"), [(None, "unread"), (7 * HOUR, "too-far")])
def test_a_time_that_is_not_clear_is_told_once_and_the_hold_is_the_longest(seconds: float, unclear: str) -> None:
    s = hit(running(rules=(limit(),)), seconds)
    hit(s, seconds, text="again")
    (line,) = lines(s, "worker.held")
    assert (line["unclear"], line["found"], line["hold_s"]) == (unclear, "9pm", 6 * HOUR)
    s.wait(6 * HOUR + 1)
    assert not s.w.is_held


def test_each_worker_waits_for_its_own_part_of_the_jitter_and_500_do_not_go_on_in_one_second() -> None:
    rules = (limit(jitter=300.0),)
    ends = []
    for number in range(500):
        s = hit(running(rules=rules, name=f"w-{number}"), HOUR)
        assert s.w.hold is not None
        ends.append(s.w.hold.until - at(s.now).wall - HOUR)
    assert all(-0.1 <= end < 300 for end in ends)
    seconds = [int(end) for end in ends]
    assert max(seconds.count(second) for second in range(300)) <= 10
    assert len(set(seconds)) > 200
    again = hit(running(rules=rules, name="w-7"), HOUR)
    assert again.w.hold is not None
    assert again.w.hold.until - at(again.now).wall == pytest.approx(HOUR + ends[7], abs=0.01)


def test_a_clock_that_is_set_decides() -> None:
    s = held()
    back = replace(at(s.now + HOUR + 1), wall=at(s.now).wall - 60)
    from actors.life.machine import step

    s.take(*step(s.w, Woken(), back))
    assert s.w.is_held
    assert due(s.w) == pytest.approx(back.mono + HOUR + 60, abs=0.1)
    forward = replace(at(s.now + 1), wall=at(s.now).wall + HOUR + 1)
    s.take(*step(s.w, Woken(), forward))
    assert not s.w.is_held


# ── the same message, a later one ─────────────────────────────────────────────────────────────────────────────────


def test_the_same_message_begins_no_second_hold_during_it_or_after_it() -> None:
    s = running(rules=(limit(send="go on"),))
    until = at(s.now).wall + 10
    for _ in range(3):
        hit(s, None, until=until)
    s.wait(11)
    hit(s, None, until=until)  # drawn again, with its old time
    assert len(lines(s, "worker.held")) == 1
    assert typed(s.wait(HOUR)) == [b"go on"]


def test_a_later_time_prolongs_the_hold_and_an_earlier_one_does_not() -> None:
    s = held()
    hit(s, 60)
    hit(s, 2 * HOUR)
    assert len(lines(s, "worker.held")) == 2
    assert s.wait(HOUR + 60).w.is_held
    assert not s.wait(HOUR).w.is_held


def test_what_may_be_a_repetition_begins_the_hold_that_nobody_knows_of_and_no_other() -> None:
    s = hit(running(rules=(limit(send="go on"),)), 3.0, again=True)
    assert s.w.is_held
    s.wait(4)
    hit(s, 3.0, again=True)
    assert not s.w.is_held
    assert typed(s) == [b"go on"]


# ── a person ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_person_ends_it_early_or_cancels_it() -> None:
    s = held().tell(Released())
    assert (typed(s), lines(s, "worker.released")[0]["cause"]) == ([b"go on"], "person")
    s = held().tell(Released(cancel=True))
    assert (typed(s), s.w.is_held, lines(s, "worker.released")[0]["do"]) == ([], False, None)
    s = held(limit(then="restart")).tell(Released())
    assert s.w.state is S.STOPPING
    assert running().tell(Released()).all == running().all


# ── its life ends ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_program_that_prints_its_limit_and_ends_is_started_at_the_end_of_the_hold() -> None:
    s = held().exits(1)
    assert (s.w.state, s.w.next_start is not None) == (S.BACKOFF, True)
    assert row_of(s.w, log_path="", log_bytes=None).held_until is not None
    s.wait(HOUR - 60)
    assert s.w.state is S.BACKOFF
    s.wait(61)
    assert s.w.state is S.STARTING
    assert lines(s, "worker.released")[0]["do"] == "start"
    assert typed(s.begun(pid=200)) == []


def test_its_line_may_be_judged_after_its_end() -> None:
    s = hit(running(rules=(limit(),)).exits(1), HOUR)
    assert s.w.next_start is not None
    assert s.w.next_start.mono == pytest.approx(s.now + HOUR, abs=0.01)
    assert s.tell(Released()).wait(0.1).w.state is S.STARTING


def test_its_line_may_be_judged_while_tmux_has_not_said_how_it_ended() -> None:
    s = running(rules=(limit(),))
    life = s.life
    hit(s.tell(ProcessEnded(life)), HOUR)
    s.seen(corpse_of(life, 1)).gone(life)
    assert s.w.next_start is not None
    assert s.w.next_start.mono == pytest.approx(s.now + HOUR, abs=0.1)


@pytest.mark.parametrize("verb", ["stop", "restart"])
def test_an_order_of_a_person_ends_it(verb: str) -> None:
    s = held(stop=(TypeText("quit"), 10.0, "KILL")).order(Verb(verb))
    assert not s.w.is_held
    assert lines(s, "worker.released")[0]["cause"] == "ended"
    assert typed(s) == [b"quit"]  # the stop plan waits for no hold


# ── what waits ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_silent_worker_is_not_stalled_while_it_is_held_and_counts_anew_then() -> None:
    stall = Stall(after=60.0, ladder=(Rung(do="send", text="poke"),))
    s = running(rules=(limit(),), stall=stall)
    looked(s)
    hit(s, HOUR)
    for _ in range(10):
        s.wait(300)
        assert s.did(AskPane) == []
        looked(s)
    assert lines(s, "worker.stalled") == []
    s.wait(HOUR)
    looked(s)
    looked(s.wait(59))
    assert lines(s, "worker.stalled") == []
    looked(s.wait(2))
    assert len(lines(s, "worker.stalled")) == 1
    hit(s, HOUR)
    assert len(lines(s, "worker.unstalled")) == 1


def test_rules_about_silence_and_prompts_wait_and_what_others_type_is_typed_after_it() -> None:
    silent = Rule(on=On.SILENCE, within=60.0, do=(Act(order="event"),))
    quiet = Rule(on=On.SILENCE, match="tick", within=60.0, do=(Act(order="event"),))
    asks = Rule(name="asks", on=On.PROMPT, match="ok", do=(Act(keys=("y",)),))
    says = Rule(name="says", match="x", do=(Act(send="yes"),))
    s = held(limit(), silent, quiet, asks, says)
    prompt = (asks, Match("ok?", stands=("ok?",)))
    s.tell(ScreenMatched(s.life, (prompt,)))
    looked(s, screen=b"ok?")
    for _ in range(5):
        s.wait(300)
        looked(s)
        s.tell(ScreenMatched(s.life, (prompt,)))
    s.tell(LinesMatched(s.life, ((says, Match("x")),)))
    assert s.ever(Type) == []
    assert [line["rule"] for line in lines(s, "worker.rule")] == ["limit", "says"]
    s.wait(HOUR - 1499)
    assert typed(s) == [b"yes"]
    looked(s.wait(2))
    assert [line["rule"] for line in lines(s, "worker.rule")][2:] == ["asks"]
    looked(s.wait(60))
    assert len(lines(s, "worker.rule")) == 5


def test_a_person_types_as_always() -> None:
    s = held().tell(InputGiven(7, b"hello"))
    assert typed(s) == [b"hello"]


# ── another service ───────────────────────────────────────────────────────────────────────────────────────────────


def after_a_kill(s: Story, seconds: float) -> Story:
    """Another service adopts the worker after so many seconds, from what is on record."""
    record = replace(record_of(s.w), process=Handle(100, 100))
    decision = plan(record, (pane_of(record.life, digest=record.spec.digest),), AdoptionWorld(False, False))
    assert isinstance(decision, Adopt)
    return adopted_by(record, decision, s.now - 1000.0 + seconds)


def adopted_by(record: Record, decision: Decision, seconds: float) -> Story:
    after = Story(rules=record.spec.rules)
    after.now, after.all = after.now + seconds, []
    after.w = replace(after.w, state=S.UNBORN)
    return after.take(*born(record, decision, "t", at(after.now)))


def test_another_service_goes_on_with_the_hold_and_ends_it_once() -> None:
    s = after_a_kill(held(), 60)
    assert s.w.is_held
    assert row_of(s.w, log_path="", log_bytes=None).attention == "held"
    assert s.w.hold_over == pytest.approx(s.now + HOUR - 60, abs=0.1)
    assert typed(s.wait(HOUR)) == [b"go on"]
    assert not after_a_kill(s, 1).w.is_held


def test_a_hold_that_has_ended_while_no_service_ran_is_ended_at_once() -> None:
    s = after_a_kill(held(), 2 * HOUR)
    assert s.w.hold_over == s.now
    assert typed(s.tell(Woken())) == [b"go on"]


def test_a_hold_between_two_lives_is_gone_on_with_too_and_a_person_may_start_it() -> None:
    record = record_of(held().exits(1).w)
    decision = plan(record, (), AdoptionWorld(False, False))
    for freed in (False, True):
        s = adopted_by(record, decision, 60)
        assert (s.w.state, s.w.rests) == (S.PENDING, True)
        if freed:
            s.order(Verb.START)
        else:
            s.wait(HOUR - 61)
            assert s.w.rests
            s.wait(2)
        assert (s.w.rests, s.w.is_held) == (False, False)
        assert s.admitted().w.state is S.STARTING
    assert held().exits(1).order(Verb.START).w.state is S.STARTING
