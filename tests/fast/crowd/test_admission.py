"""What holds a pending worker: each condition, and what is said of one that is not met."""

from dataclasses import replace

import pytest
from kit.crowd import Story, crowd, decide, member, spec

from actors.crowd.admission import full, own_gate
from actors.crowd.members import Member
from actors.life.state import State
from actors.values.facts import Admitted, Exit, Handle
from actors.values.gates import KEPT_TASKS, TASKS_A_WORKER, Gate, Hold, Room
from actors.values.spec import Condition

S = State
ROOT = Handle(100, 1)
WELL, BADLY = Exit(0, None, 5.0), Exit(1, None, 5.0)


def in_state(state: State, *, exit: Exit | None = None, alive: bool = False, name: str = "db") -> Member:
    """A worker in this state; `alive`: something of its last life lives, or may."""
    found = member(state, name, exit=exit, judged="l1" if exit else None)
    return replace(found, record=replace(found.record, life="l2", process=ROOT)) if alive else found


def waits_for(on: Condition, **others: Member) -> Gate | None:
    """What holds `api`, which needs `db` to be that."""
    api = member(S.PENDING, spec("api", db=on))
    return own_gate(Story({**others, "api": api}).roster.crowd, "api")[0]


STANDINGS = {
    "unborn": in_state(S.UNBORN),
    "pending": in_state(S.PENDING),
    "pending again": in_state(S.PENDING, exit=WELL),
    "ordered": in_state(S.STARTING),
    "starting": in_state(S.STARTING, alive=True),
    "running": in_state(S.RUNNING, alive=True),
    "running, and may only seem ready": replace(in_state(S.RUNNING, alive=True), settling=True),
    "running again": in_state(S.RUNNING, exit=BADLY, alive=True),
    "backoff": in_state(S.BACKOFF, exit=BADLY),
    "stopping": in_state(S.STOPPING, alive=True),
    "completed": in_state(S.COMPLETED, exit=WELL),
    "marked done": in_state(S.COMPLETED),
    "failed": in_state(S.FAILED, exit=BADLY),
    "failed without running": in_state(S.FAILED),
    "failed, and being ended": in_state(S.FAILED, exit=BADLY, alive=True),
    "stopped": in_state(S.STOPPED, exit=BADLY),
    "stopped before it ran": in_state(S.STOPPED),
    "quarantined": in_state(S.QUARANTINED, exit=WELL),
}
RUNS = {"running", "running again", "completed", "marked done"}
MET = {
    Condition.STARTED: RUNS | {"starting", "running, and may only seem ready"},
    Condition.READY: RUNS,
    Condition.COMPLETED: {"completed", "marked done"},
    Condition.EXITED: {"completed", "failed", "stopped"},
}


@pytest.mark.parametrize("on", list(Condition))
def test_a_condition_is_met_by_these_and_no_others(on: Condition) -> None:
    met = {what for what, db in STANDINGS.items() if waits_for(on, db=db) is None}
    assert met == MET[on]


@pytest.mark.parametrize(
    ("what", "lasts", "reason"),
    [
        ("failed without running", True, "db is failed, it has to be completed"),
        ("stopped", True, "db is stopped, it has to be completed"),
        ("quarantined", True, "db is quarantined, it has to be completed"),
        ("running", False, "waiting for db to be completed"),
        ("backoff", False, "waiting for db to be completed"),
        ("unborn", False, "waiting for db to be completed"),
    ],
)
def test_a_gate_tells_whether_time_alone_opens_it(what: str, lasts: bool, reason: str) -> None:
    gate = waits_for(Condition.COMPLETED, db=STANDINGS[what])
    assert gate
    assert (gate.lasts, gate.reason) == (lasts, reason)


def chain(length: int, **states: State) -> dict[str, Member]:
    """w0, w1, …: each but the first waits for the one before to be ready; pending unless told otherwise."""
    found = {}
    for n in range(length):
        needs = spec(f"w{n}", **({f"w{n - 1}": Condition.READY} if n else {}))
        found[needs.name] = member(states.get(needs.name, S.PENDING), needs)
    return found


