"""Who needs a person."""

import pytest

from supervisor.explain.need import needs_person, trouble


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
