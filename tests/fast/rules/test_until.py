"""When a program says that it can go on: what is read as a time, and what is not guessed at."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from supervisor.rules.until import read_until

NOW = datetime(2026, 10, 5, 13, 30, tzinfo=UTC).timestamp()  # a Monday


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """There it is 15:30."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("9pm (Asia/Bangkok)", "2026-10-05 14:00"),
        ("resets 9pm (Asia/Bangkok) · /upgrade to increase", "2026-10-05 14:00"),
        ("at 7:30pm America/New_York", "2026-10-05 23:30"),
        ("14:30 UTC.", "2026-10-05 14:30"),
        ("reset at 15:10 (UTC)", "2026-10-05 15:10"),
        ("16:45", "2026-10-05 14:45"),
        ("4:45 PM.", "2026-10-05 14:45"),
        ("4.45 p.m.", "2026-10-05 14:45"),
        ("12am", "2026-10-05 22:00"),
        ("12 pm CET", "2026-10-06 10:00"),
        ("3pm", "2026-10-05 13:00"),  # it has just passed
        ("2pm", "2026-10-06 12:00"),  # it passed long ago
        ("tomorrow at 9:00", "2026-10-06 07:00"),
        ("today 17:00", "2026-10-05 15:00"),
        ("Mon 12:00 AM", "2026-10-11 22:00"),
        ("Thursday, 8am", "2026-10-08 06:00"),
        ("Oct 6, 1pm (Europe/London)", "2026-10-06 12:00"),
        ("6 Oct at 13:00 UTC", "2026-10-06 13:00"),
        ("Oct 9th, 2026 2:05 PM.", "2026-10-09 12:05"),
        ("Jan 2 at 08:00", "2027-01-02 07:00"),
        ("in 3h 20m", "2026-10-05 16:50"),
        ("in 2 days 3 hours 5 minutes.", "2026-10-07 16:35"),
        ("in 1 hour and 30 minutes", "2026-10-05 15:00"),
        ("90 seconds", "2026-10-05 13:31:30"),
        ("after 1.5h", "2026-10-05 15:00"),
        ("3s", "2026-10-05 13:30:03"),
        ("1791208800", "2026-10-05 14:00"),
        ("1791208800.5 or so", "2026-10-05 14:00"),
        ("1791208800000", "2026-10-05 14:00"),
        ("2026-10-05T14:00:00Z", "2026-10-05 14:00"),
        ("2026-10-05T16:00:00.123456+02:00", "2026-10-05 14:00:00.123456"),
        ("2026-10-05 16:00", "2026-10-05 14:00"),
        ("2026-10-05 14:00:00 UTC", "2026-10-05 14:00"),
        ("2026-10-05 09:00 (America/Chicago)", "2026-10-05 14:00"),
    ],
)
def test_a_time_is_read_in_its_zone(text: str, utc: str) -> None:
    found = read_until(text, NOW)
    assert found is not None
    assert datetime.fromtimestamp(found, UTC).replace(tzinfo=None).isoformat(" ") == datetime.fromisoformat(
        utc
    ).isoformat(" ")


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "9", "in 30", "25:00", "13pm", "0am", "9pm (Atlantis/Poseidonis)", "9pm (../../etc/passwd)"),
        *("Oct 40, 1pm", "2026-13-01T00:00:00Z", "12345", "99999999999999999999", "12:30:99", "later at 9pm"),
        *("9pm XYZ", "at at at", "3 weird units", "\0", "🕘", "9" * 5000),
    ],
)
def test_what_is_no_time_is_not_guessed_at(text: str) -> None:
    assert read_until(text, NOW) is None
