"""What the rules of a worker do to it: orders with a cause, typing that waits for no person, commands, silences."""

from typing import Any

from kit.life import Story, at, completed, ordered, pane_of, running, stopping

from actors.life.machine import due, step
from actors.life.readiness import SETTLE
from actors.life.state import State
from actors.values.effects import AskPane, Emit, RunCommand, Type
from actors.values.facts import (
    PaneSeen,
    TypeHeld,
)
from actors.values.rules import Act, CommandEnded, LinesMatched, LinesSkipped, Match, On, Rate, Rule, ScreenMatched
from actors.values.spec import Restart
from actors.values.typing import Sight

S = State


def rule(*do: Act, **keys: Any) -> Rule:
    return Rule(**({"name": "r", "match": "x", "do": do or (Act(order="event"),)} | keys))


def order(which: Any) -> Act:
    return Act(order=which)


def matched(s: Story, *, life: str | None = None, **match: Any) -> Story:
    """Its first rule matches a line."""
    found = Match(**({"text": "out of memory"} | match))
    return s.tell(LinesMatched(life or s.life, ((s.w.spec.rules[0], found),)))


def lines(s: Story, event: str = "worker.rule") -> list[Any]:
    return [dict(e.facts) for e in s.all if isinstance(e, Emit) and e.event == event]


def test_a_line_that_matches_writes_one_line_with_its_rule_and_text() -> None:
    s = matched(running(rules=(rule(),)))
    assert lines(s) == [
        {"worker": "api", "life": "s-1", "rule": "r", "on": "line", "do": ["event"], "text": "out of memory"}
    ]
    assert s.w.state is S.RUNNING


def test_what_is_heard_before_tmux_has_answered_the_start_is_done_when_it_has() -> None:
    s = matched(ordered(rules=(rule(Act(keys=("y",)), order("event")),)))
    assert lines(s) == []
    s.begun()
    assert [(line["do"], "left_out" in line) for line in lines(s)] == [(["keys", "event"], False)]
    assert s.w.early == ()


def test_a_restart_is_judged_as_a_crash_and_says_its_rule() -> None:
    s = matched(running(rules=(rule(order("restart")),)))
    assert (s.w.state, s.line.event, s.line.facts["cause"]) == (S.BACKOFF, "worker.rule", "rule")
    assert s.w.reason == "rule r: out of memory"
    assert s.w.budget.attempt == 1
    assert s.signals == ["TERM"]


def test_a_restart_of_one_that_is_never_restarted_is_a_failure() -> None:
    assert matched(running(restart=Restart.NEVER, rules=(rule(order("restart")),))).w.state is S.FAILED


def test_a_stop_and_a_completion_by_a_rule_say_so_and_one_by_a_person_does_not() -> None:
    for which, event, state in (("stop", "worker.stopped", S.STOPPED), ("complete", "worker.completed", S.COMPLETED)):
        s = matched(running(rules=(rule(order(which)),)))
        assert (s.w.state, s.line.facts["cause"], s.line.facts["reason"]) == (S.STOPPING, "rule", "rule r")
        s.exits(0)
        assert (s.w.state, s.line.event, s.line.facts["cause"]) == (state, event, "rule")
    s = stopping(rules=(rule(order("stop")),)).exits(0)
    assert s.line.facts["cause"] == "person"


def test_an_order_of_a_person_is_not_overruled() -> None:
    s = matched(stopping(rules=(rule(order("complete")),)))
    assert s.exits(0).w.state is S.STOPPED


def test_a_line_of_a_life_that_has_ended_does_nothing_to_the_next_one() -> None:
    s = running(rules=(rule(order("restart"), Act(send="y"), Act(run=("tell",))),))
    old = s.life
    s.exits(1).wait(60).begun(pid=200)
    matched(s, life=old)
    assert (s.w.state, s.did(Type)) == (S.RUNNING, [])
    assert [line["left_out"] for line in lines(s)] == [["restart", "send"]]
    assert len(s.did(RunCommand)) == 1


def test_text_and_keys_are_typed_and_a_group_as_a_whole_is_filled_in() -> None:
    s = running(rules=(rule(Act(send="{n}"), Act(keys=("C-c",)), match="(?P<n>x)"),))
    matched(s, groups=(("n", "42; rm"),))
    (typed,) = s.did(Type)
    assert typed.content == b"42; rm"
    assert s.w.typing.waiting[-1].keys == ("C-c",)


