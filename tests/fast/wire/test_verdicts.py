"""When an order has come to its end: each line of the table."""

from dataclasses import replace

import pytest

from actors.values.facts import Exit
from actors.values.gates import Gate, Hold
from actors.values.snapshot import Row
from supervisor.gateway.verdicts import NO_NUMBER, verdict, verdict_in

ROW = Row(
    name="api",
    project="",
    labels=(),
    state="running",
    health="ok",
    pid=42,
    pane="%1",
    life="s-1",
    since=1.0,
    started_at=1.0,
    restarts=0,
    attempt=0,
    max_restarts=5,
    next_start_at=None,
    exit=None,
    reason="",
    depends_on=(),
    rss_bytes=None,
    cpu_percent=None,
    processes=None,
    last_output_at=None,
    screen_bytes=None,
    log_path="",
    log_bytes=None,
    queued_input=0,
    hands_on=False,
    order=7,
    draining=False,
)


def row(state: str, reason: str = "", *, draining: bool = False) -> Row:
    return replace(ROW, state=state, reason=reason, draining=draining, pid=42 if state == "running" else None)


STATES = ["pending", "starting", "running", "backoff", "stopping", "stopped", "completed", "failed", "quarantined"]


@pytest.mark.parametrize("verb", ["start", "restart", "up", "stop", "complete", "remove"])
@pytest.mark.parametrize("state", STATES)
def test_a_row_from_before_the_order_says_nothing(verb: str, state: str) -> None:
    assert verdict(row(state), verb, 8) is None


@pytest.mark.parametrize("verb", ["start", "restart", "up"])
@pytest.mark.parametrize(
    ("state", "well"),
    [
        ("running", True),
        ("completed", True),
        ("failed", False),
        ("backoff", False),
        ("quarantined", False),
        ("starting", None),
        ("stopping", None),
        ("pending", None),
    ],
)
def test_a_start_ends_where_time_alone_changes_nothing_more(verb: str, state: str, well: bool | None) -> None:
    found = verdict(row(state), verb, 7)
    assert (found.ok if found else None) is well
    assert found is None or found.name == state


@pytest.mark.parametrize(("verb", "well"), [("up", True), ("start", False), ("restart", False)])
def test_stopped_by_a_person_is_well_for_up_alone(verb: str, well: bool) -> None:
    found = verdict(row("stopped"), verb, 7)
    assert found is not None
    assert found.ok is well


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


def test_a_pause_counts_only_when_nothing_is_left_of_the_last_life() -> None:
    assert verdict(row("backoff", "not ready within 1 s", draining=True), "start", 7) is None
    assert verdict(row("backoff", "not ready within 1 s"), "start", 7) is not None


@pytest.mark.parametrize("state", ["stopped", "completed", "failed"])
def test_a_stop_is_done_when_the_tree_is_gone(state: str) -> None:
    assert verdict(row(state, draining=True), "stop", 7) is None
    found = verdict(row(state), "stop", 7)
    assert found is not None
    assert found.ok


def test_running_without_a_process_waits_for_how_it_ended() -> None:
    assert verdict(replace(row("running"), pid=None), "start", 7) is None


def test_a_stop_in_progress_has_no_verdict() -> None:
    assert verdict(row("stopping", draining=True), "stop", 7) is None
    assert verdict(row("stopping"), "complete", 7) is None


@pytest.mark.parametrize("state", ["running", "starting", "pending", "backoff", "quarantined"])
def test_a_stop_that_something_else_undid_is_said_and_not_waited_for(state: str) -> None:
    found = verdict(row(state), "stop", 7)
    assert found is not None
    assert not found.ok


def test_complete_ends_in_completed_only() -> None:
    assert verdict(row("completed"), "complete", 7).ok  # type: ignore[union-attr]
    assert not verdict(row("stopped"), "complete", 7).ok  # type: ignore[union-attr]


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
