"""The briefing, from hand-made pictures and feeds: what needs somebody comes first, and it stays short and safe."""

from dataclasses import replace
from typing import Any

import pytest
from kit.gateway_bench import row, snapshot

from actors.events.words import iso
from actors.values.facts import Exit, Instant
from actors.values.snapshot import Row
from supervisor.explain.briefing import MOST, WIDEST, Briefing, brief

pytestmark = pytest.mark.usefixtures("utc")

NOON = 1_700_049_600.0  # 2023-11-15 12:00:00 UTC
HOUR = 3600.0
FAILED = "exited with code 3; 5 restarts without a healthy life of 1m: budget spent"

Data = dict[str, Any]


def entry(seq: int, ago: float, event: str, level: str = "info", **facts: Any) -> Data:
    return {"seq": seq, "ts": iso(NOON - ago), "event": event, "level": level, "facts": facts}


def crash(seq: int, ago: float, to: str = "backoff", **facts: Any) -> Data:
    level = "error" if to == "failed" else "warning"
    told = {"worker": "api", "from": "running", "to": to, "exit_code": 3, "uptime_s": 0.2, "attempt": 2, "delay_s": 4.0}
    return entry(seq, ago, "worker.exited", level, **told | facts)


def briefing(*rows: Row, feed: tuple[Data, ...] = (), tmux: str = "ok", project: str | None = None) -> Briefing:
    """Return the briefing of noon, since an hour before; the service began two hours before."""
    picture = snapshot(1, *(each if each.since > 1.0 else replace(each, since=NOON - 2 * HOUR) for each in rows))
    service = replace(picture.service, started_at=NOON - 2 * HOUR, tmux=tmux)
    shown = replace(picture, service=service, at=Instant(1.0, NOON)).to_dict()
    return brief(shown, feed, now=NOON, since=NOON - HOUR, project=project)


def test_where_all_is_well_it_is_three_lines() -> None:
    assert briefing(row("api"), row("job", "completed")).lines() == [
        "2023-11-15 12:00:00 UTC: 2 workers: 1 running, 1 completed; memory 2.0 kB",
        "Nothing needs you.",
        "Nothing has changed since 11:00:00.",
    ]


def test_who_failed_and_who_waits_for_a_person_come_first_the_oldest_need_on_top() -> None:
    failed = row("api", "failed", since=NOON - 60, reason=FAILED, project="shop")
    asks = row(
        "agent", attention="waiting", attention_since=NOON - 600, attention_by="screen", attention_text="Allow rm?"
    )
    stuck = row("web", health="stalled", since=NOON - 30)
    assert briefing(row("well"), failed, stuck, asks).lines()[2:6] == [
        "Needs you:",
        "- agent: waiting for 10m (screen): Allow rm?",
        f"- api (shop): failed 1m ago: {FAILED}",
        "- web: running, but stalled",
    ]


def test_a_crash_loop_says_when_it_starts_again_and_how_often_it_has_crashed() -> None:
    looping = row("api", "backoff", attempt=2, reason="exited with code 3", next_start_at=NOON + 4, since=NOON - 1)
    feed = (crash(9, 1), crash(7, 20), crash(5, 40), crash(3, 2 * HOUR))
    told = briefing(looping, feed=feed)
    assert told.sections["restarts"].lines() == [
        "Crashed, restarts by itself:",
        "- api: starts again at 12:00:04, in 4.0s (restart 2 of 5): exited with code 3",
    ]
    assert told.sections["changes"].lines()[1:] == [
        "- api: 3 crashes, the last at 11:59:59: exited with code 3 after 0.2s "
        "(restart 2 of 5, after a pause of 4.0s); now backoff"
    ]


def test_a_life_that_is_not_healthy_yet_still_counts_as_looping() -> None:
    crashed = Exit(None, 11, NOON - 3)
    again = row("api", "starting", attempt=2, exit=crashed, since=NOON - 1, started_at=NOON - 1)
    (item,) = briefing(again).sections["restarts"].items
    assert item.text == (
        "starting for 1.0s again (restart 2 of 5), not healthy yet; before that killed by signal 11 (SEGV)"
    )


