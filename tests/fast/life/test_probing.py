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


def test_what_says_the_same_for_ever_changes_nothing() -> None:
    check = Check(successes=2, failures=3)
    assert after("++", check) == after("+++", check)
    assert after("---", check) == after("----", check)
