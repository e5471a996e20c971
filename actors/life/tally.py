"""The result of a probe's tries: thresholds over one small tally. Pure.

    ProbeSucceeded ──succeeded──▶ Tally ◀──failed── ProbeFailed        verdict: open ──▶ yes ◀──▶ no

Only tries in a row count. A count stops at its threshold, so a probe that says the same forever changes nothing.
"""

from dataclasses import replace
from enum import StrEnum

from actors.frozen import frozen
from actors.values.spec import Check


class Verdict(StrEnum):
    """The result so far; it changes when enough tries in a row say otherwise."""

    OPEN = "open"
    YES = "yes"
    NO = "no"


@frozen
class Tally:
    """Tries in a row; one of the two counts is 0. `reason`: why the last try failed; empty after a success."""

    successes: int = 0
    failures: int = 0
    reason: str = ""
    verdict: Verdict = Verdict.OPEN


def succeeded(tally: Tally, check: Check) -> Tally:
    """Return the tally after one more success."""
    successes = min(tally.successes + 1, check.successes)
    return Tally(successes, 0, "", Verdict.YES if successes >= check.successes else tally.verdict)


def failed(tally: Tally, check: Check, reason: str) -> Tally:
    """Return the tally after one more failure. With `failures` = -1 the verdict never becomes NO."""
    if check.failures < 0:
        return replace(tally, successes=0, reason=reason)
    failures = min(tally.failures + 1, check.failures)
    return Tally(0, failures, reason, Verdict.NO if failures >= check.failures else tally.verdict)
