"""When an order has come to its end: each line of the table."""

from dataclasses import replace

import pytest
from kit import gateway_bench

from actors.values.facts import Exit
from actors.values.gates import Gate, Hold
from actors.values.snapshot import Row
from supervisor.gateway.verdicts import NO_NUMBER, verdict, verdict_in

ROW = gateway_bench.row("api", pid=42, order=7)


def row(state: str, reason: str = "", *, draining: bool = False) -> Row:
    return replace(ROW, state=state, reason=reason, draining=draining, pid=42 if state == "running" else None)


STATES = ["pending", "starting", "running", "backoff", "stopping", "stopped", "completed", "failed", "quarantined"]


@pytest.mark.parametrize("verb", ["start", "restart", "up", "stop", "complete", "remove"])
@pytest.mark.parametrize("state", STATES)
def test_a_row_from_before_the_order_says_nothing(verb: str, state: str) -> None:
    assert verdict(row(state), verb, 8) is None


@pytest.mark.parametrize("verb", ["start", "restart", "up"])
def test_a_start_ends_where_time_alone_changes_nothing_more(verb: str) -> None:
    ends = {
        **dict.fromkeys(("running", "completed"), True),
        **dict.fromkeys(("failed", "backoff", "quarantined"), False),
        **dict.fromkeys(("starting", "stopping", "pending"), None),
        "stopped": verb == "up",  # by a person, and stays so
    }
    for state, well in ends.items():
        found = verdict(row(state), verb, 7)
        assert (found.ok if found else None) is well, state
        assert found is None or found.name == state
    assert verdict(replace(row("running"), pid=None), verb, 7) is None  # how it ended is not known yet
    assert verdict(row("backoff", draining=True), verb, 7) is None  # a pause counts when nothing is left of the life


@pytest.mark.parametrize("hold", [None, *(hold for hold in Hold if hold not in (Hold.BLOCKED, Hold.CAPACITY))])
def test_pending_is_on_the_way_while_time_may_open_its_gate(hold: Hold | None) -> None:
    gate = Gate(hold, "db is failed") if hold else None
    assert verdict(replace(row("pending", "db is failed"), gate=gate), "up", 7) is None


@pytest.mark.parametrize("hold", [Hold.BLOCKED, Hold.CAPACITY])
def test_pending_at_a_gate_that_lasts_is_a_verdict(hold: Hold) -> None:
    found = verdict(replace(row("pending", "waiting for db"), gate=Gate(hold, "waiting for db")), "up", 7)
    assert found is not None
    assert not found.ok
    assert "waiting for db" in found.text


@pytest.mark.parametrize(("verb", "well"), [("stop", ("stopped", "completed", "failed")), ("complete", ("completed",))])
def test_an_end_is_done_when_the_tree_is_gone_and_what_a_later_order_undid_is_said(
    verb: str, well: tuple[str, ...]
) -> None:
    for state in STATES:
        found = verdict(row(state), verb, 7)
        assert (found.ok if found else None) is (None if state == "stopping" else state in well), state
    for state in ("stopped", "completed", "failed", "stopping"):
        assert verdict(row(state, draining=True), verb, 7) is None


def test_remove_is_done_when_the_row_is_gone() -> None:
    assert verdict(row("stopping"), "remove", 7) is None
    assert verdict(row("stopped"), "remove", 7) is None
    found = verdict_in({}, "api", "remove", 7, seen=True)
    assert found is not None
    assert found.ok


def test_a_worker_that_is_removed_while_its_start_is_waited_for_is_not_well() -> None:
    assert verdict_in({}, "api", "up", NO_NUMBER, seen=False) is None
    found = verdict_in({}, "api", "up", NO_NUMBER, seen=True)
    assert found is not None
    assert not found.ok


def test_texts_say_the_reason_or_the_exit() -> None:
    assert verdict(row("running"), "start", 7).text == "running (pid 42)"  # type: ignore[union-attr]
    assert verdict(row("failed", "exited with code 1; budget spent"), "up", 7).text.endswith("budget spent")  # type: ignore[union-attr]
    done = replace(row("completed"), exit=Exit(0, None, 1.0))
    assert verdict(done, "up", 7).text == "completed: exited with code 0"  # type: ignore[union-attr]
