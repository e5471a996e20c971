"""What holds a pending worker: each condition, and what is said of one that is not met."""

from dataclasses import replace

import pytest

from actors.admission import Standing, decide, unmet
from actors.messages import Exit, Handle
from actors.records import Record
from actors.spec import Condition, WorkerSpec
from actors.worker_state import State

S = State
ROOT = Handle(100, 1)
WELL, BADLY = Exit(0, None, 5.0), Exit(1, None, 5.0)


def spec(name: str, **on: Condition) -> WorkerSpec:
    return WorkerSpec(name=name, command="true", cwd="/", depends_on=tuple(on.items()))


def standing(state: State, *, exit: Exit | None = None, alive: bool = False, name: str = "db") -> Standing:
    """A worker in this state; `alive`: something of its last life lives, or may."""
    record = Record(spec=spec(name), exit=exit, judged="l1" if exit else None)
    return Standing(state, replace(record, life="l2", process=ROOT) if alive else record)


STANDINGS = {
    "unborn": standing(S.UNBORN),
    "pending": standing(S.PENDING),
    "pending again": standing(S.PENDING, exit=WELL),
    "ordered": standing(S.STARTING),
    "starting": standing(S.STARTING, alive=True),
    "running": standing(S.RUNNING, alive=True),
    "running again": standing(S.RUNNING, exit=BADLY, alive=True),
    "backoff": standing(S.BACKOFF, exit=BADLY),
    "stopping": standing(S.STOPPING, alive=True),
    "completed": standing(S.COMPLETED, exit=WELL),
    "marked done": standing(S.COMPLETED),
    "failed": standing(S.FAILED, exit=BADLY),
    "failed without running": standing(S.FAILED),
    "failed, and being ended": standing(S.FAILED, exit=BADLY, alive=True),
    "stopped": standing(S.STOPPED, exit=BADLY),
    "stopped before it ran": standing(S.STOPPED),
    "quarantined": standing(S.QUARANTINED, exit=WELL),
}
RUNS = {"running", "running again", "completed", "marked done"}
MET = {
    Condition.STARTED: RUNS | {"starting"},
    Condition.READY: RUNS,
    Condition.COMPLETED: {"completed", "marked done"},
    Condition.EXITED: {"completed", "failed", "stopped"},
}


@pytest.mark.parametrize("on", list(Condition))
def test_a_condition_is_met_by_these_and_no_others(on: Condition) -> None:
    met = {what for what, db in STANDINGS.items() if unmet(spec("api", db=on), {"db": db}) is None}
    assert met == MET[on]


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("failed without running", "db is failed, it has to be completed"),
        ("stopped", "db is stopped, it has to be completed"),
        ("quarantined", "db is quarantined, it has to be completed"),
        ("running", "waiting for db to be completed"),
        ("backoff", "waiting for db to be completed"),
        ("unborn", "waiting for db to be completed"),
    ],
)
def test_a_reason_says_whether_time_may_mend_it(what: str, reason: str) -> None:
    assert unmet(spec("api", db=Condition.COMPLETED), {"db": STANDINGS[what]}) == reason


def test_a_dependency_that_is_not_there_is_named() -> None:
    assert unmet(spec("api", db=Condition.EXITED), {}) == "db does not exist"


def test_who_waits_takes_no_place_and_lets_others_pass() -> None:
    api = Standing(S.PENDING, Record(spec=spec("api", db=Condition.COMPLETED)))
    others = {name: standing(S.PENDING, name=name) for name in ("db", "web")}
    gates = decide(["api", "db", "web"], {"api": api, **others}, places=1)
    assert gates == {
        "api": "waiting for db to be completed",
        "db": None,
        "web": "capacity: all 1 places are taken",
    }
