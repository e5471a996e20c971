"""Thresholds: what tries in a row come to. Pure."""

import pytest

from actors.life.tally import Tally, Verdict, failed, succeeded
from actors.values.spec import Check


def after(tries: str, check: Check) -> Tally:
    """Return the tally after these tries: "+" succeeds, "-" fails."""
    tally = Tally()
    for one in tries:
        tally = succeeded(tally, check) if one == "+" else failed(tally, check, "refused")
    return tally


@pytest.mark.parametrize(
    ("tries", "verdict"),
    [
        ("", Verdict.OPEN),
        ("+", Verdict.OPEN),
        ("++", Verdict.YES),
        ("+-+", Verdict.OPEN),
        ("--", Verdict.OPEN),
        ("---", Verdict.NO),
        ("--+--", Verdict.OPEN),
        ("++--", Verdict.YES),
        ("++---", Verdict.NO),
        ("++---+", Verdict.NO),
        ("++---++", Verdict.YES),
    ],
)
def test_only_tries_in_a_row_count(tries: str, verdict: Verdict) -> None:
    assert after(tries, Check(successes=2, failures=3)).verdict is verdict


def test_one_success_is_enough_by_default_and_no_number_of_failures() -> None:
    assert after("+", Check()).verdict is Verdict.YES
    assert after("-" * 1000, Check()) == Tally(reason="refused")


def test_what_says_the_same_for_ever_changes_nothing() -> None:
    check = Check(successes=2, failures=3)
    assert after("++", check) == after("+++", check)
    assert after("---", check) == after("----", check)


def test_a_success_forgets_why_the_try_before_failed() -> None:
    assert after("-", Check()).reason == "refused"
    assert after("-+", Check()).reason == ""
