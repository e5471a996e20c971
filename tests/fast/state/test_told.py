"""What the log of an earlier service tells of reports."""

from typing import Any

from actors.values.attention import AttentionSaid, Source, Word
from actors.values.snapshot import Entry
from supervisor.state.tail import told


def entry(worker: str, attention: str | None, by: str | None = "report", ts: float = 5.0, **facts: Any) -> Entry:
    given = {"worker": worker, "life": "l-1", "attention": attention, "by": by, "text": "may I?", **facts}
    return Entry(0, ts, "worker.attention", "info", given)


def test_the_last_report_of_who_waits_or_idles_is_told() -> None:
    reports = told(
        [
            entry("a", "working", ts=1.0),
            entry("a", "waiting"),
            entry("b", "idle"),
            entry("works", "waiting"),
            entry("works", "working"),
            entry("over", "waiting"),
            entry("over", None, None),
            entry("screen", "waiting", "screen"),
            entry("torn", "waiting", life=None),
        ]
    ).reports
    assert reports.keys() == {"a", "b"}
    waits = AttentionSaid(by=Source.REPORT, word=Word.WAITING, life="l-1", text="may I?", ttl=0.0, at=5.0)
    assert reports["a"] == waits
