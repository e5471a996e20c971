"""What a picture shows that somebody may want to hear of."""

from dataclasses import replace

from kit.gateway_bench import row, snapshot

from actors.values.snapshot import Entry
from supervisor.notify.incidents import LOOPING, ends, moments, shown_in


def test_a_picture_in_which_all_is_well_shows_nothing() -> None:
    assert shown_in(snapshot(1, row("a"), row("b", "completed"), row("c", "stopped", attempt=0))) == {}


def test_each_kind_of_need_is_an_incident_of_its_own() -> None:
    rows = (
        row("a", "failed", reason="exited with code 3"),
        row("b", "backoff", attempt=LOOPING, reason="exited with code 1"),
        row("c", health="stalled"),
        row("d", attention="waiting", attention_text="may I?", attention_since=5.0),
    )
    shown = shown_in(snapshot(1, *rows))
    assert {key: each.text for key, each in shown.items()} == {
        "failed:a": "failed: exited with code 3",
        "crash-loop:b": "has crashed 3 times in a row: exited with code 1",
        "unhealthy:c": "is stalled",
        "waiting:d": "waits for a person: may I?",
    }
    assert shown["waiting:d"].since == 5.0


def test_a_worker_that_has_failed_is_no_crash_loop_any_more_and_its_end_says_so() -> None:
    failed = row("a", "failed", attempt=9, reason="exited with code 1")
    assert list(shown_in(snapshot(1, failed))) == ["failed:a"]
    assert [ends(failed), ends(row("a")), ends(None)] == [
        "it is failed: exited with code 1",
        "it is running",
        "it was removed",
    ]


def test_a_degraded_service_and_a_tmux_that_does_not_answer_are_one_incident() -> None:
    picture = snapshot(1, row("a"))
    unwell = replace(picture, service=replace(picture.service, degraded=("log: full",), tmux="unreachable"))
    (incident,) = shown_in(unwell).values()
    assert incident.text == "the service is degraded: log: full; tmux does not answer"


def test_the_death_of_tmux_is_a_moment_and_each_death_another_one() -> None:
    events = ("tmux.died", "tmux.answers", "tmux.died")
    feed = [Entry(n, 10.0 * n, event, "error", {"workers": 3, "pid": 1}) for n, event in enumerate(events, 1)]
    found = moments(feed, {})
    assert list(found) == ["tmux-died::10.000", "tmux-died::30.000"]
    assert all(each.moment for each in found.values())


def test_a_rule_that_asks_for_it_is_a_moment_of_its_worker() -> None:
    facts = {"worker": "a", "rule": "banned", "on": "line", "text": "403 banned", "do": ["notify", "stop"]}
    entries = [
        Entry(1, 5.0, "worker.rule", "warning", facts),
        Entry(2, 6.0, "worker.rule", "warning", facts | {"do": ["stop"]}),
    ]
    (incident,) = moments(entries, {"a": row("a", project="shop")}).values()
    assert (incident.occasion, incident.worker, incident.project, incident.moment) == ("rule", "a", "shop", True)
    assert "banned" in incident.text
