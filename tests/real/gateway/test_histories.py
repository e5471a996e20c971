"""What is remembered of each worker: its last entries and the incidents since, in memory and from the log's tail."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from kit.gateway_bench import row, snapshot

from actors.events.words import iso
from actors.values.facts import Instant
from actors.values.snapshot import Entry, Snapshot
from supervisor.gateway.histories import KEPT, Histories
from supervisor.gateway.pictures import Pictures
from supervisor.state import tail as log_tail

NOON = 1_700_049_600.0  # 2023-11-15 12:00:00 UTC


def happened(number: int, event: str = "worker.ready", **facts: Any) -> Entry:
    return Entry(number, float(number), event, "info", facts)


def test_a_history_keeps_the_last_of_a_worker_and_the_incidents_since_its_first() -> None:
    histories = Histories([happened(0, "tmux.died"), happened(1, "service.started")])
    for number in range(2, 2 + KEPT + 5):
        histories.add(happened(number, worker="a"))
    histories.add(happened(50, "tmux.answers"))
    histories.add(happened(51, "gateway.listening"))
    histories.add(happened(52, worker="b"))
    found = histories.of("a")
    assert len(found) == KEPT + 1
    assert (found[0].seq, found[-1].event) == (7, "tmux.answers")
    assert [entry.event for entry in histories.of("nobody")] == ["tmux.died", "service.started", "tmux.answers"]


def test_any_number_of_starts_of_the_service_does_not_push_out_the_cause() -> None:
    histories = Histories([happened(1, "worker.stopped", worker="a", cause="person", to="stopped")])
    for number in range(2, 60):
        histories.add(happened(number, "worker.stopped", worker="a", cause="adopted", to="stopped"))
    assert [entry.seq for entry in histories.of("a")] == [1, 59]


def picture(now: float, *names: str) -> Snapshot:
    return replace(snapshot(1, *(row(name) for name in names)), at=Instant(now, NOON))


def test_a_history_outlives_a_picture_that_began_anew_but_not_a_worker_that_is_gone() -> None:
    pictures = Pictures([happened(1, worker="a"), happened(2, worker="b")])
    pictures.take(picture(0.0), {})  # Metrics begins with nothing, also when it was replaced
    pictures.take(picture(5.0, "a", "b"), {})
    pictures.take(picture(10.0), {})
    pictures.take(picture(69.0, "b"), {})
    assert len(pictures.histories) == 2
    pictures.take(picture(70.0, "b"), {})
    assert pictures.histories.of("a") == []
    assert len(pictures.histories) == 1


def test_two_thousand_ad_hoc_workers_leave_no_history() -> None:
    pictures = Pictures()
    feed: tuple[Entry, ...] = ()
    for number in range(1, 2001):
        name = f"job{number}"
        feed = (happened(2 * number, "worker.ready", worker=name), *feed)[:100]
        pictures.take_activity(feed)
        if number % 2:  # the others came and went between two pictures
            pictures.take(snapshot(2 * number, row(name)), {})
            pictures.take(snapshot(2 * number + 1), {})
        feed = (happened(2 * number + 1, "worker.removed", worker=name), *feed)[:100]
        pictures.take_activity(feed)
    assert len(pictures.histories) == 0


def log_line(number: int, event: str, **facts: Any) -> str:
    return json.dumps({"seq": number, "ts": iso(NOON + number), "level": "info", "event": event, **facts})


def test_the_tail_of_the_log_is_read_past_torn_lines_and_strangers(place: Path) -> None:
    log = place / "service.log"
    log.write_text(
        "\n".join(
            [
                log_line(1, "worker.ready", worker="a", **{"from": "starting", "to": "running"}),
                '{"seq": 2, "ts": "2023-11-15T12:0',
                "[1]",
                '{"ts": 5, "level": "info", "event": "worker.ready", "worker": "a"}',
                log_line(3, "worker.ready", worker="stranger"),
                log_line(4, "gateway.listening", socket="s"),
                log_line(5, "tmux.died", pid=1, workers=1),
                log_line(6, "state.table", workers={"a": "running"}),
                '{"seq": 7, "ts": "20',
            ]
        )
    )
    found = log_tail.read(log, {"a"})
    assert [(entry.event, entry.ts, entry.seq) for entry in found] == [
        ("worker.ready", NOON + 1, 0),
        ("tmux.died", NOON + 5, 0),
    ]
    assert dict(found[0].facts) == {"worker": "a", "from": "starting", "to": "running"}


def test_the_tail_goes_back_into_the_file_before_and_no_further_than_it_may(place: Path) -> None:
    log, before = place / "service.log", place / "service.log.1"
    before.write_text("".join(log_line(number, "worker.ready", worker="a") + "\n" for number in range(1, 101)))
    log.write_text("".join(log_line(number, "worker.ready", worker="a") + "\n" for number in range(101, 111)))
    numbers = [
        entry.ts - NOON for entry in log_tail.read(log, {"a"}, 20 * len(log_line(100, "worker.ready", worker="a")))
    ]
    assert numbers[-11:] == list(range(100, 111))
    assert 15 < len(numbers) < 21
    short = [entry.ts - NOON for entry in log_tail.read(log, {"a"}, 300)]
    assert short == [109, 110]


def test_a_log_that_is_not_there_tells_nothing(place: Path) -> None:
    assert log_tail.read(place / "service.log", {"a"}) == []
    (place / "service.log").mkdir()
    assert log_tail.read(place / "service.log", {"a"}) == []