def test_a_rule_says_what_the_worker_is_at_with_the_matched_text() -> None:
    s = matched(running(rules=(rule(Act(attention="waiting")),)), text="Proceed?")
    assert s.w.life is not None
    shown = s.w.life.attention.shown
    assert shown is not None
    assert (shown.word, shown.by, shown.text) == ("waiting", "rule", "Proceed?")


def test_what_may_be_a_repetition_is_not_typed() -> None:
    s = running(rules=(rule(Act(send="y")),))
    assert matched(s, again=True).did(Type) == []
    assert matched(s).did(Type)
    assert [line.get("left_out") for line in lines(s)] == [["send"], None]


def test_what_a_rule_types_waits_for_a_person_and_is_given_up_after_a_while() -> None:
    s = running(rules=(rule(Act(send="y")),))
    s.sight = Sight(typing=int(at(s.now).wall), touched=int(at(s.now).wall))
    assert matched(s).ever(Type) == []
    s.sight = Sight()
    s.wait(2)
    assert s.ever(Type)
    s = running(rules=(rule(Act(send="y")),))
    s.sight = Sight(typing=2**40, touched=2**40)  # typing all the time
    matched(s)
    for _ in range(40):
        s.wait(2)
    s.sight = Sight()
    assert (s.wait(2).ever(Type), s.w.typing.count) == ([], 0)


def test_a_command_gets_the_facts_and_its_failure_is_told() -> None:
    s = running(rules=(rule(Act(run=("tell", "{0}", "about {0}"), timeout=5.0)),))
    matched(s, groups=(("0", "a b; c"),))
    (command,) = s.did(RunCommand)
    assert (command.argv, command.timeout, command.cwd) == (("tell", "a b; c", "about {0}"), 5.0, "/")
    assert command.facts["text"] == "out of memory"
    assert (command.facts["worker"], command.facts["state"]) == ("api", "running")
    s.tell(CommandEnded("r", None), CommandEnded("r", "exited with code 3"))
    assert [line["reason"] for line in lines(s, "worker.rule_command")] == ["exited with code 3"]


def test_above_its_rate_a_rule_does_nothing_and_says_so_once() -> None:
    s = running(rules=(rule(Act(send="y"), at_most=Rate(1, 3600.0)),))
    for _ in range(3):
        matched(s)
    assert (len(lines(s)), len(lines(s, "worker.rule_limited"))) == (1, 1)


def test_a_changed_policy_keeps_the_counters_of_a_rule_that_stays() -> None:
    stays = rule(at_most=Rate(1, 3600.0))
    s = matched(running(rules=(stays,)))
    s.respec(rules=(rule(name="new"), stays))
    s.tell(LinesMatched(s.life, ((stays, Match("x")),)))
    assert len(lines(s)) == 1


def test_a_screen_counts_for_the_life_that_shows_it() -> None:
    s = running(rules=(rule(on=On.SCREEN),))
    shown = ((s.w.spec.rules[0], Match("Proceed?")),)
    s.tell(ScreenMatched("other", shown), ScreenMatched(s.life, shown), ScreenMatched(s.life, shown))
    assert [line["text"] for line in lines(s)] == ["Proceed?"]


def prompted(s: Story, *rows: str) -> Story:
    """Its first rule finds these rows on the screen."""
    s.sight = Sight(rows=rows)
    return s.tell(ScreenMatched(s.life, ((s.w.spec.rules[0], Match("Proceed?", stands=rows)),)))


def test_a_prompt_that_stands_is_answered_once_and_only_while_it_stands() -> None:
    s = running(rules=(rule(Act(keys=("1",)), on=On.PROMPT),))
    s.seen(pane_of(s.life, activity=5))
    prompted(s, "rm x", "Proceed?").wait(1.1)
    assert s.did(AskPane)
    s.seen(pane_of(s.life, activity=5))
    (typed,) = s.ever(Type)
    assert (typed.keys, typed.stands) == (("1",), ("rm x", "Proceed?"))
    assert [line["text"] for line in lines(s)] == ["Proceed?"]
    s.wait(5).seen(pane_of(s.life, activity=5))
    assert len(s.ever(Type)) == 1