def test_all_above_a_failed_worker_are_told_what_it_comes_down_to() -> None:
    known = chain(6, w0=S.RUNNING, w1=S.RUNNING, w2=S.FAILED)
    assert decide(known, known, Room(9)) == {
        "w3": "w2 is failed, it has to be ready",
        "w4": "w3 is pending: w2 is failed, it has to be ready",
        "w5": "w4 is pending: w2 is failed, it has to be ready",
    }
    known |= chain(3, w0=S.RUNNING, w1=S.RUNNING, w2=S.STARTING)
    assert decide(known, known, Room(9)) == {f"w{n}": f"waiting for w{n - 1} to be ready" for n in (3, 4, 5)}


def test_a_chain_of_thousands_is_decided_in_a_moment() -> None:
    known = chain(4000, w0=S.FAILED)
    gates = decide(known, known, Room(9))
    assert gates["w3999"] == "w3998 is pending: w0 is failed, it has to be ready"


# ── the gates that hold all ───────────────────────────────────────────────────────────────────────────────────────


def test_up_to_max_starting_start_at_a_time_and_the_first_in_line_are_next() -> None:
    names = [f"w{n}" for n in range(60)]
    story = Story(crowd(**dict.fromkeys(names, S.PENDING)), Room(1000, max_starting=7))
    order = story.told(Admitted)
    while story.roster.crowd.counts.starting:
        assert story.roster.crowd.counts.starting <= 7
        waiting = [name for name in names if story.state(name) is S.PENDING]
        assert {story.gate(name) for name in waiting} <= {"waiting for a place among the 7 that start at a time"}
        ready = [name for name in names if story.state(name) is S.STARTING]
        for name in ready[: 1 + len(order) % 3]:
            order += story.change(name, S.RUNNING).told(Admitted)
    assert order == names


def test_who_was_let_in_keeps_its_place_whatever_it_said_before_it_heard_of_that() -> None:
    story = Story(crowd(a=S.PENDING, b=S.PENDING), Room(9, max_starting=1))
    assert story.told(Admitted) == ["a"]
    assert story.change("a", S.PENDING).told(Admitted) == []  # sent on its way, before it heard
    assert story.state("a") is S.STARTING
    assert story.change("a", S.STARTING).told(Admitted) == []
    assert story.change("a", S.PENDING).told(Admitted) == ["a"]  # it has to wait again, and keeps its turn


def test_restarts_count_as_starting_though_no_gate_holds_them() -> None:
    known = crowd(a=S.STARTING, b=S.STARTING, c=S.BACKOFF, d=S.PENDING)
    assert decide("d", known, Room(9, max_starting=2))["d"] == "waiting for a place among the 2 that start at a time"
    assert decide("d", known, Room(9, max_starting=3)) == {"d": None}
    assert decide("d", known, Room(9, max_starting=0)) == {"d": None}


def test_too_little_memory_holds_all_and_says_the_numbers() -> None:
    known = crowd(a=S.RUNNING, b=S.PENDING, c=S.PENDING)
    gate = "waiting for memory: 310MB are available, 500MB have to be"
    room = Room(9, least_memory=500_000_000, memory=312_345_678)
    assert decide("bc", known, room) == {"b": gate, "c": gate}
    assert decide("bc", known, replace(room, memory=500_000_000)) == {"b": None, "c": None}
    assert decide("bc", known, replace(room, memory=None)) == {"b": None, "c": None}
    nearly = decide("b", known, replace(room, memory=499_999_999))
    assert nearly == {"b": "waiting for memory: 490MB are available, 500MB have to be"}


def test_a_worker_is_held_while_too_few_processes_are_left() -> None:
    enough, limit = KEPT_TASKS + TASKS_A_WORKER, "pids.max of the cgroup /x is 30"
    assert full(Room(9, tasks=enough, tasks_limit=limit), 0, 0) is None
    held = Gate(Hold.CAPACITY, f"capacity: no process is left for a worker: {limit}")
    assert full(Room(9, tasks=enough - 1, tasks_limit=limit), 0, 0) == held