def test_a_tmux_that_does_not_answer_is_said_before_anything_else() -> None:
    lost = entry(5, 20, "tmux.unreachable", "error", reason="no answer within 5s")
    lines = briefing(row("api"), feed=(lost,), tmux="unreachable").lines()
    assert lines[1:4] == [
        "",
        "The service:",
        "- tmux does not answer: this is the last picture, nothing is judged or restarted until it does",
    ]
    assert "- 11:59:40 tmux did not answer (no answer within 5s): nothing was judged from here on" in lines


def test_who_waits_for_another_or_is_held_is_told_with_the_reason() -> None:
    pending = row("app", "pending", reason="db has failed, it has to be ready", since=NOON - 5)
    held = row("bot", attention="held", attention_since=NOON - 60, attention_by="rule", attention_text="until 15:00")
    assert [item.line for item in briefing(pending, held).sections["waits"].items] == [
        "app: db has failed, it has to be ready",
        "bot: held for 1m (rule): until 15:00",
    ]


def test_what_went_well_is_told_by_state_in_one_line_each() -> None:
    rows = [row(f"w{n}", since=NOON - 60) for n in range(20)]
    ready = entry(3, 60, "worker.ready", worker="w3", to="running")
    gone = entry(4, 50, "worker.removed", worker="old", to="removed")
    lines = briefing(*rows, feed=(gone, ready)).sections["changes"].lines()
    assert lines[1:] == ["- running now: w0, w1, w2, w3, w4 … and 15 more", "- removed now: old"]


def test_it_stays_short_however_much_there_is_to_say() -> None:
    failed = [row(f"w{n}", "failed", since=NOON - n, reason="x" * 900) for n in range(1, 501)]
    feed = tuple(crash(n, 1, "failed", worker=f"w{n}", verdict="y" * 900) for n in range(500, 400, -1))
    told = briefing(*failed, feed=feed)
    assert told.sections["needs"].count == 500
    assert len(told.sections["needs"].items) == MOST
    assert "- … and 492 more" in told.lines()
    assert max(map(len, told.lines())) <= WIDEST + 2
    assert len("\n".join(told.lines())) < 6000


def test_nothing_that_a_worker_says_acts_on_a_terminal() -> None:
    bad = row(
        "api", attention="waiting", attention_since=NOON, attention_by="report", attention_text="\x1b[2Jhi\u202e\n"
    )
    (item,) = briefing(bad).sections["needs"].items
    assert item.line == "api: waiting for 0.0s (report): \\x1b[2Jhi\\u202e\\n"


def test_of_one_project_nothing_of_the_others_is_told() -> None:
    rows = row("api", "failed", since=NOON - 9, project="shop"), row("spy", "failed", since=NOON - 9, project="secret")
    feed = (crash(2, 9, "failed"), crash(1, 9, "failed", worker="spy"), crash(1, 9, "failed", worker="gone"))
    told = briefing(*rows, feed=feed, project="shop")
    assert told.totals["workers"] == 1
    assert "spy" not in (text := str(told.to_dict()))
    assert "gone" not in text


def test_it_says_where_the_feed_begins_if_that_is_after_the_time_that_was_asked_for() -> None:
    told = briefing(row("api"), feed=(crash(200, 60), crash(101, 600)))
    assert told.sections["changes"].title == "Since 11:00:00 (the feed begins at 11:50:00)"
    assert told.to_dict()["known_since"] == iso(NOON - 600)


def test_as_json_it_has_each_section_with_its_count_and_the_text() -> None:
    told = briefing(row("api", "failed", since=NOON - 60, reason=FAILED)).to_dict()
    assert told["needs"] == {
        "count": 1,
        "items": [{"name": "api", "project": None, "text": f"failed 1m ago: {FAILED}"}],
    }
    assert told["text"].startswith("2023-11-15 12:00:00 UTC: 1 worker: 1 failed")
    assert told.keys() == {
        *("schema", "at", "since", "known_since", "totals"),
        *("service", "needs", "restarts", "waits", "changes", "text"),
    }