def test_no_prompt_is_answered_while_a_person_is_attached_and_it_is_when_they_have_left() -> None:
    s = running(rules=(rule(Act(keys=("1",)), on=On.PROMPT),))
    s.seen(pane_of(s.life, activity=5, attached=True))
    prompted(s, "Proceed?")
    for _ in range(3):
        s.wait(2).seen(pane_of(s.life, activity=5, attached=True))
    assert (s.ever(Type), lines(s), due(s.w)) == ([], [], None)
    s.seen(pane_of(s.life, activity=5))
    s.wait(2).seen(pane_of(s.life, activity=5))
    assert len(s.ever(Type)) == 1


def test_an_answer_is_given_up_when_its_prompt_stands_no_more() -> None:
    s = running(rules=(rule(Act(keys=("1",)), on=On.PROMPT),))
    s.seen(pane_of(s.life, activity=5))
    prompted(s, "Proceed?").wait(1.1).seen(pane_of(s.life, activity=5))
    for _ in range(100):
        if s.w.typing.under_way is not None:
            s.tell(TypeHeld(s.life, s.w.typing.pieces, moved=True))
        s.wait(0.1)
    assert s.w.typing.count == 0


def test_an_exit_and_a_state_fire_their_rules_once() -> None:
    exit, state = rule(on=On.EXIT, match=None, codes=(3,)), rule(on=On.STATE, match=None, states=("backoff",))
    s = running(rules=(exit, state)).exits(3)
    assert [line["on"] for line in lines(s)] == ["exit", "state"]
    s.wait(60).begun(pid=200).exits(0)
    assert len(lines(s)) == 2


def test_a_rule_about_a_state_may_end_what_would_start_again() -> None:
    s = running(rules=(rule(order("stop"), on=On.STATE, match=None, states=("backoff",)),)).exits(1)
    assert (s.w.state, s.line.facts["cause"]) == (S.STOPPED, "rule")


def test_a_rule_that_stops_it_fires_those_about_that_state() -> None:
    s = running(rules=(rule(order("stop")), rule(name="s", on=On.STATE, match=None, states=("stopping",))))
    assert [line["rule"] for line in lines(matched(s))] == ["r", "s"]


def test_silence_fires_when_a_look_at_the_pane_shows_nothing_new_and_again_after_output() -> None:
    s = running(rules=(rule(on=On.SILENCE, match=None, within=10.0),))
    s.seen(pane_of(s.life, activity=5))
    assert due(s.w) is not None
    s.wait(10.1)
    assert s.did(AskPane)
    s.seen(pane_of(s.life, activity=5))
    s.wait(30).seen(pane_of(s.life, activity=5))
    assert [line["on"] for line in lines(s)] == ["silence"]
    s.seen(pane_of(s.life, activity=60)).wait(10.1).seen(pane_of(s.life, activity=60))
    assert len(lines(s)) == 2


def test_a_look_that_was_taken_in_time_but_shows_output_is_no_silence() -> None:
    s = running(rules=(rule(on=On.SILENCE, match=None, within=10.0),))
    s.seen(pane_of(s.life, activity=5)).wait(10.1).seen(pane_of(s.life, activity=14))
    assert lines(s) == []


def test_a_heartbeat_that_does_not_come_is_a_silence() -> None:
    s = running(rules=(rule(on=On.SILENCE, within=10.0),))
    s.wait(5)
    matched(s)
    s.wait(5.1)
    assert lines(s) == []
    s.wait(5)
    assert len(lines(s)) == 1


def test_silence_of_a_worker_that_does_not_run_is_none() -> None:
    s = completed(rules=(rule(on=On.SILENCE, within=10.0), rule(on=On.SILENCE, match=None, within=10.0)))
    assert s.wait(100).w.state is S.COMPLETED
    assert lines(s) == []


def test_what_was_not_judged_is_told() -> None:
    s = running(rules=(rule(),)).tell(LinesSkipped(5000, "they came faster than they are judged"))
    assert [line["bytes"] for line in lines(s, "worker.lines_skipped")] == [5000]


def test_a_worker_without_rules_has_no_deadline_for_them() -> None:
    s = running().wait(SETTLE)
    w, effects = step(s.w, PaneSeen(s.now + 1, pane_of(s.life, activity=9)), at(s.now + 1))
    assert (due(w), effects) == (None, ())
