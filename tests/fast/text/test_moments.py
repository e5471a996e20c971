"""Points in time as people write them, in their own zone."""

import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.text.moments import moment


def at(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


NOW = at("2026-11-28T10:00:00+05:30")


@pytest.fixture(autouse=True)
def in_kolkata(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("10m", 600),
        ("10 m", 600),
        ("5 min ago", 300),
        ("5 minutes", 300),
        ("-5min", 300),
        ("1h30m", 5400),
        ("1h 30 min ago", 5400),
        ("2 Hours ago", 7200),
        ("90s", 90),
        ("1.5h", 5400),
        ("250ms", 0.25),
        ("3 days, 2 hours ago", 266_400),
        ("2 weeks", 1_209_600),
        ("now", 0),
    ],
)
def test_a_duration_is_that_long_ago(text: str, back: float) -> None:
    assert moment(text, NOW) == pytest.approx(NOW - back)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("09:30", "2026-11-28T09:30:00+05:30"),
        ("9:30", "2026-11-28T09:30:00+05:30"),
        ("09:30:15", "2026-11-28T09:30:15+05:30"),
        ("23:50", "2026-11-27T23:50:00+05:30"),
        ("04:00Z", "2026-11-28T04:00:00+00:00"),
        ("today", "2026-11-28T00:00:00+05:30"),
        ("yesterday", "2026-11-27T00:00:00+05:30"),
        ("yesterday 18:00", "2026-11-27T18:00:00+05:30"),
        ("Today 09:30:15", "2026-11-28T09:30:15+05:30"),
        ("2026-11-28", "2026-11-28T00:00:00+05:30"),
        ("2026-11-28 02:36:19", "2026-11-28T02:36:19+05:30"),
        ("2026-11-28T02:36", "2026-11-28T02:36:00+05:30"),
        ("2026-11-28T02:36:19.5Z", "2026-11-28T02:36:19.5+00:00"),
        ("2026-11-28 02:36:19 UTC", "2026-11-28T02:36:19+00:00"),
        ("2026-11-27 23:36:19 -0330", "2026-11-27T23:36:19-03:30"),
        ("2026-11-28T02:36:19+05:30", "2026-11-28T02:36:19+05:30"),
        ("@1700000000", "2023-11-14T22:13:20+00:00"),
    ],
)
def test_a_time_is_local_unless_it_says_otherwise(text: str, meant: str) -> None:
    assert moment(text, NOW) == at(meant)


@pytest.mark.parametrize(
    "text", ["", " ", "10", "ago", "soon", "25:00", "9.30", "yesterday noon", "2026-13-01", "5 parsecs", "1m!", "٣m"]
)
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match=r'^must be a time like "10m", "5 min ago", .*, not "'):
        moment(text, NOW)


def test_what_is_to_come_is_refused_with_the_time_here() -> None:
    with pytest.raises(ValueError, match=r"must be in the past, .*: now it is 2026-11-28 10:00:00 IST$"):
        moment("2026-11-28 10:30:00", NOW)
    assert moment("2026-11-28 10:00:30", NOW) == NOW + 30


@given(st.text() | st.from_regex(r"[0-9:. TZ+-]*(m|s|ago)?", fullmatch=True))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        verdict = str(moment(text, NOW) <= NOW + 60)
    except ValueError as error:
        verdict = str(error)
    assert verdict == "True" or verdict.startswith("must be ")
