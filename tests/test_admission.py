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
    met = {what for what, db in STANDINGS.items() if unmet(spec("api", db=on), {"db": db}, {}) is None}
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
    assert unmet(spec("api", db=Condition.COMPLETED), {"db": STANDINGS[what]}, {}) == reason


def test_a_dependency_that_is_not_there_is_named() -> None:
    assert unmet(spec("api", db=Condition.EXITED), {}, {}) == "db does not exist"


def chain(length: int, **states: State) -> dict[str, Standing]:
    """w0, w1, …: each but the first waits for the one before to be ready; pending unless told otherwise."""
    found = {}
    for n in range(length):
        needs = spec(f"w{n}", **({f"w{n - 1}": Condition.READY} if n else {}))
        found[needs.name] = Standing(states.get(needs.name, S.PENDING), Record(spec=needs))
    return found


def test_all_above_a_failed_worker_are_told_what_it_comes_down_to() -> None:
    standings = chain(6, w0=S.RUNNING, w1=S.RUNNING, w2=S.FAILED)
    assert decide(standings, standings, places=9) == {
        "w3": "w2 is failed, it has to be ready",
        "w4": "w3 is pending: w2 is failed, it has to be ready",
        "w5": "w4 is pending: w2 is failed, it has to be ready",
    }
    standings |= chain(3, w0=S.RUNNING, w1=S.RUNNING, w2=S.STARTING)
    assert decide(standings, standings, places=9) == {f"w{n}": f"waiting for w{n - 1} to be ready" for n in (3, 4, 5)}


def test_what_time_does_not_mend_is_told_before_what_it_may() -> None:
    standings = {"slow": standing(S.STARTING, name="slow"), "bad": standing(S.FAILED, name="bad")}
    needs = spec("api", slow=Condition.READY, bad=Condition.READY)
    standings["api"] = Standing(S.PENDING, Record(spec=needs))
    assert decide(["api"], standings, places=9) == {"api": "bad is failed, it has to be ready"}


def test_a_chain_of_thousands_is_decided_in_a_moment() -> None:
    standings = chain(4000, w0=S.FAILED)
    gates = decide(standings, standings, places=9)
    assert gates["w3999"] == "w3998 is pending: w0 is failed, it has to be ready"


def test_a_worker_whose_name_sounds_like_waiting_is_no_less_failed() -> None:
    standings = {"waiting": standing(S.FAILED, name="waiting")}
    for name, needs in (("a", "waiting"), ("b", "a")):
        standings[name] = Standing(S.PENDING, Record(spec=spec(name, **{needs: Condition.READY})))
    assert decide("ab", standings, places=9)["b"] == "a is pending: waiting is failed, it has to be ready"


def test_who_waits_takes_no_place_and_lets_others_pass() -> None:
    api = Standing(S.PENDING, Record(spec=spec("api", db=Condition.COMPLETED)))
    others = {name: standing(S.PENDING, name=name) for name in ("db", "web")}
    gates = decide(["api", "db", "web"], {"api": api, **others}, places=1)
    assert gates == {
        "api": "waiting for db to be completed",
        "db": None,
        "web": "capacity: all 1 places are taken",
    }
