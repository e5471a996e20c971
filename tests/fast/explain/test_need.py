"""Who needs a person."""

from typing import Any

import pytest

from supervisor.explain.need import in_need_first, needs_person, trouble, waiting


@pytest.mark.parametrize(
    ("state", "health", "expected"),
    [
        ("failed", None, 0),
        ("quarantined", None, 0),
        ("running", "stalled", 0),
        ("running", "unready", 0),
        ("backoff", None, 1),
        ("stopped", None, 1),
        ("pending", None, 1),
        ("running", "ok", 2),
        ("completed", None, 2),
    ],
)
def test_the_failed_the_quarantined_and_the_unwell_need_a_person(state: str, health: str | None, expected: int) -> None:
    worker = {"state": state, "health": health}
    assert trouble(worker) == expected
    assert needs_person(worker) is (expected == 0)


def worker(name: str, at: str = "2024-01-01T00:00:00Z", **news: Any) -> dict[str, Any]:
    return {"name": name, "state": "running", "health": "ok", "since": at, "attention": None, **news}


def waits(name: str, at: str) -> dict[str, Any]:
    return worker(name, attention="waiting", attention_since=at)


def test_who_waits_for_a_person_needs_one_and_who_works_does_not() -> None:
    assert needs_person(waits("a", "2024-01-01T00:00:00Z"))
    assert not needs_person(worker("a", attention="working"))


def test_those_in_need_come_first_the_oldest_need_first_and_the_others_keep_their_places() -> None:
    late, early = waits("late", "2024-01-03T00:00:00Z"), waits("early", "2024-01-02T00:00:00Z")
    failed = worker("failed", "2024-01-02T12:00:00Z", state="failed", health=None)
    stopped = worker("stopped", state="stopped", health=None)
    crowd = [worker("b"), late, stopped, worker("a"), failed, early]
    assert [each["name"] for each in in_need_first(crowd)] == ["early", "failed", "late", "stopped", "b", "a"]
    assert [each["name"] for each in waiting(crowd)] == ["early", "late"]
