"""What applying a file changes: the action for each worker, and what needs `force`."""

from dataclasses import replace
from typing import Any

import pytest

from actors.crowd.members import Member
from actors.crowd.reconcile import changes, why_force
from actors.life.state import State
from actors.values.records import Intent, Record
from actors.values.requests import Action, Change
from actors.values.spec import WorkerSpec

A = Action

S = State
SPEC = WorkerSpec(name="a", command="serve", cwd="/")


def known(state: State = S.RUNNING, **record: Any) -> dict[str, Member]:
    return {"a": Member(state=state, record=Record(**({"spec": SPEC} | record)))}


@pytest.mark.parametrize(
    ("state", "action"),
    [
        *((state, A.REPLACE) for state in (S.STARTING, S.RUNNING, S.STOPPING)),
        *((state, A.START) for state in (S.BACKOFF, S.COMPLETED, S.FAILED)),
        *((state, A.POLICY) for state in (S.STOPPED, S.PENDING, S.QUARANTINED)),
    ],
)
def test_what_a_new_command_does_depends_on_where_the_worker_is(state: State, action: Action) -> None:
    (change,) = changes([replace(SPEC, command="other")], known(state))
    assert (change.action, change.keys) == (action, ("command",))


@pytest.mark.parametrize(
    ("intent", "action"), [(Intent.STOPPED, A.POLICY), (Intent.COMPLETED, A.POLICY), (Intent.WANTED, A.REPLACE)]
)
def test_a_worker_that_is_being_ended_for_good_gets_no_new_process(intent: Intent, action: Action) -> None:
    (change,) = changes([replace(SPEC, command="other")], known(S.STOPPING, intent=intent))
    assert change.action is action
    (change,) = changes([replace(SPEC, command="other")], known(S.RUNNING, intent=intent))
    assert change.action is A.REPLACE


def test_who_is_not_in_the_file_is_stopped_unless_defined_by_hand() -> None:
    assert [c.action for c in changes([], known())] == [A.STOP]
    assert changes([], known(by_hand=True)) == ()
    assert changes([SPEC], known(by_hand=True)) == (Change("a", A.POLICY, (), "defined by `run` so far"),)


def test_a_rename_is_said_to_be_a_new_process() -> None:
    created, stopped = changes([replace(SPEC, name="b")], known())
    assert (created.action, stopped) == (A.CREATE, Change("a", A.STOP))
    assert created.note == "a under another name, with a new process"


@pytest.mark.parametrize(("running", "ended", "needs"), [(8, 4, False), (8, 5, True), (3, 3, False), (4, 4, True)])
def test_more_than_half_and_more_than_three_need_force(running: int, ended: int, needs: bool) -> None:
    known = {f"w{n}": Member(state=S.RUNNING, record=Record(spec=replace(SPEC, name=f"w{n}"))) for n in range(running)}
    refusal = why_force([Change(f"w{n}", A.STOP) for n in range(ended)], known)
    assert (refusal is not None) == needs
    assert f"{ended} of {running}" in (refusal or f"{ended} of {running}")


def test_a_protected_worker_is_removed_or_replaced_with_force_only() -> None:
    protected = known(spec=replace(SPEC, protected=True))
    assert "protected: a" in (why_force([Change("a", A.STOP)], protected) or "")
    assert "replace the process of what is protected: a" in (why_force([Change("a", A.REPLACE)], protected) or "")
    assert why_force([Change("a", A.POLICY)], protected) is None


def test_a_new_worker_that_does_not_start_by_itself_is_planned_as_stopped() -> None:
    (change,) = changes([replace(SPEC, autostart=False)], {})
    assert (change.action, change.note) == (A.CREATE, "stopped, by autostart = false")
