"""When a rule fires, on a virtual clock: matches, bursts, rates, silences, exits, states."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.rules.engine import (
    Begun,
    Book,
    Came,
    Ended,
    Found,
    Looked,
    Passed,
    Seen,
    Shown,
    prompt_due,
    silence_due,
    step,
)
from actors.values.facts import Exit
from actors.values.rules import Act, Match, On, Rate, Rule, filled

EVENT = (Act(order="event"),)


def rule(**keys: Any) -> Rule:
    return Rule(**({"match": "x", "do": EVENT} | keys))


class Judge:
    """One worker's rules, told what is seen at times that the test chooses."""

    def __init__(self, *rules: Rule) -> None:
        self.book = Book().of(rules)
        self.rules = rules

    def __call__(self, seen: Seen, at: float) -> list[str]:
        """Return what fires; what is above its rate with an exclamation mark."""
        self.book, firings = step(self.book, seen, at)
        return [firing.rule.called + "!" * firing.limited for firing in firings]

    def line(self, at: float, which: int = 0, count: int = 1) -> list[str]:
        return self(Found(((self.rules[which], Match("a line", count=count)),)), at)


def test_each_matching_line_fires_its_rule_once() -> None:
    judge = Judge(rule(name="a"), rule(name="b"))
    matches = tuple((each, Match()) for each in (judge.rules[1], judge.rules[0], judge.rules[1]))
    assert judge(Found(matches), 0.0) == ["b", "a", "b"]


def test_a_rule_that_is_gone_fires_no_more_and_one_that_stays_keeps_its_counters() -> None:
    kept, gone = rule(name="kept", at_most=Rate(1, 60.0)), rule(name="gone")
    judge = Judge(kept, gone)
    assert judge.line(0.0) == ["kept"]
    judge.book = judge.book.of((rule(name="new"), rule(name="kept", at_most=Rate(1, 60.0))))
    assert judge(Found(((gone, Match()), (kept, Match()))), 1.0) == ["kept!"]


def test_times_counts_the_matches_within_the_time_and_begins_again_after_a_firing() -> None:
    judge = Judge(rule(name="a", times=3, within=10.0))
    assert [judge.line(at) for at in (0.0, 1.0, 11.0, 11.5, 12.0, 12.5, 13.0)] == [[], [], [], [], ["a"], [], []]


def test_lines_that_come_together_count_each() -> None:
    judge = Judge(rule(name="a", times=3, within=10.0))
    assert judge.line(0.0, count=2) == []
    assert judge.line(1.0, count=50) == ["a"]


def test_a_burst_is_one_match_however_long_it_lasts() -> None:
    judge = Judge(rule(name="a", debounce=2.0))
    assert [judge.line(at) for at in (0.0, 1.9, 3.8, 5.7, 7.7)] == [["a"], [], [], [], ["a"]]


def test_above_its_rate_a_rule_does_nothing_and_that_is_told_once() -> None:
    judge = Judge(rule(name="a", at_most=Rate(2, 10.0)))
    fired = [judge.line(at) for at in (0.0, 1.0, 2.0, 3.0, 10.0, 10.5, 11.0)]
    assert fired == [["a"], ["a"], ["a!"], [], ["a"], ["a!"], ["a"]]


def test_a_screen_fires_when_it_comes_to_match_and_again_only_after_it_did_not() -> None:
    judge = Judge(rule(name="a", on=On.SCREEN))
    shown = Shown(((judge.rules[0], Match("Proceed?")),))
    assert [judge(seen, 0.0) for seen in (shown, shown, Shown(()), shown)] == [["a"], [], [], ["a"]]
    assert [judge(seen, 0.0) for seen in (Begun(), shown)] == [[], ["a"]]


def test_a_prompt_fires_once_when_two_looks_find_the_same_rows_and_again_when_other_rows_stand() -> None:
    judge = Judge(rule(name="a", on=On.PROMPT))

    def shown(*rows: str) -> Shown:
        return Shown(((judge.rules[0], Match("Proceed?", stands=rows)),))

    assert (judge(shown("rm x", "Proceed?"), 10.0), prompt_due(judge.book)) == ([], 11.0)
    assert judge(Looked(11.5, True), 11.5) == []  # something has come: the next screen tells
    assert judge(shown("rm y", "Proceed?"), 11.6) == []
    assert judge(Looked(12.0, False, same=True), 12.0) == []
    assert judge(Looked(12.7, False, same=True, attached=True), 12.7) == []
    assert judge(Looked(13.0, False, same=True), 13.0) == []
    assert judge(Looked(13.8, False, same=True), 13.8) == ["a"]
    assert [judge(Looked(99.0, False, same=True), 99.0), judge(shown("rm y", "Proceed?"), 99.0)] == [[], []]
    assert prompt_due(judge.book) is None
    assert judge(shown("rm z", "Proceed?"), 100.0) == []
    assert judge(shown("rm z", "Proceed?"), 101.0) == ["a"]
    assert judge(Shown(()), 102.0) == []
    assert [judge(shown("rm z", "Proceed?"), at) for at in (103.0, 104.0)] == [[], ["a"]]


