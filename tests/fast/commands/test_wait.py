"""Whether a worker has come to the state that a script waits for, may still come, or can't any more."""

from typing import Any

import pytest

from supervisor.commands.workers.wait import Goal, Waiting
from supervisor.wire.errors import UnknownWorker
from supervisor.wire.selection import Selection


def row(name: str, state: str, code: int | None = None, signal: int | None = None) -> dict[str, Any]:
    return {"name": name, "state": state, "reason": "", "exit_code": code, "exit_signal": signal, "labels": {}}


def waiting(goal: Goal, *patterns: str) -> Waiting:
    return Waiting(goal, Selection(patterns=patterns))


MAY_COME, THERE, NEVER = "may come", "there", "never"


@pytest.mark.parametrize(
    ("state", "ready", "completed", "ended"),
    [
        ("pending", MAY_COME, MAY_COME, MAY_COME),
        ("starting", MAY_COME, MAY_COME, MAY_COME),
        ("running", THERE, MAY_COME, MAY_COME),
        ("backoff", MAY_COME, MAY_COME, MAY_COME),
        ("stopping", MAY_COME, MAY_COME, MAY_COME),
        ("completed", THERE, THERE, THERE),
        ("failed", NEVER, NEVER, THERE),
        ("stopped", NEVER, NEVER, THERE),
        ("quarantined", NEVER, NEVER, NEVER),
    ],
)
def test_each_state_is_there_on_the_way_or_never_will_be(state: str, ready: str, completed: str, ended: str) -> None:
    wanted: list[tuple[Goal, str]] = [("ready", ready), ("completed", completed), ("ended", ended)]
    for goal, expected in wanted:
        found = waiting(goal, "job")
        found.look([row("job", state), row("other", "failed")])
        assert (NEVER if found.lost else MAY_COME if found.open else THERE) == expected


def test_a_worker_that_time_alone_does_not_start_is_never_there() -> None:
    found = waiting("ready", "job")
    found.look([row("job", "pending")], blocked=["job"])
    assert found.lost == "job is pending"


def test_who_is_meant_is_decided_once_and_who_was_removed_has_ended() -> None:
    with pytest.raises(UnknownWorker):
        waiting("ended", "nobody").look([row("a1", "running")])
    found = waiting("ended", "a*")
    found.look([row("a1", "running"), row("a2", "running")])
    found.look([row("a1", "running"), row("a3", "running")])
    assert found.open == ["a1"]
    gone = waiting("completed", "a1")
    gone.look([row("a1", "running")])
    gone.look([])
    assert gone.lost == "a1 is removed"


def test_a_worker_that_was_just_defined_may_not_be_in_the_picture_yet() -> None:
    found = Waiting("ended", names=["new"])
    assert found.open == ["new"]
    found.look([])
    assert found.open == ["new"]


def test_the_exit_code_is_the_first_that_is_not_0() -> None:
    for rows, code in (
        ([row("a", "completed", 0), row("b", "failed", 7), row("c", "failed", 9)], 7),
        ([row("a", "completed", 0)], 0),
        ([row("a", "failed", signal=9)], 137),
        ([row("a", "failed")], 1),
    ):
        found = waiting("ended", "*")
        found.look(rows)
        assert found.exit_code() == code