def test_a_prompt_above_the_rate_is_answered_as_soon_as_it_may_be() -> None:
    judge = Judge(rule(name="a", on=On.PROMPT, at_most=Rate(1, 60.0)))

    def stands(at: float, *rows: str) -> list[str]:
        seen = Shown(((judge.rules[0], Match("Proceed?", stands=rows)),))
        return [*judge(seen, at), *judge(Looked(at + 1.0, False, same=True), at + 1.0)]

    assert stands(0.0, "1") == ["a"]
    assert stands(10.0, "2") == ["a!"]
    assert prompt_due(judge.book) == 61.0
    assert judge(Looked(50.0, False, same=True), 50.0) == []
    assert judge(Looked(61.0, False, same=True), 61.0) == ["a"]


def test_a_prompt_that_changes_all_the_time_is_not_answered() -> None:
    judge = Judge(rule(name="a", on=On.PROMPT))
    for second in range(60):
        seen = Shown(((judge.rules[0], Match("Proceed?", stands=(f"{second} s", "Proceed?"))),))
        assert judge(seen, float(second)) == []


def test_silence_fires_once_by_a_look_that_shows_nothing_new() -> None:
    judge = Judge(rule(name="a", on=On.SILENCE, match=None, within=10.0))
    assert silence_due(judge.book) == (None, None)
    assert judge(Begun(), 100.0) == []
    assert silence_due(judge.book) == (110.0, None)
    assert judge(Passed(), 200.0) == []  # only a look decides
    assert judge(Looked(109.0, False), 109.0) == []
    assert judge(Looked(109.5, True), 110.0) == []
    assert judge(Looked(119.0, False), 119.0) == []
    assert judge(Looked(119.5, False), 119.6) == ["a"]
    assert (judge(Looked(300.0, False), 300.0), silence_due(judge.book)) == ([], (None, None))
    judge(Looked(301.0, True), 301.0)
    assert judge(Looked(312.0, False), 312.0) == ["a"]


def test_a_line_that_does_not_come_is_a_silence_too_and_ends_with_the_life() -> None:
    judge = Judge(rule(name="a", on=On.SILENCE, match="heartbeat", within=10.0))
    judge(Begun(), 0.0)
    assert judge.line(9.0) == []
    assert (judge(Looked(19.0, False), 19.0), silence_due(judge.book)) == ([], (None, 19.0))
    assert judge(Passed(), 19.0) == ["a"]
    judge.line(20.0)
    judge(Ended(Exit(0, None, 0.0)), 21.0)
    assert judge(Passed(), 99.0) == []


def test_an_exit_counts_by_code_or_signal_and_a_shell_tells_a_signal_by_its_code() -> None:
    any_exit, codes, signals = (
        rule(name="any", on=On.EXIT, match=None),
        rule(name="codes", on=On.EXIT, match=None, codes=(3, 137)),
        rule(name="signals", on=On.EXIT, match=None, signals=(11,)),
    )
    judge = Judge(any_exit, codes, signals)

    def after(code: int | None, signal: int | None) -> list[str]:
        return judge(Ended(Exit(code, signal, 0.0)), 0.0)

    assert after(0, None) == ["any"]
    assert after(3, None) == after(None, 9) == ["any", "codes"]
    assert after(None, 11) == after(139, None) == ["any", "signals"]


def test_a_state_counts_when_the_worker_comes_into_it() -> None:
    judge = Judge(rule(name="a", on=On.STATE, match=None, states=("failed",)))
    assert (judge(Came("backoff"), 0.0), judge(Came("failed"), 1.0)) == ([], ["a"])


def test_only_an_argument_that_is_a_group_as_a_whole_is_replaced() -> None:
    match = Match("limit 9pm", (("0", "9pm"), ("when", "9pm; rm -rf /")))
    assert [filled(text, match) for text in ("{when}", "at {when}", "{}", "{nope}", "{0}", "")] == [
        *("9pm; rm -rf /", "at {when}", "{}", "{nope}", "9pm", "")
    ]


@given(
    gaps=st.lists(st.floats(0.0, 20.0), max_size=40),
    times=st.integers(1, 4),
    debounce=st.sampled_from([0.0, 1.0, 5.0]),
    rate=st.integers(1, 3),
)
def test_whatever_comes_a_rule_keeps_its_rate_its_count_and_its_pauses(
    gaps: list[float], times: int, debounce: float, rate: int
) -> None:
    judge = Judge(rule(name="a", times=times, within=30.0, debounce=debounce, at_most=Rate(rate, 15.0)))
    now, last, matches, fired, told = 0.0, -100.0, 0, list[float](), 0
    for gap in gaps:
        now += gap
        matches += now - last >= debounce
        last = now
        found = judge.line(now)
        told += len(found)
        fired += [now] if found == ["a"] else []
        assert sum(at > now - 15.0 for at in fired) <= rate
        assert len(judge.book.marks[0].seen) < max(times, 2)
        assert len(judge.book.marks[0].fired) <= rate
    assert len(fired) * times <= matches
    assert told <= 2 * len(fired) + 1
